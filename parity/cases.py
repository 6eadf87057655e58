"""Pictures to compare metrics on: small ones for the fixtures, and some of a usual size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label

Gray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class MapCase(NamedTuple):
    """A truth (H, W) bool and a map (H, W) uint8."""

    name: str
    truth: Mask
    gray: Gray


class ObjectCase(NamedTuple):
    """A truth and a prediction, both (H, W) numbers of objects."""

    name: str
    truth: Gray
    prediction: Gray


def map_cases(*, large: bool = False) -> list[MapCase]:
    """Returns the cases of metrics of maps and masks; with `large` those of a usual size alone."""
    random = np.random.default_rng(11)
    if large:
        return [_blobs(f"blobs {seed}", seed, (288, 352), 9) for seed in range(4)]
    shape = (24, 31)
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    dot, corner = empty.copy(), empty.copy()
    dot[9, 14] = corner[0, 30] = True
    touching = empty.copy()
    touching[4:9, 4:9] = touching[9:15, 9:20] = True
    noise = random.integers(0, 256, shape).astype(np.uint8)
    cases = [_blobs(f"blobs {seed}", seed, shape, 1 + seed % 3) for seed in range(12)]
    cases += [MapCase(f"noise {share}", random.random(shape) < share, noise) for share in (0.01, 0.5, 0.99)]
    for name, truth in (("empty", empty), ("full", full), ("dot", dot), ("corner", corner), ("touching", touching)):
        for against, gray in (
            ("empty", _gray(empty)),
            ("full", _gray(full)),
            ("dot", _gray(dot)),
            ("moved dot", _gray(np.roll(dot, (2, 3), (0, 1)))),
            ("itself", _gray(truth)),
            ("the rest", _gray(~truth)),
            ("noise", noise),
            ("constant", np.full(shape, 77, np.uint8)),
        ):
            cases.append(MapCase(f"{name} / {against}", truth, gray))
    return cases


def object_cases(*, large: bool = False) -> list[ObjectCase]:
    """Returns the cases of metrics of objects; with `large` those of a usual size alone."""
    if large:
        return [_cells(f"cells {seed}", seed, (160, 200), 5) for seed in range(4)]
    shape = (26, 30)
    empty = np.zeros(shape, np.uint8)
    full, dot, other = empty + np.uint8(1), empty.copy(), empty.copy()
    dot[5, 7], other[8, 11] = 3, 2
    touching, joined = empty.copy(), empty.copy()
    touching[4:9, 4:9], touching[9:15, 9:20], touching[4:9, 9:14] = 1, 2, 5
    joined[touching > 0] = 4
    halves = empty.copy()
    halves[4:9, 4:6], halves[4:9, 6:9], halves[9:15, 9:20] = 1, 2, 9
    cases = [_cells(f"cells {seed}", seed, shape, 1.5) for seed in range(16)]
    sides = {"empty": empty, "full": full, "dot": dot, "other dot": other, "touching": touching, "joined": joined}
    sides["halves"] = halves
    cases += [ObjectCase(f"{a} / {b}", one, two) for a, one in sides.items() for b, two in sides.items()]
    return cases


def _gray(mask: Mask) -> Gray:
    return np.where(mask, np.uint8(255), np.uint8(0))


def _blobs(name: str, seed: int, shape: tuple[int, int], rough: float) -> MapCase:
    random = np.random.default_rng(seed)
    first, second = (gaussian_filter(random.standard_normal(shape), rough) for _ in range(2))
    wrong = first + 0.6 * second
    return MapCase(name, first > first.std() / 2, np.asarray(255 / (1 + np.exp(-3 * wrong / wrong.std())), np.uint8))


def _cells(name: str, seed: int, shape: tuple[int, int], rough: float) -> ObjectCase:
    random = np.random.default_rng(100 + seed)
    first, second = (gaussian_filter(random.standard_normal(shape), rough) for _ in range(2))
    sides = [label(side > side.std() / 2)[0].astype(np.uint8) for side in (first, first + 0.5 * second)]
    # A cut down the middle makes touching objects of those that lie across it.
    cut = np.arange(shape[1]) > shape[1] // 2
    truth = np.where(cut & (sides[0] > 0), sides[0] + sides[0].max(), sides[0])
    return ObjectCase(name, truth.astype(np.uint8), sides[1])
