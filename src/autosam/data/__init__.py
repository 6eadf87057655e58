"""Images, masks and their pairs; augmentation; the cache of embeddings; pictures of masks over images."""
