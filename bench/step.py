"""Training steps with cached embeddings beside the reference code's step, which is re-stated in bench/reference.py.

    python -m bench.step [--sam sam-vit-base] [--size 512] [--batch 3] [--rounds 5]

One process; in each round the reference's step, ours with HarDNet-85 and ours with the light g, on one batch. Our steps
read their embeddings from the cache. They run in the precision that a trial of each finds fastest, as training does.
About 8 minutes on two cores, most of them the reference's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import cast

import torch

from autosam.core.letterbox import Frame, Letterbox
from autosam.core.prompt import ImageEmbedding
from autosam.data.embeddings import EmbeddingCache
from autosam.models.frozen_sam import FrozenSam
from autosam.models.hardnet_prompt import HarDNetPromptEncoder
from autosam.models.prompt_encoder import build_prompt_encoder
from autosam.models.segmenter import SamSegmenter
from autosam.models.surrogate import Surrogate
from autosam.training.examples import Batch
from autosam.training.losses import bce_dice
from autosam.training.pace import step_precisions
from autosam.training.step import update
from bench.closeness import closeness
from bench.made import any_sam, picture
from bench.pairs import Work, alternate
from bench.reference import BATCH, Reference
from bench.result import keep, timed_row

FLOORS = {"hardnet85": 10.0, "sam-features": 60.0}
_CPU = torch.device("cpu")


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="sam-vit-base")
    parser.add_argument("--size", type=int, default=512, help="side of g's input")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    sam, _, weights = any_sam(given.sam)
    frames = [frame(sam, given.size, seed) for seed in range(given.batch)]
    torch.manual_seed(0)
    segmenters = {name: segmenter(sam, name, given.size) for name in FLOORS}
    g = cast("HarDNetPromptEncoder", segmenters["hardnet85"].parts.g)
    reference = Reference(sam, g)
    image = torch.stack([one.rgb(given.size) for one in frames])
    pixels = torch.stack([one.pixels(sam.rule) for one in frames])
    target = (image.mean(1, keepdim=True) < 0.5).float()
    print(f"{sam.name}, {weights}, batch {given.batch} at {given.size}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        cache = EmbeddingCache(Path(folder))
        for number, one in enumerate(pixels):
            cache.put(str(number), sam.encode(one[None]).to("cpu", torch.float16))
        agreement = compare_logits(reference, segmenters["hardnet85"], cache, image, pixels)
        works: dict[str, Work] = {"the reference's step": lambda: reference.step(image, pixels, target)}
        precisions = {}
        for name, one in segmenters.items():
            step = Step(one, cache, image, target)
            precisions[name] = step.choose()
            works[name] = step
        seconds, load = alternate(works, given.rounds)
    rows = [
        timed_row(
            f"training step, {name} at {given.size}, {given.sam}, cached",
            ("the reference's step", name),
            seconds,
            load,
            floor=floor,
            agreement=agreement if name == "hardnet85" else {},
            note=f"{weights}, batch {given.batch}, {precisions[name]}",
        )
        for name, floor in FLOORS.items()
    ]
    keep("step", rows)


def frame(sam: FrozenSam, size: int, seed: int) -> Frame:
    """Returns the square frame of a made image, at the larger of SAM's input and g's."""
    side = max(sam.rule.size, size)
    return Letterbox(side, side, side).frame(picture(side, side, seed))


def segmenter(sam: FrozenSam, prompt_encoder: str, size: int) -> SamSegmenter:
    """Returns an untrained segmenter."""
    g = build_prompt_encoder(prompt_encoder, embedding_shape=sam.embedding_shape, size=size)
    return SamSegmenter(sam, g, Surrogate(sam.embedding_shape[0]))


class Step:
    """One step of our training on one batch, its embeddings read from the cache.

    Args:
        trained: the segmenter.
        cache: holds an embedding for each image, by its number.
        image: (B, 3, s, s) RGB in 0..1.
        target: (B, 1, s, s).
    """

    def __init__(self, trained: SamSegmenter, cache: EmbeddingCache, image: torch.Tensor, target: torch.Tensor) -> None:
        self.trained, self.cache, self.image, self.target = trained, cache, image, target
        parameters = trained.trained().parameters()
        self.optimiser = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=1e-4, fused=True)
        self.precision = "float32"

    def choose(self) -> str:
        """Takes the precision whose step is the shortest here; returns it."""
        taken = {}
        for self.precision in step_precisions("auto", _CPU):
            self()
            started = time.perf_counter()
            self()
            taken[self.precision] = time.perf_counter() - started
        self.precision = min(taken, key=lambda name: taken[name])
        return self.precision

    def __call__(self) -> None:
        """Takes the step."""
        ids = tuple(str(number) for number in range(len(self.image)))
        embedding = read(self.cache, ids)
        batch = Batch(ids, self.image, self.target, torch.ones_like(self.target), embedding)
        update(self.trained, self.optimiser, batch, bce_dice, 1e-4, _CPU, self.precision)


def read(cache: EmbeddingCache, ids: tuple[str, ...]) -> ImageEmbedding:
    """Returns the embeddings of some keys as one batch in float32."""
    kept = [cache.get(name) for name in ids]
    return ImageEmbedding(torch.cat([one.main for one in kept if one is not None])).to("cpu", torch.float32)


@torch.no_grad()
def compare_logits(
    reference: Reference, ours: SamSegmenter, cache: EmbeddingCache, image: torch.Tensor, pixels: torch.Tensor
) -> dict[str, float]:
    """Returns how close the two forward passes are in float32, on the same weights and in evaluation mode."""
    reference.g.eval()
    ours.train(False)
    theirs = reference.logits(image, pixels)
    logits = ours(image, read(cache, tuple(str(number) for number in range(len(image))))).logits
    return closeness(theirs, logits)


if __name__ == "__main__":
    main()
