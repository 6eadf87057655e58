"""The streamed calibration against a slow re-statement."""

from __future__ import annotations

import numpy as np
import pytest

from autosam.evaluation.calibration import BINS, Calibration


def test_error_equals_the_slow_restatement_over_all_cases() -> None:
    random, calibration, pixels = np.random.default_rng(2), Calibration(), []
    for size in ((7, 9), (30, 20), (1, 5)):
        probability = random.random(size).astype(np.float32)
        truth = random.random(size) < probability**2
        calibration.add(probability, truth)
        pixels += [(float(p), bool(t)) for p, t in zip(probability.flat, truth.flat, strict=True)]
    expected = 0.0
    for number in range(BINS):
        inside = [(p, t) for p, t in pixels if number / BINS <= p < (number + 1) / BINS]
        if inside:
            gap = sum(p for p, _ in inside) / len(inside) - sum(t for _, t in inside) / len(inside)
            expected += abs(gap) * len(inside) / len(pixels)
    assert calibration.error() == pytest.approx(expected, abs=1e-6)
    assert sum(share for *_, share in calibration.curve()) == pytest.approx(1)


def test_a_calibrated_probability_has_nearly_no_error() -> None:
    random, calibration = np.random.default_rng(3), Calibration()
    probability = random.random((400, 400)).astype(np.float32)
    calibration.add(probability, random.random((400, 400)) < probability)
    error = calibration.error()
    assert error is not None and error < 0.01


def test_ends_of_the_range_and_hard_masks() -> None:
    calibration = Calibration()
    hard = np.array([[0, 1, 1]], np.float32)
    calibration.add(hard, np.array([[False, True, False]]))
    assert calibration.error() is None
    assert calibration.curve() == [(0, 0, pytest.approx(1 / 3)), (1, 0.5, pytest.approx(2 / 3))]
    calibration.add(np.full((1, 1), 0.5, np.float32), np.array([[True]]))
    assert calibration.error() is not None
