"""Scores of object instances: aggregated Jaccard index and panoptic quality, all fractions in 0..1.

Both sides are (H, W) object numbers with 0 for background, or bool masks whose objects are their 8-connected parts.
One convention on empty sides: no object on either is a perfect answer, 1 (the published formulas are 0 / 0 there);
objects on one side only score 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autosam.metrics.labels import pairing
from autosam.metrics.metric import Labels


class Panoptic(NamedTuple):
    """Panoptic quality and its two factors.

    Attributes:
        pq: recognition times segmentation.
        rq: TP / (TP + FP / 2 + FN / 2), the F1 of objects matched at IoU above one half.
        sq: mean IoU of the matched objects; 0 where none is matched.
    """

    pq: float
    rq: float
    sq: float


def aji(truth: Labels, prediction: Labels) -> float:
    """Returns the aggregated Jaccard index. Both empty: 1; one empty: 0.

    Each true object takes the predicted one of greatest IoU, of equals the one of the lowest number; intersections and
    unions are summed. True objects that nothing touches, and predicted ones that nobody took, are added to the union.
    As in the challenge's final script a predicted object may be taken by several true ones. Source: Kumar et al., A
    dataset and a technique for generalized nuclear segmentation for computational pathology, IEEE TMI 2017, and
    compute_AJI.m of the MoNuSeg challenge. A set of images is scored by the mean over its images.
    """
    pairs = pairing(truth, prediction)
    if (known := pairs.empty()) is not None:
        return known
    union = pairs.truth_areas[pairs.i] + pairs.predicted_areas[pairs.j] - pairs.shared
    order = np.lexsort((pairs.j, -pairs.shared / union, pairs.i))
    best = order[np.unique(pairs.i[order], return_index=True)[1]]
    missed, spare = np.ones(pairs.truth_areas.size, bool), np.ones(pairs.predicted_areas.size, bool)
    missed[pairs.i[best]] = False
    spare[pairs.j[best]] = False
    outside = pairs.truth_areas[missed].sum() + pairs.predicted_areas[spare].sum()
    return float(pairs.shared[best].sum() / (union[best].sum() + outside))


def panoptic(truth: Labels, prediction: Labels) -> Panoptic:
    """Returns panoptic, recognition and segmentation quality. Both empty: all 1; one empty: all 0.

    Objects match where their IoU is above one half, which makes the match unique. Source: Kirillov et al., Panoptic
    segmentation, CVPR 2019. A set of images is scored by the mean over its images, as is usual on MoNuSeg (Graham et
    al., HoVer-Net, Medical Image Analysis 2019).
    """
    pairs = pairing(truth, prediction)
    if (known := pairs.empty()) is not None:
        return Panoptic(known, known, known)
    union = pairs.truth_areas[pairs.i] + pairs.predicted_areas[pairs.j] - pairs.shared
    # In whole numbers, so that an IoU of one half is never above it by rounding.
    matched = 2 * pairs.shared > union
    hits = int(matched.sum())
    rq = 2 * hits / (pairs.truth_areas.size + pairs.predicted_areas.size)
    sq = float((pairs.shared[matched] / union[matched]).mean()) if hits else 0.0
    return Panoptic(rq * sq, rq, sq)


def panoptic_quality(truth: Labels, prediction: Labels) -> float:
    """Returns the panoptic quality, as `panoptic` says. Both empty: 1; one empty: 0."""
    return panoptic(truth, prediction).pq


def recognition_quality(truth: Labels, prediction: Labels) -> float:
    """Returns the F1 of objects matched at IoU above one half, as `panoptic` says. Both empty: 1; one empty: 0."""
    return panoptic(truth, prediction).rq


def segmentation_quality(truth: Labels, prediction: Labels) -> float:
    """Returns the mean IoU of matched objects, as `panoptic` says; no match: 0. Both empty: 1; one empty: 0."""
    return panoptic(truth, prediction).sq
