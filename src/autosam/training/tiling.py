"""Whether a training's images are cut into tiles, and into which: decided once, by its objects and its time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autosam.core.grid import Grid, side_for
from autosam.core.words import counted
from autosam.data.crops import EMPTY_SHARE, Crops, choose_crops, cut
from autosam.data.dataset import Source
from autosam.data.objects import Objects, objects_in
from autosam.training.cases import Cases
from autosam.training.config import TrainConfig
from autosam.training.pictures import PREVIEWED
from autosam.training.run_config import Plan

LEAST_ACROSS = 12.0
"""Pixels across in the input under which the median object is lost when whole images are resized to it."""

# Pixels across that a tile is made for: 12 is where the loss begins, and smaller tiles than for 16 cost more than they
# give. An enlargement of less than a quarter is not worth four times the work.
_WANTED_ACROSS = 16.0
_LEAST_GAIN = 1.25


@dataclass(frozen=True, slots=True)
class Tiling:
    """What is trained on, whole images or their tiles.

    Attributes:
        cases: what is trained on.
        tile: side of a tile in pixels of the image; None for whole images.
        frames: how many frames the validation cases make (where there are none, the images of the preview).
        why: one line.
    """

    cases: Source
    tile: int | None
    frames: int
    why: str

    @property
    def tiles(self) -> int | None:
        """Number of tiles that are trained on; None for whole images."""
        return None if self.tile is None else len(self.cases)

    @property
    def noun(self) -> str:
        """What one of the cases is, for a person."""
        return "image" if self.tile is None else "tile"


def choose_tiling(config: TrainConfig, cases: Cases, size: int, frames: int | None) -> Tiling:
    """Returns the tiling that was asked for, or that the objects need and the time allows.

    "auto" takes whole images where the median object of the training masks is at least `LEAST_ACROSS` pixels across
    once they are resized, and where tiles would not enlarge it, for they are never smaller than the input. Else it
    takes the largest tiles that bring it to 16 pixels; where not all of these fit the time, larger ones, as long as
    the object stays above 12; where none fit, the largest of those, and only as many tiles as fit; and whole images
    where there is no time for one tile an image.

    Args:
        config: the choices.
        cases: training and validation cases.
        size: side of the input, in pixels.
        frames: how many frames there is time to encode, those of the validation among them; None for no bound.

    Raises:
        DataError: on a mask that cannot be read or used.
    """
    whole = _whole(cases, "whole images, as asked for")
    if config.tile == "off":
        return whole
    if config.tile != "auto":
        side = int(config.tile)
        return _tiled(config, cases, side, frames, f"tiles of {side} pixels, as asked for")
    found = objects_in(cases.train, size)
    if found.number == 0:
        return replace(whole, why="whole images: the training masks have no object")
    seen = (
        f"the median of {counted(found.number, 'object')} in {counted(found.images, 'image')} is {found.resized:.1f} "
        f"pixels across in the input of {size}"
    )
    if found.resized >= LEAST_ACROSS:
        return replace(whole, why=f"whole images: {seen}, not under {LEAST_ACROSS:g}")
    if found.longest < _LEAST_GAIN * size:
        return replace(whole, why=f"whole images: {seen}, but tiles would hardly enlarge it")
    sides = candidates(found, size)
    for side in sides:
        inside = f"{found.across * size / side:.1f} in a tile"
        tiling = _tiled(config, cases, side, None, f"tiles of {side} pixels: {seen}, {inside}")
        if frames is None or len(tiling.cases) + tiling.frames <= frames:
            return tiling if side == sides[0] else replace(tiling, why=f"{tiling.why}; smaller ones take too long")
    if frames is not None and frames - tiling.frames < len(cases.train):
        return replace(whole, why=f"whole images: {seen}, but the time is too short for tiles")
    return _tiled(config, cases, sides[-1], frames, f"tiles of {sides[-1]} pixels: {seen}, {inside}")


def kept_tiling(config: TrainConfig, cases: Cases, plan: Plan) -> Tiling:
    """Returns the tiling that a plan holds, the same tiles to the last one.

    Raises:
        DataError: on a mask that cannot be read or used.
    """
    if plan.tile is None:
        return _whole(cases, plan.why)
    return Tiling(
        _crops(config, cases, plan.tile, plan.tiles), plan.tile, validation_frames(cases, plan.tile), plan.why
    )


def candidates(found: Objects, size: int) -> list[int]:
    """Returns the sides of tiles that "auto" may take, from the smallest to the largest, at least one."""
    sides: list[int] = []
    parts = 2
    while not sides or (sides[-1] > size and found.across * size / sides[-1] < _WANTED_ACROSS):
        sides.append(max(size, side_for(found.longest, parts)))
        parts += 1
    large_enough = [side for side in sides if found.across * size / side >= LEAST_ACROSS]
    return sorted(set(large_enough or sides[-1:]))


def _whole(cases: Cases, why: str) -> Tiling:
    return Tiling(cases.train, None, validation_frames(cases, None), why)


def _tiled(config: TrainConfig, cases: Cases, side: int, frames: int | None, why: str) -> Tiling:
    looked_at = validation_frames(cases, side)
    every = _crops(config, cases, side, None)
    most = None if frames is None else max(len(cases.train), frames - looked_at)
    if most is None or most >= len(every):
        return Tiling(every, side, looked_at, f"{why}, {len(every)} of them")
    some = _crops(config, cases, side, most)
    return Tiling(some, side, looked_at, f"{why}, {len(some)} of {len(every)}, as many as fit the time")


def _crops(config: TrainConfig, cases: Cases, side: int, most: int | None) -> Crops:
    # Under `minmax` no empty mask can exist, so that an empty tile would teach noise.
    empty = 0.0 if config.loss == "minmax" else EMPTY_SHARE
    return Crops(cases.train, choose_crops(cut(cases.train, side), most, config.seed, empty=empty))


def validation_frames(cases: Cases, tile: int | None) -> int:
    """Returns how many frames the validation cases make; where there are none, the images of the preview."""
    sizes = cases.sizes["val"] or cases.sizes["train"][:PREVIEWED]
    return sum(len(Grid(*size, tile)) for size in sizes)
