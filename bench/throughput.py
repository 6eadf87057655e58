"""A folder of images through `autosam predict`: images a second with all files written, and whether memory stays flat.

    python -m bench.throughput [--images 1000] [--run RUN]

The command runs in a process of its own, start-up included, and its resident memory is read twice a second. Images are
256x256 PNG. About 5 minutes for 1000 images on two cores with bf16 instructions, three times that without.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from autosam.models.frozen_sam import load_sam
from bench.machine import load
from bench.made import make_run, pictures
from bench.result import Row, keep

FLOOR = 4.0
# What memory may grow by from the second fifth of a run to its last.
FLAT = 1.05
_AUTOSAM = [sys.executable, "-c", "from autosam.cli.main import run; run()"]


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--run", type=Path, help="a trained run; one with a drawn g is made where none is given")
    parser.add_argument("--sam", default="litemedsam", help="the SAM of the run that is made")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = given.run or make_run(load_sam(given.sam), "sam-features", folder / "run")
        images = pictures(folder / "images", given.images, 256)
        # The self-test and the graph belong to a first start, not to a thousand images.
        predict(run, pictures(folder / "one", 1, 256), folder / "first")
        seconds, memory = predict(run, images, folder / "out")
        masks = len(list((folder / "out").rglob("*.png")))
    fifth = max(1, len(memory) // 5)
    growth = statistics.median(memory[-fifth:]) / statistics.median(memory[fifth : 2 * fifth] or memory)
    rate = given.images / seconds
    print(f"{given.images} images in {seconds:.1f} s, {masks} PNG files; memory {max(memory):.0f} MB at most")
    row = Row(
        path=f"{given.images} images of 256x256, {given.sam}, sam-features, files written",
        baseline="one image a second",
        unit="images/s",
        before=[1.0],
        after=[rate],
        ratio=rate,
        floor=FLOOR,
        note=f"peak {max(memory):.0f} MB; memory grew {growth:.3f} times from the second fifth to the last: "
        + ("flat" if growth <= FLAT else "NOT FLAT"),
        load=[load()],
    )
    keep("throughput", [row])


def predict(run: Path, images: Path, out: Path) -> tuple[float, list[float]]:
    """Runs the command; returns its seconds and its resident memory in MB, twice a second."""
    command = [*_AUTOSAM, "predict", str(run), str(images), "--out", str(out), "--quiet"]
    started = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    memory = []
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            memory.append(process.memory_info().rss / 2**20)
        time.sleep(0.5)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - started, memory


if __name__ == "__main__":
    main()
