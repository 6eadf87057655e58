"""An output folder that cannot be used is told before there is anything to write."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from autosam.core.errors import UsageError
from autosam.inference.claim import claim


def test_a_new_folder_is_made_and_an_empty_one_taken(tmp_path: Path) -> None:
    for _ in range(2):
        with claim(tmp_path / "a" / "b"):
            pass
    assert not list((tmp_path / "a" / "b").iterdir())


def test_what_holds_something_or_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="not empty"):
        claim(tmp_path).__enter__()
    with pytest.raises(UsageError, match="is a file"):
        claim(tmp_path / "file").__enter__()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("before", ["", "a", "a/b"])
def test_what_a_fault_leaves_empty_is_removed_but_not_what_was_there(tmp_path: Path, before: str) -> None:
    (tmp_path / before).mkdir(parents=True, exist_ok=True)
    with pytest.raises(KeyboardInterrupt), claim(tmp_path / "a" / "b"):
        raise KeyboardInterrupt
    assert (tmp_path / "a").exists() == bool(before)
    assert (tmp_path / "a" / "b").exists() == (before == "a/b")


def test_what_was_written_before_a_fault_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), claim(tmp_path / "a"):
        (tmp_path / "a" / "file").touch()
        raise KeyboardInterrupt
    assert (tmp_path / "a" / "file").exists()


def test_nothing_is_claimed_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with claim(None):
        assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs the tests may be allowed everything.
    def refuses(path: Path, content: bytes) -> int:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuses)
    with pytest.raises(UsageError, match=r"cannot be written \(Read-only"), claim(tmp_path / "new"):
        pass
    assert not list(tmp_path.iterdir())
