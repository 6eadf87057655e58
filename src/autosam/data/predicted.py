"""Folders that AutoSAM's predictions lie in: what is in them is neither an image nor a truth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from autosam.data.walk import Place

RECORD = "predict.json"
"""What lies in a folder of predictions: what they were made with."""


def predictions_among(places: Iterable[Place]) -> set[Path]:
    """Returns which of some folders, as `walked` gives them, are folders of predictions."""
    return {folder for folder, _, files in places if any(file.name == RECORD and _is_record(file) for file in files)}


def _is_record(file: Path) -> bool:
    """Says whether a file is AutoSAM's own: others may have one of that name among their images."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and {"card", "model", "threshold"} <= said.keys()
