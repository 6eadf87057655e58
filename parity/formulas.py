"""Published formulas that no package on PyPI offers, stated again over sets of pixels: slow, and plain to read.

An object is a set of (row, column); a side is a list of objects. Nothing here is shared with `autosam.metrics`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Object = frozenset[tuple[int, int]]


def objects(labels: npt.NDArray[np.integer]) -> list[Object]:
    """Returns the objects of a label map (H, W), 0 being background, in the order of their numbers."""
    return [
        frozenset((int(row), int(column)) for row, column in np.argwhere(labels == number))
        for number in np.unique(labels)
        if number
    ]


def object_f1(truth: list[Object], prediction: list[Object]) -> float:
    """Returns the F1 of the GlaS challenge."""
    if not truth and not prediction:
        return 1.0
    hits = 0
    for one in prediction:
        true = _most_shared(one, truth)
        hits += bool(true) and len(one & true) / len(true) > 0.5
    false, missed = len(prediction) - hits, len(truth) - hits
    return hits / (hits + (false + missed) / 2)


def object_dice(truth: list[Object], prediction: list[Object]) -> float:
    """Returns the object Dice of the GlaS challenge."""
    if not truth or not prediction:
        return float(truth == prediction)

    def side(own: list[Object], others: list[Object]) -> float:
        area = sum(map(len, own))
        return sum(len(one) / area * _dice(one, _most_shared(one, others)) for one in own)

    return (side(truth, prediction) + side(prediction, truth)) / 2


def object_hausdorff(truth: list[Object], prediction: list[Object], shape: tuple[int, ...]) -> float:
    """Returns the object Hausdorff distance of the GlaS challenge; the diagonal of `shape` where one side is empty."""
    if not truth or not prediction:
        return 0.0 if truth == prediction else math.hypot(*shape)

    def side(own: list[Object], others: list[Object]) -> float:
        area = sum(map(len, own))
        total = 0.0
        for one in own:
            other = _most_shared(one, others)
            distance = _hausdorff(one, other) if other else min(_hausdorff(one, each) for each in others)
            total += len(one) / area * distance
        return total

    return (side(truth, prediction) + side(prediction, truth)) / 2


def aji(truth: list[Object], prediction: list[Object]) -> float:
    """Returns the aggregated Jaccard index of the MoNuSeg challenge; 1 where both sides are empty."""
    if not truth and not prediction:
        return 1.0
    inside, union = 0, 0
    used: set[Object] = set()
    for one in truth:
        best = max(prediction, key=lambda other: len(one & other) / len(one | other), default=frozenset())
        if one & best:
            inside, union = inside + len(one & best), union + len(one | best)
            used.add(best)
        else:
            union += len(one)
    return inside / (union + sum(len(other) for other in prediction if other not in used))


def _dice(a: Object, b: Object) -> float:
    return 2 * len(a & b) / (len(a) + len(b))


def _hausdorff(a: Object, b: Object) -> float:
    def directed(start: Object, goal: Object) -> float:
        return max(min(math.dist(one, other) for other in goal) for one in start)

    return max(directed(a, b), directed(b, a))


def _most_shared(one: Object, others: list[Object]) -> Object:
    """Returns the first of those that share most pixels with `one`, or an empty set where none does."""
    best = max(others, key=lambda other: len(one & other), default=frozenset())
    return best if one & best else frozenset()
