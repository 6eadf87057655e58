"""Measures everything that is said to be fast, and writes docs/speed.md.

    python -m bench [PART ...] [--rounds 5] [--images 1000] [--quick] [--run RUN --data DATA]

The parts are step, image, bounds, lite, compile, memory, throughput, startup, agreement (with --run and --data only)
and growth; all of them where none is named. Each is a program of its own, python -m bench.PART, and runs in its own
process. On two quiet cores a whole run takes about 50 minutes, half of it the re-stated reference and growth; --quick
takes two rounds, 60 images and few points, and about 15 minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from bench import page

PARTS = ("step", "image", "bounds", "lite", "compile", "memory", "throughput", "startup", "agreement", "growth")
_IN_ROUNDS = ("step", "image", "lite", "compile", "startup")


def main() -> None:
    """Runs the parts from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=1000, help="of throughput")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--run", type=Path, help="a run that was trained with LiteMedSAM")
    parser.add_argument("--data", type=Path, help="the folder of GlaS, for agreement")
    given = parser.parse_args()
    unknown = sorted(set(given.parts) - set(PARTS))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    failed = []
    for part in [name for name in PARTS if name in (given.parts or PARTS)]:
        flags = _flags(part, given)
        if flags is None:
            print("== agreement: left out, it needs --run and --data", flush=True)
            continue
        print(f"== {part}: python -m bench.{part} {' '.join(flags)}", flush=True)
        started = time.perf_counter()
        code = subprocess.run([sys.executable, "-m", f"bench.{part}", *flags], check=False).returncode
        print(f"== {part}: {'done' if code == 0 else f'ended with {code}'}, {time.perf_counter() - started:.0f} s")
        failed += [part] if code else []
    page.write()
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def _flags(part: str, given: argparse.Namespace) -> list[str] | None:
    """Returns the flags of a part; None where it cannot run."""
    if part == "agreement":
        return None if given.run is None or given.data is None else [str(given.run), str(given.data)]
    flags = []
    if part in _IN_ROUNDS:
        flags += ["--rounds", str(2 if given.quick else given.rounds)]
    if part == "growth" and given.quick:
        flags.append("--quick")
    if part == "throughput":
        flags += ["--images", str(60 if given.quick else given.images)]
    if part in ("lite", "throughput") and given.run is not None:
        flags += ["--run", str(given.run)]
    return flags


if __name__ == "__main__":
    main()
