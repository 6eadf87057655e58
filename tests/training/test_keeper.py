"""What a validation makes of its predictions."""

from __future__ import annotations

import numpy as np
import pytest

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.inference.prediction import Prediction
from autosam.training.keeper import mean_dice

SAMPLES = [Sample(name, np.zeros((4, 4, 3), np.uint8), np.eye(4, dtype=bool)) for name in "ab"]


def _right(sample: Sample) -> Prediction:
    assert sample.mask is not None
    return Prediction(sample.id, sample.rgb(), sample.mask.astype(np.float32), 0.5)


def test_a_validation_is_the_mean_over_its_cases() -> None:
    assert mean_dice(SAMPLES, _right) == 1


def test_a_case_that_was_not_predicted_is_no_empty_mask() -> None:
    def predict(sample: Sample) -> Prediction:
        if sample.id == "b":
            raise OSError(5, "Input/output error")
        return _right(sample)

    with pytest.raises(DataError, match=r"b: .*not predicted.*Input/output error"):
        mean_dice(SAMPLES, predict)
