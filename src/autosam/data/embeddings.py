"""The cache of image embeddings: kept by key, held to a checksum, rebuilt rather than trusted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch

from autosam.core.errors import ModelError, ResourceError
from autosam.core.files import write_bytes
from autosam.core.memory import check_room
from autosam.core.prompt import ImageEmbedding

CACHE_BYTES = 64 << 30
_SUFFIX = ".safetensors"
_STALE_SECONDS = 3600
# How old the time of an entry's last use may be before it is written again.
_USED_SECONDS = 600
_ROOM_AFTER_PRUNE = 0.9
# A full disk is given this many times what it has no room for.
_GIVEN_UP_AT_ONCE = 64
# Left to everything else: a tenth of a small disk, this much of a large one.
_MOST_LEFT_FREE = 8 << 30


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
    """Embeddings on disk, one file a key, in half precision; any number of processes and threads may read and write.

    An entry is held to its checksum when this object first reads it, and again where its file was written since. Its
    values stay where they are, mapped into memory: what is not looked at is not read.

    Args:
        folder: where the files lie, in sub-folders by the first two letters of the key.
        max_bytes: the entries used least recently are removed past this size; None for no bound.
    """

    def __init__(self, folder: Path, max_bytes: int | None = None) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._bytes: int | None = None
        self._counting = threading.Lock()
        self._sound: dict[str, tuple[int, int, int]] = {}
        self._made = time.time()

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
            state = file.stat()
            written = (state.st_ino, state.st_mtime_ns, state.st_size)
            embedding = _mapped(key, file, trusted=self._sound.get(key) == written)
        except OSError:
            return None
        with contextlib.suppress(OSError):
            if embedding is None:
                file.unlink(missing_ok=True)
            else:
                self._sound[key] = written
                if time.time() - state.st_atime > _USED_SECONDS:
                    os.utime(file, ns=(time.time_ns(), state.st_mtime_ns))
        return embedding

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Stores an embedding, whole or not at all.

        A full disk gets back entries that nothing has used since this object was made.

        Raises:
            ModelError: where a value is NaN or infinite, or half precision cannot hold it.
            ResourceError: where the disk is full all the same.
        """
        data = _packed(key, embedding)
        try:
            # An entry that a power cut takes is made again, and one that it cuts fails its checksum.
            write_bytes(self._file(key), data, lasting=False)
        except ResourceError:
            self._put_for_old(key, data)
        self._sound.pop(key, None)
        if self.max_bytes is None:
            return
        with self._counting:
            self._bytes = self.size() if self._bytes is None else self._bytes + len(data)
            if self._bytes > self.max_bytes:
                self.prune(int(self.max_bytes * _ROOM_AFTER_PRUNE))

    def room(self, shape: tuple[int, int, int]) -> int:
        """Returns how many embeddings of `shape` (C, h, w) fit into the cache.

        A tenth of the disk stays free, of a large one 8 GiB.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        disk = shutil.disk_usage(self.folder)
        bytes_here = self.size() + max(0, disk.free - min(disk.total // 10, _MOST_LEFT_FREE))
        most = bytes_here if self.max_bytes is None else min(bytes_here, int(self.max_bytes * _ROOM_AFTER_PRUNE))
        return most // (2 * math.prod(shape))

    def size(self) -> int:
        """Returns the bytes that all entries take."""
        return sum(size for _, _, size in self._entries())

    def __len__(self) -> int:
        return sum(1 for _ in self._entries())

    def check(self) -> CacheState:
        """Reads every entry, removes damaged ones and what killed writers left; returns what is sound."""
        self._sweep()
        entries = total = damaged = 0
        for used, file, size in list(self._entries()):
            with contextlib.suppress(OSError):
                if _mapped(file.stem, file, trusted=False) is None:
                    file.unlink(missing_ok=True)
                    damaged += 1
                else:
                    # To look at an entry is not to use it.
                    os.utime(file, ns=(int(used * 1e9), file.stat().st_mtime_ns))
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
        freed = _remove(entries, total - max_bytes)
        self._bytes = total - freed
        return freed

    def _put_for_old(self, key: str, data: bytes) -> None:
        """Stores an entry that the disk had no room for in the place of old ones, those used least recently first."""
        # One thread at a time: another may just have made the room.
        with self._counting:
            self._bytes = None
            while True:
                try:
                    write_bytes(self._file(key), data, lasting=False)
                    return
                except ResourceError:
                    # The time of an entry's last use may be that much behind.
                    old = [each for each in sorted(self._entries()) if each[0] < self._made - _USED_SECONDS]
                    if not _remove(old, _GIVEN_UP_AT_ONCE * len(data)):
                        raise

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def _entries(self) -> Iterator[tuple[float, Path, int]]:
        for file in self.folder.glob(f"??/*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                state = file.stat()
                yield max(state.st_atime, state.st_mtime), file, state.st_size

    def _sweep(self) -> None:
        for file in self.folder.glob("??/.*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > _STALE_SECONDS:
                    file.unlink(missing_ok=True)


def _remove(entries: list[tuple[float, Path, int]], wanted: int) -> int:
    """Removes entries (last use, file, size) from the first on until `wanted` bytes are freed; returns those."""
    freed = 0
    for _, file, size in entries:
        if freed >= wanted:
            break
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
            freed += size
    return freed


def _packed(key: str, embedding: ImageEmbedding) -> bytes:
    parts = {"main": embedding.main} | {f"fine.{index}": fine for index, fine in enumerate(embedding.fine)}
    halves = {name: part.detach().to("cpu", torch.float16).contiguous() for name, part in parts.items()}
    if not all(bool(torch.isfinite(half).all()) for half in halves.values()):
        raise ModelError(
            "the image encoder gave values that are NaN, infinite or past half precision",
            cure="Check the image and the weights, or train without the cache (--views 0)",
        )
    # It holds the file twice, and knows no lack of memory.
    check_room(2 * sum(half.nbytes for half in halves.values()))
    return safetensors.torch.save(halves, metadata={"checksum": _checksum(key, halves)})


def _mapped(key: str, file: Path, *, trusted: bool) -> ImageEmbedding | None:
    """Returns a file's embedding, its values mapped; unless it is trusted, only where the checksum holds.

    Raises:
        OSError: where it cannot be opened, which says nothing of its content.
    """
    try:
        with safetensors.safe_open(str(file), framework="pt") as stored:
            parts = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
            if not trusted and stored.metadata()["checksum"] != _checksum(key, parts):
                return None
        fine = tuple(parts[f"fine.{index}"] for index in range(len(parts) - 1))
        return ImageEmbedding(parts["main"], fine)
    except (OSError, MemoryError):
        raise
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
