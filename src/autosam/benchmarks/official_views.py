"""The view "official" of each benchmark: the scores of its own paper or evaluation code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import numpy.typing as npt

from autosam.benchmarks.view import Measure, Scene, Scores, View
from autosam.metrics import alignment, saliency
from autosam.metrics.instances import aji, panoptic
from autosam.metrics.maps import Values, stretched
from autosam.metrics.metric import Mask
from autosam.metrics.objects import ObjectSums, object_sums
from autosam.metrics.structure import s_measure
from autosam.metrics.weighted_f import weighted_f

Scorer = Callable[[Mask, Values], float | npt.NDArray[np.float64]]


def _greatest(curve: Values) -> float:
    return float(curve.max())


_GLANDS = (
    Measure("object_f1", "object F1", pool=lambda sums: ObjectSums(*sums).f1()),
    Measure("object_dice", "object Dice", pool=lambda sums: ObjectSums(*sums).dice()),
    Measure("object_hausdorff", "object Hausdorff", "lower", "px", pool=lambda sums: ObjectSums(*sums).hausdorff()),
)

GLANDS = View(
    name="official",
    about="objects of a prediction are its 8-connected components; the sums of object F1, object Dice and object "
    "Hausdorff distance run over the objects of all images of a test part, as on the contest's page; test parts apart",
    measures=_GLANDS,
    score=lambda scene: dict.fromkeys((m.name for m in _GLANDS), _gland_sums(scene)),
    apart=True,
)


def _gland_sums(scene: Scene) -> npt.NDArray[np.float64]:
    return np.array(astuple(object_sums(scene.labels, scene.predicted)), np.float64)


NUCLEI = View(
    name="official",
    about="objects of a prediction are its 8-connected components; aggregated Jaccard index and panoptic quality of "
    "each image, mean over images; a pixel of the truth is inside a polygon where its centre is, so that the truth "
    "lies half a pixel to the lower right of that of MATLAB's poly2mask, which the challenge's own code uses",
    measures=(Measure("aji", "AJI"), Measure("pq", "PQ"), Measure("rq", "RQ"), Measure("sq", "SQ")),
    score=lambda scene: {
        "aji": aji(scene.labels, scene.predicted),
        **panoptic(scene.labels, scene.predicted)._asdict(),
    },
)

_STILL: dict[Measure, Scorer] = {
    Measure("mdice", "mDice"): saliency.mean_dice,
    Measure("miou", "mIoU"): saliency.mean_iou,
    Measure("max_dice", "maxDice", pool=_greatest): saliency.dice_curve,
    Measure("s_measure", "S"): s_measure,
    Measure("weighted_f", "weighted F"): weighted_f,
    Measure("mean_e", "mean E"): alignment.mean_e,
    Measure("max_e", "max E", pool=_greatest): alignment.e_curve,
    Measure("adaptive_e", "adaptive E"): alignment.adaptive_e,
    Measure("mae", "MAE", "lower"): saliency.mae,
}

STILLS = View(
    name="official",
    about="each map stretched from its own minimum and maximum to 0..1, at the truth's size, truth above 128; mDice "
    "and mIoU are means over 256 thresholds, a threshold without a true positive counting 0; maxDice and max E are the "
    "greatest values of the mean curve; mean over images; test sets apart",
    measures=tuple(_STILL),
    score=lambda scene: _map_scores(scene, _STILL),
    apart=True,
)

_VIDEO: dict[Measure, Scorer] = {
    Measure("s_measure", "S"): s_measure,
    Measure("mean_e", "mean E"): alignment.mean_e,
    Measure("weighted_f", "weighted F"): weighted_f,
    Measure("mean_f", "mean F"): saliency.mean_f,
    Measure("max_dice", "maxDice", pool=_greatest): saliency.dice_curve,
    Measure("mdice", "mDice"): saliency.mean_dice,
    Measure("sensitivity", "sensitivity"): saliency.sensitivity,
}

VIDEO = View(
    name="official",
    about="each map stretched from its own minimum and maximum to 0..1, at the truth's size, truth above 128; the "
    "first and the last frame of a clip left out; mean over frames, then over clips; maxDice is the greatest value of "
    "the mean curve, the others are means over 256 thresholds where they need one",
    measures=tuple(_VIDEO),
    score=lambda scene: _map_scores(scene, _VIDEO),
    clips=True,
)


def _map_scores(scene: Scene, scorers: dict[Measure, Scorer]) -> Scores:
    values = stretched(scene.gray)
    return {measure.name: score(scene.truth, values) for measure, score in scorers.items()}
