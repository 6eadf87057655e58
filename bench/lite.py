"""LiteMedSAM from an image to its mask: the engine that `auto` finds beside plain torch in float32.

    python -m bench.lite [--run RUN] [--rounds 5]

One process, both in turn on the same image. Without a trained run g is drawn. About a minute on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import autosam
from autosam.core.sample import Sample
from autosam.models.frozen_sam import load_sam
from bench.closeness import iou
from bench.image import HEIGHT, WIDTH, runs_on
from bench.made import make_run, picture
from bench.pairs import alternate
from bench.result import keep, timed_row

PLAIN = "torch float32"
FLOOR = 5.0


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a trained run; one with a drawn g is made where none is given")
    parser.add_argument("--sam", default="litemedsam", help="the SAM of the run that is made")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or make_run(load_sam(given.sam), "sam-features", Path(folder))
        plain, fast = autosam.load(run, engine="torch", precision="float32"), autosam.load(run)
        sample = Sample("made", picture(HEIGHT, WIDTH))
        agreement = {"mask IoU": iou(plain.predict(sample).mask, fast.predict(sample).mask)}
        works = {PLAIN: lambda: plain.predict(sample), "auto": lambda: fast.predict(sample)}
        seconds, load = alternate(works, given.rounds)
    row = timed_row(
        f"end to end, a new image, {fast.card.sam}, auto",
        (PLAIN, "auto"),
        seconds,
        load,
        floor=FLOOR,
        agreement=agreement,
        note=f"{'a trained' if given.run else 'a drawn'} {fast.card.prompt_encoder}, {runs_on(fast)}",
    )
    keep("lite", [row])


if __name__ == "__main__":
    main()
