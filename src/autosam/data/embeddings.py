"""The cache of image embeddings: kept by key, held to a checksum, rebuilt rather than trusted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch

from autosam.core.errors import ModelError
from autosam.core.files import write_bytes
from autosam.core.prompt import ImageEmbedding

_SUFFIX = ".safetensors"
_STALE_SECONDS = 3600
_ROOM_AFTER_PRUNE = 0.9


@dataclass(frozen=True, slots=True)
class CacheState:
    """What `EmbeddingCache.check` found.

    Attributes:
        entries: how many sound entries there are.
        bytes: their size on disk.
        damaged: how many were damaged, and have been removed.
    """

    entries: int
    bytes: int
    damaged: int


class EmbeddingCache:
    """Embeddings on disk, one file a key, in half precision; any number of processes may read and write.

    Args:
        folder: where the files lie, in sub-folders by the first two letters of the key.
        max_bytes: the entries used least recently are removed past this size; None for no bound.
    """

    def __init__(self, folder: Path, max_bytes: int | None = None) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._bytes: int | None = None

    @staticmethod
    def key(**parts: str | int) -> str:
        """Returns the SHA-256, in hexadecimal, of everything that the embedding's bits depend on."""
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> ImageEmbedding | None:
        """Returns the embedding in half precision on the CPU; None where there is none.

        An entry whose checksum does not hold is removed, and there is none.
        """
        file = self._file(key)
        try:
            data = file.read_bytes()
        except OSError:
            return None
        embedding = _unpacked(key, data)
        with contextlib.suppress(OSError):
            if embedding is None:
                file.unlink(missing_ok=True)
            else:
                os.utime(file)
        return embedding

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Stores an embedding, whole or not at all.

        Raises:
            ModelError: where a value is NaN or infinite, or half precision cannot hold it.
            ResourceError: where the disk is full.
        """
        data = _packed(key, embedding)
        write_bytes(self._file(key), data)
        if self.max_bytes is None:
            return
        self._bytes = self.size() if self._bytes is None else self._bytes + len(data)
        if self._bytes > self.max_bytes:
            self.prune(int(self.max_bytes * _ROOM_AFTER_PRUNE))

    def room(self, shape: tuple[int, int, int]) -> int:
        """Returns how many embeddings of `shape` (C, h, w) fit into the cache; a tenth of the disk stays free."""
        self.folder.mkdir(parents=True, exist_ok=True)
        disk = shutil.disk_usage(self.folder)
        bytes_here = self.size() + max(0, disk.free - disk.total // 10)
        most = bytes_here if self.max_bytes is None else min(bytes_here, int(self.max_bytes * _ROOM_AFTER_PRUNE))
        return most // (2 * math.prod(shape))

    def size(self) -> int:
        """Returns the bytes that all entries take."""
        return sum(size for _, _, size in self._entries())

    def check(self) -> CacheState:
        """Reads every entry, removes damaged ones and what killed writers left; returns what is sound."""
        self._sweep()
        entries = total = damaged = 0
        for _, file, size in list(self._entries()):
            with contextlib.suppress(OSError):
                if _unpacked(file.stem, file.read_bytes()) is None:
                    file.unlink(missing_ok=True)
                    damaged += 1
                else:
                    entries, total = entries + 1, total + size
        return CacheState(entries, total, damaged)

    def prune(self, max_bytes: int) -> int:
        """Removes what killed writers left, and the entries used least recently down to `max_bytes`.

        Returns:
            The bytes freed.
        """
        self._sweep()
        entries = sorted(self._entries())
        total = sum(size for _, _, size in entries)
        freed = 0
        for _, file, size in entries:
            if total - freed <= max_bytes:
                break
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
                freed += size
        self._bytes = total - freed
        return freed

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def _entries(self) -> Iterator[tuple[float, Path, int]]:
        for file in self.folder.glob(f"??/*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                state = file.stat()
                yield state.st_mtime, file, state.st_size

    def _sweep(self) -> None:
        for file in self.folder.glob("??/.*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > _STALE_SECONDS:
                    file.unlink(missing_ok=True)


def _packed(key: str, embedding: ImageEmbedding) -> bytes:
    parts = {"main": embedding.main} | {f"fine.{index}": fine for index, fine in enumerate(embedding.fine)}
    halves = {name: part.detach().to("cpu", torch.float16).contiguous() for name, part in parts.items()}
    if not all(bool(torch.isfinite(half).all()) for half in halves.values()):
        raise ModelError(
            "the image encoder gave values that are NaN, infinite or past half precision",
            cure="Check the image and the weights, or train without the cache (--views 0)",
        )
    return safetensors.torch.save(halves, metadata={"checksum": _checksum(key, halves)})


def _unpacked(key: str, data: bytes) -> ImageEmbedding | None:
    try:
        length = int.from_bytes(data[:8], "little")
        written = json.loads(data[8 : 8 + length])["__metadata__"]["checksum"]
        parts = safetensors.torch.load(data)
        if written != _checksum(key, parts):
            return None
        fine = tuple(parts[f"fine.{index}"] for index in range(len(parts) - 1))
        return ImageEmbedding(parts["main"], fine)
    except Exception:
        # Whatever a damaged file makes a reader trip over, the answer is the same: it is not there.
        return None


def _checksum(key: str, parts: dict[str, torch.Tensor]) -> str:
    """Covers the key too, so that an entry under another's name does not pass."""
    digest = hashlib.sha256(key.encode())
    for name in sorted(parts):
        part = parts[name]
        digest.update(f"{name} {tuple(part.shape)} {part.dtype};".encode())
        digest.update(part.contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()
