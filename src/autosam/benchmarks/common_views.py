"""The two views that every benchmark has: the house's own, and what the paper's reference code prints."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

from autosam.benchmarks.view import Measure, Scores, View
from autosam.metrics import METRICS

STANDARD = View(
    name="standard",
    about="probability cut at the model's threshold, at the image's own size, against the binary truth; both empty "
    "scores 1, one empty 0; mean over images",
    measures=tuple(
        Measure(metric.name, metric.title, metric.direction, "px" if metric.unit == "length" else "fraction")
        for metric in METRICS.values()
    ),
    score=None,
)


def reference_code(size: int) -> View:
    """Returns the view of AutoSAM's reference code on the same prediction; `size` is the side of g's input there."""
    return View(
        name="reference-code",
        about="each map's logits stretched from their own minimum and maximum to 0..1 and cut at 0.5, so that a "
        "constant map alone has an empty mask; map and truth resized bilinearly to g's input in the paper, "
        f"{size} x {size}; pixels where the resized truth is neither 0 nor 1 left out, `dropped` being their share of "
        "the true foreground; nothing in common scores 0",
        measures=(
            Measure("dice", "Dice"),
            Measure("iou", "IoU"),
            Measure("dropped", "dropped", "neither"),
        ),
        score=lambda scene: reference_scores(scene.truth, scene.values, size),
    )


def reference_scores(truth: npt.NDArray[np.bool_], values: npt.NDArray[np.floating], size: int) -> Scores:
    """Returns Dice, IoU and the dropped share of the reference code's protocol.

    Args:
        truth: (H, W) bool.
        values: (H, W), logits or any other map. The cut is midway between its extremes: shifted or scaled it scores the
            same, bent (by a sigmoid) it does not.
        size: the side to which both are resized, the aspect being lost.

    Returns:
        dice and iou in 0..1, 0 where nothing is in common (also where both are empty); dropped, the share of the
        resized truth's foreground (from one half) that lies in pixels left out, 0 where there is no foreground.
    """
    wide = _resized(values.astype(np.float32), size)
    low, high = values.min(), values.max()
    mask = (wide - low) / max(float(high - low), 1e-8) > 0.5
    true = _resized(truth.astype(np.float32), size)
    inside, outside = true == 1, true == 0
    both = int(np.count_nonzero(mask & inside))
    wrong = int(np.count_nonzero(mask & outside)) + int(np.count_nonzero(~mask & inside))
    foreground = int(np.count_nonzero(true >= 0.5))
    dropped = int(np.count_nonzero((true >= 0.5) & ~inside))
    return {
        "dice": 2 * both / (2 * both + wrong) if both else 0.0,
        "iou": both / (both + wrong) if both else 0.0,
        "dropped": dropped / foreground if foreground else 0.0,
    }


def _resized(plane: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    tensor = torch.from_numpy(np.ascontiguousarray(plane))[None, None]
    resized: npt.NDArray[np.float32] = interpolate(tensor, (size, size), mode="bilinear")[0, 0].numpy()
    return resized
