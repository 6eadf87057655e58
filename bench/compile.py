"""SAM's image encoder through `torch.compile` beside the same encoder in torch as it is.

    python -m bench.compile [--sam litemedsam] [--rounds 5]

One process, in turn on the same picture, in float32 and, on a CPU that multiplies it, in bfloat16; the seconds of the
first, compiling call stand beside the ratio. About two minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from functools import partial

import torch

from autosam.inference.engine import Encoder, Engine, build_encoder
from autosam.models.frozen_sam import load_sam
from autosam.training.pace import step_precisions
from bench.pairs import alternate
from bench.result import Row, keep, timed_row


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="litemedsam")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty:
        # What an earlier process left would make the first call a shorter one.
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        precisions = step_precisions("auto", torch.device("cpu"))
        keep("compile", [measure(given.sam, precision, given.rounds) for precision in precisions])


def measure(name: str, precision: str, rounds: int) -> Row:
    """Returns the compiled encoder of a SAM beside the same one as it is."""
    sam = load_sam(name)
    pixels = torch.rand(1, 3, sam.rule.size, sam.rule.size, generator=torch.Generator().manual_seed(0))
    on = torch.device("cpu")
    plain, fast = (build_encoder(sam, Engine(engine, precision), on) for engine in ("torch", "torch-compile"))
    truth = _encoded(plain, pixels)
    started = time.perf_counter()
    made = _encoded(fast, pixels)
    first = time.perf_counter() - started
    works = {"torch": partial(_encoded, plain, pixels), "torch-compile": partial(_encoded, fast, pixels)}
    seconds, load = alternate(works, rounds)
    return timed_row(
        f"image encoder, {name}, torch.compile over torch, {precision}",
        ("torch", "torch-compile"),
        seconds,
        load,
        floor=None,
        agreement={"cosine": float(torch.cosine_similarity(made.flatten(), truth.flatten(), dim=0))},
        note=f"{first:.0f} s to compile, from nothing",
    )


@torch.inference_mode()
def _encoded(encode: Encoder, pixels: torch.Tensor) -> torch.Tensor:
    return encode(pixels).main


if __name__ == "__main__":
    main()
