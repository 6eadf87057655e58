"""Empty files in folders: all that is looked at is their names."""

from __future__ import annotations

from pathlib import Path


def touch(root: Path, *names: str) -> Path:
    """Makes empty files below a folder, and the folders that they lie in; returns the folder."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return root
