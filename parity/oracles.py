"""Independent implementations of the metrics, each a function of one case; NaN where an oracle says nothing."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from typing import Any

import monai.metrics
import numpy as np
import py_sod_metrics as sod
import torch
from panoptica import InputType, NaiveThresholdMatching, Panoptica_Evaluator
from panoptica.metrics import Metric
from scipy.ndimage import label
from skimage.metrics import hausdorff_distance
from torchmetrics.functional import classification

from cases import Gray, Mask
from formulas import aji, object_dice, object_f1, object_hausdorff, objects

logging.disable(logging.WARNING)
warnings.simplefilter("ignore")

Values = dict[str, Any]


def of_maps(truth: Mask, gray: Gray) -> Values:
    """Returns pysodmetrics' scores and curves of a map, which it stretches; curves from threshold 0 up to 1."""
    handlers = {
        "dice": sod.DICEHandler(with_dynamic=True, with_adaptive=False),
        "iou": sod.IOUHandler(with_dynamic=True, with_adaptive=False),
        "sensitivity": sod.SensitivityHandler(with_dynamic=True, with_adaptive=False),
        "f": sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3),
    }
    curves, structure, aligned, weighted, error = (
        sod.FmeasureV2(metric_handlers=handlers),
        sod.Smeasure(),
        sod.Emeasure(),
        sod.WeightedFmeasure(),
        sod.MAE(),
    )
    for one in (curves, structure, aligned, weighted, error):
        one.step(pred=gray, gt=np.where(truth, np.uint8(255), np.uint8(0)))
    found = curves.get_results()
    e = aligned.get_results()["em"]
    dice, iou, sensitivity, f = (found[name]["dynamic"] for name in ("dice", "iou", "sensitivity", "f"))
    return {
        "mean_dice": dice.mean(),
        "max_dice": dice.max(),
        "mean_iou": iou.mean(),
        "sensitivity": sensitivity.mean(),
        "mean_f": f.mean(),
        "max_f": f.max(),
        "adaptive_f": found["f"]["adaptive"],
        "mean_e": e["curve"].mean(),
        "max_e": e["curve"].max(),
        "adaptive_e": e["adp"],
        "s_measure": structure.get_results()["sm"],
        "weighted_f": weighted.get_results()["wfm"],
        "mae": error.get_results()["mae"],
        "dice_curve": dice[::-1],
        "iou_curve": iou[::-1],
        "sensitivity_curve": sensitivity[::-1],
        "f_curve": f[::-1],
        "e_curve": e["curve"][::-1],
    }


def of_masks(truth: Mask, mask: Mask) -> Values:
    """Returns torchmetrics' overlaps and MONAI's distances; NaN where a side is empty and they have no convention."""
    some = bool(truth.any()), bool(mask.any())
    names = ("dice", "iou", "precision", "recall", "hd95", "assd")
    if not all(some):
        return dict.fromkeys(names, math.nan)
    p, t = torch.tensor(mask).int(), torch.tensor(truth).int()
    y_pred, y = p[None, None], t[None, None]
    background = {"include_background": True}
    return {
        "dice": float(classification.binary_f1_score(p, t)),
        "iou": float(classification.binary_jaccard_index(p, t)),
        "precision": float(classification.binary_precision(p, t)),
        "recall": float(classification.binary_recall(p, t)),
        "hd95": float(monai.metrics.compute_hausdorff_distance(y_pred, y, percentile=95, **background)),
        "assd": float(monai.metrics.compute_average_surface_distance(y_pred, y, symmetric=True, **background)),
    }


_PANOPTICA = Panoptica_Evaluator(
    expected_input=InputType.UNMATCHED_INSTANCE,
    # Above one half, not at it.
    instance_matcher=NaiveThresholdMatching(matching_threshold=0.5 + 1e-9),
    instance_metrics=[Metric.IOU],
    global_metrics=[],
    decision_metric=Metric.IOU,
    decision_threshold=0.5 + 1e-9,
)


def of_objects(truth: Gray, prediction: Gray) -> Values:
    """Returns panoptica's qualities; NaN where both sides are empty and it has no convention."""
    found = _PANOPTICA.evaluate(prediction, truth, verbose=False)["ungrouped"]
    names = {"panoptic_quality": found.pq, "recognition_quality": found.rq}
    # Without a match its mean IoU is not a number.
    return names | {"segmentation_quality": found.sq if found.tp else math.nan}


def of_formulas(truth: Gray, prediction: Gray) -> Values:
    """Returns the challenges' formulas stated again."""
    sides = objects(truth), objects(prediction)
    return {
        "object_f1": object_f1(*sides),
        "object_dice": object_dice(*sides),
        "object_hausdorff": object_hausdorff(*sides, truth.shape),
        "aji": aji(*sides),
    }


def of_single_objects(truth: Gray, prediction: Gray) -> Values:
    """Returns scikit-image's Hausdorff distance where each side is one object; NaN elsewhere."""
    single = all(len(np.unique(side[side > 0])) == 1 for side in (truth, prediction))
    return {"object_hausdorff": hausdorff_distance(truth > 0, prediction > 0) if single else math.nan}


def of_components(truth: Mask, mask: Mask) -> Values:
    """Returns the challenges' formulas on the 8-connected components of masks."""
    return of_formulas(*(label(side, np.ones((3, 3)))[0] for side in (truth, mask)))


Oracle = Callable[[Any, Any], Values]
MAP_ORACLES: dict[str, Oracle] = {"pysodmetrics": of_maps}
MASK_ORACLES: dict[str, Oracle] = {"torchmetrics, MONAI": of_masks}
OBJECT_ORACLES: dict[str, Oracle] = {
    "panoptica": of_objects,
    "formulas stated again": of_formulas,
    "scikit-image": of_single_objects,
}
