"""An output folder that cannot be used is told before there is anything to write."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from autosam.core.errors import UsageError
from autosam.inference.claim import claim


def test_a_new_folder_is_made_and_an_empty_one_taken(tmp_path: Path) -> None:
    for _ in range(2):
        claim(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())


def test_what_holds_something_or_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="not empty"):
        claim(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        claim(tmp_path / "file")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs the tests may be allowed everything.
    def refuses(path: Path, content: bytes) -> int:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuses)
    with pytest.raises(UsageError, match=r"cannot be written \(Read-only"):
        claim(tmp_path)
