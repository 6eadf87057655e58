"""From files to masks: engines, embeddings, predictions."""
