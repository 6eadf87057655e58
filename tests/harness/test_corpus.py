"""Files that once broke a reader, and those that fuzzing begins with: each is read, or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.fuzz import CORPUS, seeds
from harness.readers import READERS

_KEPT = sorted(path for path in CORPUS.glob("*/*") if path.parent.name in READERS)


@pytest.mark.parametrize("file", _KEPT, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_what_broke_a_reader_is_told(file: Path) -> None:
    READERS[file.parent.name](file.read_bytes())


@pytest.mark.parametrize("name", READERS)
def test_every_seed_is_read_or_told(name: str) -> None:
    for data in seeds(name):
        READERS[name](data)
