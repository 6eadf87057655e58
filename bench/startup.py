"""What a person waits for: import, help, and the first mask of one image with everything kept from an earlier time.

    python -m bench.startup [--sam litemedsam] [--engine auto] [--rounds 5]

Each in a fresh process, in turn; prints every round, and keeps wall-clock seconds for the page, the processor's beside.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import load
from bench.result import Row, keep
from bench.untrained import write_images, write_run

MOST = {"import autosam": 0.3, "autosam --help": 0.3, "first mask": 5.0}
"""Seconds that a person may wait."""
_COMMAND = [sys.executable, "-c", "from autosam.cli.main import run; run()"]


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="litemedsam")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run, images = write_run(folder / "run", given.sam), write_images(folder / "images", 1)
        (image,) = images.iterdir()

        def predict(number: int) -> tuple[float, float]:
            out = folder / f"out{number}"
            asked = ["predict", str(run), str(image), "--out", str(out), "--engine", given.engine, "--quiet"]
            return seconds([*_COMMAND, *asked], out / "masks" / f"{image.stem}.png")

        # The first one measures engines and converts; what it keeps is what a later start finds.
        predict(-1)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in MOST}
        loads: list[float] = []
        for number in range(given.rounds):
            loads.append(load())
            print(f"round {number + 1}, load {loads[-1]:.1f}: ", end="")
            for name, took in (
                ("import autosam", seconds([sys.executable, "-c", "import autosam"])),
                ("autosam --help", seconds([*_COMMAND, "--help"])),
                ("first mask", predict(number)),
            ):
                found[name].append(took)
                print(f"{name} {took[0]:.2f} s (CPU {took[1]:.2f} s)", end="; ")
            print(flush=True)
    rows = []
    for name, times in found.items():
        walls, processor = (list(each) for each in zip(*times, strict=True))
        rows.append(
            Row(
                path=name,
                baseline="the most that a person may wait",
                unit="s",
                before=[MOST[name]] * len(walls),
                after=walls,
                ratio=statistics.median(MOST[name] / wall for wall in walls),
                note=f"CPU {statistics.median(processor):.2f} s",
                load=loads,
            )
        )
    keep("startup", rows)


def seconds(command: list[str], until: Path | None = None) -> tuple[float, float]:
    """Returns the wall-clock seconds until a file is there, or the command's end, and the CPU seconds of all of it."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (until is not None and until.exists()):
            time.sleep(0.005)
        waited = time.perf_counter() - started
        if process.wait() != 0:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return waited, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
