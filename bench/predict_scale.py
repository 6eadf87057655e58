"""Prediction of many images: stages beside each other or in turn, and what ten times the images cost.

    python -m bench.predict_scale [--sam litemedsam] [--images 20] [--rounds 5] [--counts 100 1000]

First `predict_files` beside the same stages one after the other, alternating in one process, with images a second.
Then, for each count and with the tiny SAM, seconds an image and the greatest memory of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import autosam
from autosam.data.inputs import find_images
from autosam.inference.model import Model
from autosam.inference.stages import predict, read, write
from autosam.inference.table import append_row
from autosam.inference.writer import predict_files
from bench.pairs import compare
from bench.untrained import write_images, write_run


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="litemedsam")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--counts", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--only", type=Path, nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        alone(*given.only)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if given.rounds:
            paired(folder, given.sam, given.engine, given.images, given.rounds)
        run = write_run(folder / "tiny", "tiny-random")
        for number in given.counts:
            images = write_images(folder / f"images{number}", number)
            done = subprocess.run(
                [sys.executable, "-m", "bench.predict_scale", "--only", run, images, folder / f"masks{number}"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found = json.loads(done.stdout)
            print(
                f"{number} images, tiny-random: {1000 * found['seconds'] / number:.1f} ms an image (CPU "
                f"{1000 * found['cpu'] / number:.1f} ms), greatest memory {found['bytes'] / 2**20:.0f} MiB"
            )


def paired(folder: Path, sam: str, engine: str, number: int, rounds: int) -> None:
    """Prints the rounds of both ways to predict the same images, and images a second of the better round."""
    images = write_images(folder / "images", number)
    model = autosam.load(write_run(folder / "run", sam), engine=engine)
    print(f"{number} images of 256 x 256, {sam}, {model.encoder}")
    turns, best = count(), [float("inf")]

    def beside() -> None:
        started = time.perf_counter()
        predict_files(model, [images], folder / f"out{next(turns)}")
        best[0] = min(best[0], time.perf_counter() - started)

    compare(
        ("in turn", "beside each other"), (lambda: in_turn(model, images, folder / f"out{next(turns)}"), beside), rounds
    )
    print(f"{number / best[0]:.2f} images a second in the best round")


def in_turn(model: Model, images: Path, out: Path) -> None:
    """Reads, predicts and writes one image after the other."""
    out.mkdir()
    for name, file in find_images([images]):
        append_row(out / "predictions.csv", write(predict(model, read((name, file)), file), file, out))


def alone(run: Path, images: Path, out: Path) -> None:
    """Predicts the images in this process; prints its seconds and its greatest memory as JSON."""
    model = autosam.load(run, engine="torch")
    started = time.perf_counter(), time.process_time()
    predict_files(model, [images], out)
    spent = time.perf_counter() - started[0], time.process_time() - started[1]
    print(json.dumps({"seconds": spent[0], "cpu": spent[1], "bytes": most_memory()}))


def most_memory() -> int:
    """Returns the most bytes of memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        # The system's own record of a process starts with what its parent held.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
