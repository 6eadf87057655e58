"""LiteMedSAM from an image to its mask: the engine that `auto` finds beside torch in float32.

    python -m bench.lite [--run RUN] [--rounds 5]

One process, in turn on the same image: plain torch in float32 (the encoder as its papers have it, see
bench/plain_tiny_vit.py, with transformers' decoder), our own torch in float32, and `auto`. Without a trained run g is
drawn. About a minute on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

import autosam
from autosam.core.letterbox import Letterbox
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.core.sample import Sample
from autosam.models.checkpoint import load
from autosam.models.frozen_sam import load_sam
from autosam.models.sam_model import Sam
from autosam.models.segmenter import SamSegmenter
from autosam.models.tensors import load_tensors
from autosam.models.tiny_vit_weights import tiny_vit_shape
from autosam.models.weights import installed
from bench.closeness import iou
from bench.image import HEIGHT, WIDTH, runs_on
from bench.made import make_run, picture
from bench.pairs import Work, alternate
from bench.plain_tiny_vit import PlainTinyViT
from bench.result import keep, timed_row

SAM = "litemedsam"
PLAIN, OURS, AUTO = "plain torch float32", "our torch float32", "auto"
AUTO_OVER_PLAIN = f"end to end, a new image, {SAM}, auto over {PLAIN}"
AUTO_OVER_OURS = f"end to end, a new image, {SAM}, auto over {OURS}"
FLOOR = 5.0


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a trained run; one with a drawn g is made where none is given")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or make_run(load_sam(SAM), "sam-features", Path(folder))
        plain = Plain(run)
        ours, fast = autosam.load(run, engine="torch", precision="float32"), autosam.load(run)
        rgb = picture(HEIGHT, WIDTH)
        sample = Sample("made", rgb)
        masks = {PLAIN: plain(rgb), OURS: torch.from_numpy(ours.predict(sample).mask) > 0}
        made = torch.from_numpy(fast.predict(sample).mask) > 0
        works: dict[str, Work] = {
            PLAIN: lambda: plain(rgb),
            OURS: lambda: ours.predict(sample),
            AUTO: lambda: fast.predict(sample),
        }
        seconds, load = alternate(works, given.rounds)
    note = f"{'a trained' if given.run else 'a drawn'} {fast.card.prompt_encoder}, {runs_on(fast)}"
    rows = [
        timed_row(
            path,
            (baseline, AUTO),
            {baseline: seconds[baseline], AUTO: seconds[AUTO]},
            load,
            floor=floor,
            agreement={"mask IoU": iou(masks[baseline].numpy(), made.numpy())},
            note=note,
        )
        for path, baseline, floor in ((AUTO_OVER_PLAIN, PLAIN, FLOOR), (AUTO_OVER_OURS, OURS, None))
    ]
    keep("lite", rows)


class Plain:
    """A run's prediction of one image in plain torch.

    Args:
        run: trained with LiteMedSAM, or made for it.
    """

    def __init__(self, run: Path) -> None:
        self._segmenter = cast("SamSegmenter", load(run)[0])
        self._segmenter.train(False)
        self._sam = cast("Sam", self._segmenter.sam)
        file = installed(SAM)
        assert file is not None, f"autosam fetch {SAM}"
        tensors = load_tensors(file)
        self._encode = PlainTinyViT(tiny_vit_shape(tensors), tensors)

    @torch.no_grad()
    def __call__(self, rgb: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Returns the mask (H, W) of RGB (H, W, 3)."""
        size = self._segmenter.size
        box = Letterbox(max(self._sam.rule.size, size), *rgb.shape[:2])
        frame = box.frame(rgb)
        embedding = ImageEmbedding(self._encode(frame.pixels(self._sam.rule)[None]))
        dense = self._segmenter.parts.g(frame.rgb(size)[None], embedding.main)
        logits, _ = self._sam.decode_with_quality(embedding, Prompt(dense))
        return box.undo(logits[0, 0]) > 0


if __name__ == "__main__":
    main()
