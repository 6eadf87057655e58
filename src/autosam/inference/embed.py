"""From a frame to its embedding, through the cache."""

from __future__ import annotations

import hashlib

import torch

from autosam.core.letterbox import Frame
from autosam.core.prompt import ImageEmbedding
from autosam.data.embeddings import EmbeddingCache
from autosam.inference.engine import Encoder


class Embedder:
    """Encodes frames, each one once.

    Args:
        encode: the encoder.
        cache: where embeddings are kept; None encodes every time.
    """

    def __init__(self, encode: Encoder, cache: EmbeddingCache | None = None) -> None:
        self.encode = encode
        self.cache = cache

    def key(self, frame: Frame) -> str:
        """Returns the key of a frame's embedding.

        It covers the very pixels that the encoder would see (augmented already) and everything else that its numbers
        depend on, so that an entry can be missing but never wrong.
        """
        square = frame.resized(self.encode.rule.size)
        content = hashlib.sha256(square.image.tobytes() + square.valid.tobytes()).hexdigest()
        rule = self.encode.rule
        return EmbeddingCache.key(
            content=content,
            size=rule.size,
            scaling=rule.scaling,
            pad=str(rule.pad),
            encoder=self.encode.identity,
            threads=self.encode.threads,
        )

    def has(self, frame: Frame) -> bool:
        """Says whether the cache holds a frame's embedding, which is then not encoded again."""
        return self.cache is not None and self.cache.get(self.key(frame)) is not None

    def __call__(self, frame: Frame, key: str | None = None) -> ImageEmbedding:
        """Returns the embedding of one frame, (1, C, h, w) in float32.

        With a cache its values are those that the cache keeps (rounded to half precision), whether it was there or not.
        """
        if self.cache is None:
            return self.encode(frame.pixels(self.encode.rule)[None])
        key = key or self.key(frame)
        kept = self.cache.get(key)
        if kept is None:
            fresh = self.encode(frame.pixels(self.encode.rule)[None])
            kept = fresh.to("cpu", torch.float16)
            self.cache.put(key, kept)
        return kept.to("cpu", torch.float32)
