"""Graphs that were converted for an engine, kept by the content that they were made of."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from autosam.core.errors import ResourceError
from autosam.core.files import cache_folder, disk_faults, sha256, write_json

_SUMS = "sums.json"
MAX_BYTES = 8 << 30
# A conversion takes minutes at most; what is older has no writer any more.
_STALE_SECONDS = 3600


class GraphCache:
    """Folders of files, one a key; any number of processes may read and write.

    Args:
        folder: where they lie; "graphs" in the cache folder where None.
        max_bytes: those used least recently are removed past this size.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder or cache_folder() / "graphs"
        self.max_bytes = max_bytes

    def get(self, key: str, make: Callable[[Path], object]) -> Path:
        """Returns the folder of a key, made by `make` (which fills an empty folder) where it is missing or damaged.

        Raises:
            ResourceError: where the disk is full, the folder cannot be written, or what is damaged cannot be removed.
        """
        place = self.folder / key
        if self.sound(key):
            return place
        shutil.rmtree(place, ignore_errors=True)
        made = self.folder / f".{key[:16]}.{secrets.token_hex(6)}.tmp"
        with disk_faults(made):
            try:
                made.mkdir(parents=True)
            except PermissionError as fault:
                raise ResourceError(
                    f"a graph cannot be kept here ({fault.strerror})",
                    file=self.folder,
                    cure="Name a cache folder in AUTOSAM_CACHE that can be written, or take --engine torch",
                ) from fault
            try:
                make(made)
                write_json(made / _SUMS, {file.name: sha256(file) for file in made.iterdir()})
                try:
                    made.rename(place)
                except OSError as fault:
                    # Another process may have been faster; its folder holds the same.
                    if not self.sound(key):
                        raise ResourceError(
                            f"this graph is damaged and cannot be made again ({fault.strerror})",
                            file=place,
                            cure="Remove it, or name another cache folder in AUTOSAM_CACHE",
                        ) from fault
            finally:
                shutil.rmtree(made, ignore_errors=True)
        self.prune(keep=place)
        return place

    def sound(self, key: str) -> bool:
        """Says whether a key is there with every byte as it was written; it then counts as used now."""
        place = self.folder / key
        whole = self._whole(place)
        if whole:
            with contextlib.suppress(OSError):
                os.utime(place)
        return whole

    def size(self) -> int:
        """Returns the bytes that all of them take."""
        return sum(_size(place) for place in self._places())

    def check(self) -> int:
        """Removes those that are not as they were written, and what killed writers left; returns how many they were."""
        self._sweep()
        damaged = [place for place in self._places() if not self._whole(place)]
        for place in damaged:
            shutil.rmtree(place, ignore_errors=True)
        return len(damaged)

    def __len__(self) -> int:
        return len(self._places())

    def prune(self, max_bytes: int | None = None, *, keep: Path | None = None) -> int:
        """Removes those used least recently down to `max_bytes`; returns the bytes freed."""
        self._sweep()
        most = self.max_bytes if max_bytes is None else max_bytes
        sizes = {place: _size(place) for place in self._places()}
        total, freed = sum(sizes.values()), 0
        for place, size in sizes.items():
            if total - freed <= most:
                break
            if place != keep:
                shutil.rmtree(place, ignore_errors=True)
                freed += size - _size(place)
        return freed

    def _whole(self, place: Path) -> bool:
        try:
            sums = json.loads((place / _SUMS).read_text(encoding="utf-8"))
            same = isinstance(sums, dict) and all(sha256(place / name) == sum_ for name, sum_ in sums.items())
        except (OSError, ValueError):
            return False
        return bool(sums) and same

    def _sweep(self) -> None:
        for left in self.folder.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)

    def _places(self) -> list[Path]:
        found: list[tuple[float, Path]] = []
        for file in self.folder.glob(f"*/{_SUMS}"):
            with contextlib.suppress(OSError):
                found.append((file.parent.stat().st_mtime, file.parent))
        return [place for _, place in sorted(found)]


def _size(place: Path) -> int:
    size = 0
    # Another process may remove it meanwhile.
    with contextlib.suppress(OSError):
        for file in place.iterdir():
            size += file.stat().st_size
    return size
