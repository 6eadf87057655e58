"""Maps of gray values between 0 and 1, and how many of their pixels pass each of 256 thresholds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autosam.metrics.metric import Map, Mask

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class Passing(NamedTuple):
    """Pixels that pass each threshold 0/255, 1/255, ..., 255/255, with those of the truth.

    Attributes:
        inside: (256,) pixels of the foreground that pass.
        outside: (256,) pixels of the background that pass.
        foreground: pixels of the foreground.
        size: pixels of the image.
    """

    inside: Counts
    outside: Counts
    foreground: int
    size: int


def stretched(probability: Map) -> Values:
    """Returns a map (H, W) stretched from its own minimum and maximum to 0..1; a constant one is returned as it is.

    The protocols of PraNet and of SUN-SEG ask for it before any of their scores, as does pysodmetrics where it is told
    to normalise. No mask is empty at every threshold then, and a map without a sure pixel becomes one with some.
    """
    values = as_values(probability)
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else values


def as_values(probability: Map) -> Values:
    """Returns a map (H, W) as float64: floating values in 0..1 as they are, uint8 over 255.

    Raises:
        ValueError: on any other type, shape or range, or values that are not finite.
    """
    if (
        probability.ndim != 2
        or probability.size == 0
        or not (probability.dtype == np.uint8 or probability.dtype.kind == "f")
    ):
        raise ValueError(f"the map must be (H, W) in 0..1 or uint8, not {probability.dtype} {probability.shape}")
    if probability.dtype == np.uint8:
        return np.asarray(probability / 255, np.float64)
    values = probability.astype(np.float64, copy=False)
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"the map must lie in 0..1, not in {values.min():g}..{values.max():g}")
    return values


def checked(truth: Mask, probability: Map) -> Values:
    """Returns the map as float64 in 0..1, held to the truth's shape.

    Raises:
        ValueError: on a truth that is not (H, W) bool, another shape, or a map that `as_values` refuses.
    """
    if truth.dtype != np.bool_:
        raise ValueError(f"the truth must be a boolean mask (H, W), not {truth.dtype} {truth.shape}")
    if truth.shape != probability.shape:
        raise ValueError(f"truth {truth.shape} and map {probability.shape} must have one shape")
    return as_values(probability)


def passing(truth: Mask, probability: Map) -> Passing:
    """Returns how many pixels pass each threshold t / 255: those whose 255 p, rounded down, is at least t.

    Args:
        truth: (H, W) bool.
        probability: (H, W), floating in 0..1 or uint8.
    """
    levels = (checked(truth, probability) * 255).astype(np.uint8)
    # One histogram for both halves of the picture.
    counts = np.bincount(levels.ravel() + truth.ravel() * np.uint16(256), minlength=512).astype(np.int64)
    inside, outside = (np.cumsum(half[::-1])[::-1] for half in (counts[256:], counts[:256]))
    return Passing(inside, outside, int(inside[0]), truth.size)


def adaptive_threshold(values: Values) -> float:
    """Returns twice a map's mean, at most 1."""
    return min(2 * float(values.mean()), 1.0)
