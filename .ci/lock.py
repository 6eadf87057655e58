"""Writes requirements.lock: the versions of constraints.txt, each with the SHA-256 of the file that pip takes here.

    python .ci/lock.py            # asks pip, writes the file
    python .ci/lock.py --check    # only holds its names and versions to constraints.txt

No address of an index is written: whichever index pip is set up for must serve the same bytes. torch is not in it: its
builds (CPU, CUDA) differ by design, and the Makefile chooses one.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS, LOCK = ROOT / "constraints.txt", ROOT / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Returns the version of each package, by its normalised name."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in _PIN.findall(text)}


def resolved(wanted: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Returns file name and SHA-256 of what pip would install, by name; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        listing, report = Path(folder) / "pins.txt", Path(folder) / "report.json"
        listing.write_text("".join(f"{name}=={version}\n" for name, version in wanted.items()))
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--no-deps", "--only-binary", ":all:", "--report", str(report)]
        subprocess.run([*command, "-r", str(listing)], check=True)
        return files(report.read_text())


def files(report: str) -> dict[str, tuple[str, str]]:
    """Returns file name and SHA-256 by package, of a report of pip."""
    found = {}
    for entry in json.loads(report)["install"]:
        name = re.sub(r"[-_.]+", "-", entry["metadata"]["name"]).lower()
        source = entry["download_info"]
        found[name] = source["url"].rpartition("/")[2], source["archive_info"]["hashes"]["sha256"]
    return found


def text_of(wanted: dict[str, str], found: dict[str, tuple[str, str]]) -> str:
    """Returns the lock file."""
    lines = [
        "# Made by `make lock` from constraints.txt: what pip takes on "
        f"{platform.system()} {platform.machine()} with Python {sys.version_info[0]}.{sys.version_info[1]}.",
        "# `make setup` installs from it with --require-hashes there; elsewhere the versions hold, without the hashes.",
        "",
    ]
    for name, version in sorted(wanted.items()):
        file, digest = found[name]
        lines.append(f"{name}=={version} --hash=sha256:{digest}  # {file}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    wanted = pins(PINS.read_text())
    if given.check:
        held = pins(LOCK.read_text())
        differing = sorted(name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name))
        if differing:
            sys.exit(f"requirements.lock and constraints.txt differ in {', '.join(differing)}: run make lock")
        return
    LOCK.write_text(text_of(wanted, resolved(wanted)))
    print(f"{LOCK.name}: {len(wanted)} packages")


if __name__ == "__main__":
    main()
