"""Every fault of the list, through the real command line: what was tried, kept, lost.

    python -m harness.faults                 # all of it
    python -m harness.faults --quick         # the part that the tests run
    python -m harness.faults --only 1 16     # some cases

Prints its seed, a line a try, and the table; exits 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from harness.cases import images, machine, masks, places, training, weights
from harness.ledger import Case, Try, said_short, table
from harness.scene import Scene
from harness.warm import with_one_thread

CASES = (
    Case(1, "a pickle with code, offered as weights", weights.code, quick=True),
    Case(2, "safetensors cut, overlapping, with a huge header", weights.safetensors),
    Case(3, "weights of another model or size", weights.strangers),
    Case(4, "decompression bombs", images.bombs, quick=True),
    Case(5, "truncated, empty or wrongly named files", images.damaged, quick=True),
    Case(6, "an EXIF-rotated image beside an unrotated mask", masks.turned),
    Case(7, "unpaired, doubled or _0000 names", masks.names),
    Case(8, "image and mask of different size", masks.sizes, quick=True),
    Case(9, "a mask in every encoding", masks.encodings),
    Case(10, "empty or full masks", masks.extremes),
    Case(11, "a multi-class or instance mask given as binary", masks.classes),
    Case(12, "odd sizes, depths and modes; one image only", images.odd),
    Case(13, "the same image in train and test", masks.leaks),
    Case(14, "a NaN or infinite loss", training.diverged),
    Case(15, "out of memory", training.memory),
    Case(16, "SIGTERM, Ctrl-C or SIGKILL while training", training.interrupted),
    Case(16, "SIGKILL in every stage of trainings", training.kills),
    Case(16, "signals while predicting; --resume", places.stopped_predictions),
    Case(17, "the disk full at any write", places.full),
    Case(18, "the cache: crashes, flipped bits, two writers, the clock", training.cache),
    Case(19, "the last checkpoint corrupt", training.checkpoints, quick=True),
    Case(20, "odd names, read-only or existing output", places.names),
    Case(21, "the web page", None),
    Case(22, "a configuration with YAML tags", weights.configurations),
    Case(23, "DICOM and volumes", None),
    Case(24, "a patient's name in headers (PNG, TIFF; DICOM waits)", machine.privacy),
    Case(25, "no network, torchvision, temporary folder, memory", machine.machine),
)


def main() -> None:
    """Runs the harness from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/faults"))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", type=int, nargs="*", default=None)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--kills", type=int, default=20, help="SIGKILLs in every stage of trainings")
    parser.add_argument("--together", type=int, default=len(os.sched_getaffinity(0)), help="cases at a time")
    parser.add_argument(
        "--warm", action="store_true", help="fork commands from a process that has made their imports; a case at a time"
    )
    given = parser.parse_args()
    if given.warm:
        with_one_thread()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    chosen = [
        index
        for index, case in enumerate(CASES)
        if (given.only is None or case.number in given.only) and (case.quick or not given.quick or case.tries is None)
    ]
    print(f"seed {seed}", flush=True)
    shutil.rmtree(given.work, ignore_errors=True)
    # Where a shell runs the harness in the background, its commands would be deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started, work = time.monotonic(), given.work.absolute()
    scene = Scene(work / "whole", random.Random(seed), fresh=not given.warm, kills=given.kills)
    if given.warm:
        tries = [tell(index, scene, seed) for index in chosen]
    else:
        # Processes, not threads: what starts a limited command has to fork.
        with ProcessPoolExecutor(given.together, multiprocessing.get_context("spawn")) as pool:
            under_way = [
                pool.submit(alone, index, work / f"{index:02d}", scene.work, seed, given.kills) for index in chosen
            ]
            tries = [each.result() for each in under_way]
    rows = [(CASES[index], made) for index, made in zip(chosen, tries, strict=True)]
    print(f"\n{table(rows)}\n{time.monotonic() - started:.0f} s")
    sys.exit(1 if any(one.lost for _, made in rows for one in made) else 0)


def alone(index: int, work: Path, like: Path, seed: int, kills: int) -> list[Try]:
    """Runs a case in a scene of its own that is furnished like another; returns its tries."""
    if CASES[index].tries is None:
        return []
    return tell(index, Scene(work, random.Random(seed), kills=kills, like=like), seed)


def tell(index: int, scene: Scene, seed: int) -> list[Try]:
    """Runs a case, printing each try; returns them."""
    case = CASES[index]
    tries: list[Try] = []
    if case.tries is None:
        return tries
    # A case draws the same whichever others are tried.
    scene.rng = random.Random(f"{seed} {index}")
    for one in case.tries(scene):
        tries.append(one)
        lines = [f"{case.number:>2}  {'LOST' if one.lost else 'kept'}  {one.what}: {said_short(one.said, scene.work)}"]
        lines += [f"          {said_short(line, scene.work, 700)}" for line in one.lost]
        print("\n".join(lines), flush=True)
    return tries


if __name__ == "__main__":
    main()
