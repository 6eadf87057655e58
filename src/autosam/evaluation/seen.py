"""Which images a run has seen, by its own record: scores on those say nothing of others."""

from __future__ import annotations

import json
from pathlib import Path

from autosam.core.errors import DataError


def seen_by(run: Path) -> dict[str, str] | None:
    """Returns what a run was trained, validated or quantised on, such as "train a.png", by the images' content hashes.

    Args:
        run: the folder that training wrote, or its checkpoint.

    Returns:
        None where the run has no such record.

    Raises:
        DataError: where the record cannot be read.
    """
    parts = recorded(run)
    if parts is None:
        return None
    return {key: f"{part} {name}" for part, hashes in parts.items() for name, key in hashes.items()}


def recorded(run: Path) -> dict[str, dict[str, str]] | None:
    """Returns a run's record of the images it has seen: part ("train", "val", ...) -> name -> content hash.

    For its arguments, None and errors see `seen_by`.
    """
    file = (run if run.is_dir() else run.parent) / "data.json"
    try:
        parts = json.loads(file.read_text(encoding="utf-8"))
        return {str(part): {str(name): str(key) for name, key in hashes.items()} for part, hashes in parts.items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError) as fault:
        raise DataError(
            "it is no record of training images", file=file, cure="Give the folder that `autosam train` wrote"
        ) from fault
