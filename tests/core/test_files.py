"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from autosam.core.errors import ResourceError, UsageError
from autosam.core.files import (
    append_line,
    cache_folder,
    place_torch_folder,
    sha256,
    try_to_write,
    write_atomically,
    write_bytes,
    write_json,
)


def test_a_fault_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    write_bytes(file, b"old")

    def breaks(stream: BinaryIO) -> None:
        stream.write(b"half of the new")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_atomically(file, breaks)
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    write_bytes(file, b"old")

    def full(stream: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ResourceError, match=r"model\.bin.*no space") as fault:
        write_atomically(file, full)
    assert fault.value.exit_code == 5
    assert file.read_bytes() == b"old"


def test_a_folder_that_takes_nothing_is_told_by_the_file_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, mode: str) -> BinaryIO:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuses)
    with pytest.raises(PermissionError) as fault:
        write_bytes(tmp_path / "model.bin", b"new")
    assert fault.value.filename == str(tmp_path / "model.bin")


def test_a_folder_is_tried_and_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try_to_write(tmp_path)
    try_to_write(tmp_path / "not" / "yet")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError) as fault:
        try_to_write(tmp_path / "file" / "out")
    assert fault.value.filename == str(tmp_path / "file")

    def fills(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", fills)
    with pytest.raises(ResourceError, match="no space"):
        try_to_write(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_nan_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"dice": float("nan")})
    assert not list(tmp_path.iterdir())


def test_lines_are_appended(tmp_path: Path) -> None:
    append_line(tmp_path / "log", "one")
    append_line(tmp_path / "log", "two")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_the_cache_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_a_user_without_a_home_is_told_where_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("AUTOSAM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(UsageError, match="AUTOSAM_CACHE"):
        cache_folder()


def test_torch_keeps_its_own_folder_where_the_cache_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    (tmp_path / "file").touch()
    for cache, named in ((tmp_path / "file", None), (tmp_path / "cache", str(tmp_path / "cache" / "inductor"))):
        monkeypatch.setenv("AUTOSAM_CACHE", str(cache))
        place_torch_folder()
        assert os.environ.get("TORCHINDUCTOR_CACHE_DIR") == named


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
