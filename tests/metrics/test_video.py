"""Means over frames, then over clips."""

from __future__ import annotations

import numpy as np
import pytest

from autosam.metrics import clip_means, video_mean

CLIPS = ["b", "b", "a", "b", "a", "a", "b", "a", "a"]


def test_clips_count_the_same_without_their_ends() -> None:
    values = np.arange(9.0)
    assert clip_means(values, CLIPS) == {"b": (1 + 3) / 2, "a": (4 + 5 + 7) / 3}
    assert list(clip_means(values, CLIPS)) == ["b", "a"]
    assert video_mean(values, CLIPS) == pytest.approx((2 + 16 / 3) / 2)
    assert clip_means(values, CLIPS, drop_ends=False)["b"] == (0 + 1 + 3 + 6) / 4


def test_the_peak_of_curves_is_taken_last() -> None:
    curves = np.zeros((9, 4))
    curves[3, 1], curves[4, 2] = 1, 1
    mean = video_mean(curves, CLIPS)
    assert mean == pytest.approx([0, 1 / 4, 1 / 6, 0])
    assert mean.max() < np.mean([curve.max() for curve in clip_means(curves, CLIPS).values()])


def test_refuses_clips_that_have_nothing_left() -> None:
    with pytest.raises(ValueError, match="'b' has 2 frames"):
        clip_means([1, 2, 3, 4, 5], ["a", "a", "a", "b", "b"])
    with pytest.raises(ValueError, match="as many"):
        clip_means([1, 2], ["a"])
    with pytest.raises(ValueError, match="at least one"):
        clip_means([], [])
