"""Where files go, and the only way they are written: whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from autosam.core.errors import ResourceError, UsageError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where a disk or a quota is full."""
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")


def cache_folder() -> Path:
    """Returns the folder of weights and embeddings: AUTOSAM_CACHE, else autosam under the user's cache folder.

    Raises:
        UsageError: where neither is named and the user has no home folder.
    """
    named = os.environ.get("AUTOSAM_CACHE")
    if named:
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autosam"
    except RuntimeError as fault:
        raise UsageError(
            "this user has no home folder to keep weights and embeddings in", cure="Name a folder in AUTOSAM_CACHE"
        ) from fault


def place_torch_folder() -> None:
    """Lets the folder that torch makes for its compiler be in the cache, where the user has named no other place.

    It is made when transformers is imported or an optimiser is made, used or not, and would else stay in the temporary
    folder, which is where it goes when the cache cannot be written.
    """
    folder = cache_folder() / "inductor"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))


def sha256(file: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def disk_faults(file: Path) -> Iterator[None]:
    """Turns a full disk into an error that says so.

    Raises:
        ResourceError: in place of the OSError of a full disk or quota.
    """
    try:
        yield
    except OSError as fault:
        if fault.errno in FULL:
            raise ResourceError(
                "no space left to write it; what was there before is untouched",
                file=file,
                cure="Free some space and try again",
            ) from fault
        raise


@contextlib.contextmanager
def written(file: Path, *, lasting: bool = True) -> Iterator[BinaryIO]:
    """Gives the stream of a file that is being written: temporary sibling, fsync, rename, fsync of the folder.

    A reader sees the old file or the new one, never a part; a fault leaves the old file and no temporary one.

    Args:
        file: where it goes.
        lasting: whether it must outlast a power cut right after. Without, the folder is not synced: the file may be
            gone then, but it is not cut.

    Raises:
        ResourceError: where the disk is full.
    """
    # A character may take four bytes, and a name ends at 255 of them.
    temporary = file.with_name(f".{file.name[:50]}.{secrets.token_hex(6)}.tmp")
    with disk_faults(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except BaseException as fault:
            temporary.unlink(missing_ok=True)
            # What is told to a user is the file that was asked for.
            if isinstance(fault, OSError) and fault.filename == str(temporary):
                fault.filename = str(file)
            raise
        if lasting:
            sync_folder(file.parent)


def write_atomically(file: Path, write: Callable[[BinaryIO], object], *, lasting: bool = True) -> None:
    """Writes a file through `write`, whole or not at all; see `written`.

    Raises:
        ResourceError: where the disk is full.
    """
    with written(file, lasting=lasting) as stream:
        write(stream)


def try_to_write(folder: Path) -> None:
    """Finds out whether a folder takes a file, before the work at whose end one would be written.

    Trying alone tells: of rights, of disks that are read-only or full. Of a folder that is not there yet, the nearest
    above is tried; nothing is left in it.

    Raises:
        OSError: naming the folder, where it cannot be written.
        ResourceError: where the disk is full.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    trial = there / f".trial.{secrets.token_hex(6)}.tmp"
    with disk_faults(folder):
        try:
            trial.write_bytes(b"\0")
            trial.unlink()
        except OSError as fault:
            with contextlib.suppress(OSError):
                trial.unlink()
            fault.filename = str(there)
            raise


def is_temporary(file: Path) -> bool:
    """Says whether a file is one that `written` has not finished."""
    return _TEMPORARY.fullmatch(file.name) is not None


def missing_folders(folder: Path) -> list[Path]:
    """Returns a folder and those it is in as far as they are not there yet, the innermost first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Removes folders, the innermost first, up to the first that holds something or cannot be removed."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def sweep(folder: Path) -> None:
    """Removes what killed writers left in a folder, at any depth; only for the one who holds it."""
    for file in folder.rglob(".*.tmp"):
        if is_temporary(file):
            file.unlink(missing_ok=True)


def take_lock(handle: int) -> bool:
    """Takes an open file or folder for this process until it is closed; False where another process has it.

    Some network file systems know no locks; there it is taken on trust.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Takes an existing folder for this process; the system lets go of it when the process ends, however it ends.

    Raises:
        UsageError: where another process has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not take_lock(handle):
            raise UsageError("another process is writing in it", file=folder, cure="Wait for it, or give another --out")
        yield
    finally:
        os.close(handle)


def write_bytes(file: Path, data: bytes, *, lasting: bool = True) -> None:
    """Writes `data` as `file`, whole or not at all; see `write_atomically`."""
    write_atomically(file, lambda stream: stream.write(data), lasting=lasting)


def write_text(file: Path, text: str) -> None:
    """Writes `text` as UTF-8, whole or not at all."""
    write_bytes(file, text.encode())


def write_json(file: Path, value: Any) -> None:
    """Writes `value` as indented JSON with sorted keys, whole or not at all; NaN is refused."""
    write_text(file, json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def append_line(file: Path, line: str) -> None:
    """Adds one line to a log in a single write; a kill leaves at most a last line cut short.

    Raises:
        ResourceError: where the disk is full.
    """
    with disk_faults(file), file.open("ab") as stream:
        stream.write(line.encode() + b"\n")


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as fault:
        # Some network file systems cannot sync a folder; the rename itself is still atomic there.
        if fault.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def last_change(file: Path) -> float:
    """Returns when a file's content or its place in a folder last changed, in seconds since the epoch.

    A file that is put in another's place may bring an older time of its content along; the system's own time of the
    change does not go back.
    """
    state = file.stat()
    return max(state.st_mtime, state.st_ctime)
