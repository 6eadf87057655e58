"""How time grows: over the number of images, their size, the cached views of an image, and the batch of a step.

    python -m bench.growth [--sam litemedsam] [--quick]

Each point is the median of three; those of the views and of the number of images, which are whole commands, are single.
About 15 minutes on two cores with bf16 instructions; --quick takes about a tenth of it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import autosam
from autosam.core.files import cache_folder
from autosam.core.sample import Sample
from autosam.data.embeddings import EmbeddingCache
from autosam.models.frozen_sam import load_sam
from bench.made import make_run, picture, pictures
from bench.result import Curve, keep_curves
from bench.step import Step, frame, segmenter
from bench.throughput import predict

Points = dict[int, float]
POINTS = {
    "images": [10, 30, 100, 300, 1000],
    "side": [128, 256, 512, 1024, 2048, 4096],
    "views": [1, 2, 4, 8, 16],
    "batch": [1, 2, 4, 8, 16],
}
QUICK = {"images": [2, 5, 10], "side": [128, 512, 1024], "views": [1, 2, 4], "batch": [1, 2, 4]}


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="litemedsam")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    counts = QUICK if given.quick else POINTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = make_run(load_sam(given.sam), "sam-features", folder / "run")
        curves = [
            Curve("images in a folder", "s", over_images(run, folder, counts["images"])),
            Curve("side of an image in pixels", "s an image", over_side(run, counts["side"])),
            Curve(
                "cached views of 6 images", "s a training of one epoch", over_views(given.sam, folder, counts["views"])
            ),
            Curve("images in a batch", "s a step", over_batch(given.sam, counts["batch"])),
        ]
    keep_curves(curves)


def over_images(run: Path, folder: Path, counts: list[int]) -> Points:
    """Returns the seconds of `autosam predict`, start-up included, over the number of images of 256x256."""
    predict(run, pictures(folder / "warm", 1, 256), folder / "out-warm")
    points = {}
    for count in counts:
        images = pictures(folder / f"images-{count}", count, 256)
        points[count] = _said("images", count, predict(run, images, folder / f"out-{count}")[0])
    return points


def over_side(run: Path, sides: list[int]) -> Points:
    """Returns the seconds of one prediction in a running process over the side of a square image."""
    model = autosam.load(run)
    points = {}
    for side in sides:
        sample = Sample("made", picture(side, side))
        points[side] = _said("side", side, _median(partial(model.predict, sample)))
    return points


def over_views(sam: str, folder: Path, counts: list[int]) -> Points:
    """Returns the seconds of a whole training of one epoch, its cache empty at the start, over the number of views."""
    data = folder / "train"
    for number in range(6):
        rgb = picture(256, 256, number)
        for kind, values in (("images", rgb), ("masks", (rgb.mean(2) < 150).astype(np.uint8) * 255)):
            (data / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(data / kind / f"{number}.png")
    points = {}
    before = os.environ.get("AUTOSAM_CACHE")
    weights = cache_folder().resolve() / "weights"
    try:
        for views in counts:
            cache = folder / f"cache-{views}"
            cache.mkdir()
            if weights.is_dir():
                (cache / "weights").symlink_to(weights)
            os.environ["AUTOSAM_CACHE"] = str(cache)
            started = time.perf_counter()
            autosam.train(
                data, folder / f"run-{views}", sam=sam, epochs=1, views=views, val=0.0, engine="torch", batch=2
            )
            points[views] = _said("views", views, time.perf_counter() - started)
    finally:
        if before is None:
            os.environ.pop("AUTOSAM_CACHE", None)
        else:
            os.environ["AUTOSAM_CACHE"] = before
    return points


def over_batch(sam: str, sizes: list[int]) -> Points:
    """Returns the seconds of a step of the light g on cached embeddings over the images of its batch."""
    loaded = load_sam(sam)
    trained = segmenter(loaded, "sam-features", min(512, loaded.rule.size))
    points = {}
    with tempfile.TemporaryDirectory() as name:
        cache = EmbeddingCache(Path(name))
        frames = [frame(loaded, trained.size, number) for number in range(max(sizes))]
        for number, one in enumerate(frames):
            cache.put(str(number), loaded.encode(one.pixels(loaded.rule)[None]).to("cpu", torch.float16))
        for size in sizes:
            image = torch.stack([one.rgb(trained.size) for one in frames[:size]])
            step = Step(trained, cache, image, (image.mean(1, keepdim=True) < 0.5).float())
            step.choose()
            points[size] = _said("batch", size, _median(step))
    return points


def _median(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _said(over: str, value: int, seconds: float) -> float:
    print(f"  {over} {value}: {seconds:.3f} s", flush=True)
    return seconds


if __name__ == "__main__":
    main()
