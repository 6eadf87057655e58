"""Frozen SAMs, prompt encoders and what is built of them."""
