"""Scores of a prediction against the truth: pure functions, and their tables by name."""

from __future__ import annotations

from autosam.metrics.alignment import adaptive_e, e_curve, max_e, mean_e
from autosam.metrics.instances import aji, panoptic, panoptic_quality, recognition_quality, segmentation_quality
from autosam.metrics.maps import stretched
from autosam.metrics.metric import MapMetric, Metric, ObjectMetric
from autosam.metrics.objects import ObjectSums, object_dice, object_f1, object_hausdorff, object_sums
from autosam.metrics.overlap import dice, iou, precision, recall
from autosam.metrics.saliency import (
    adaptive_f,
    dice_curve,
    f_curve,
    iou_curve,
    mae,
    max_dice,
    max_f,
    mean_dice,
    mean_f,
    mean_iou,
    sensitivity,
    sensitivity_curve,
)
from autosam.metrics.structure import s_measure
from autosam.metrics.surface import assd, hd95
from autosam.metrics.video import clip_means, video_mean
from autosam.metrics.weighted_f import weighted_f

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("dice", "higher", "fraction", dice, title="Dice"),
        Metric("iou", "higher", "fraction", iou, title="IoU"),
        Metric("precision", "higher", "fraction", precision, title="Precision"),
        Metric("recall", "higher", "fraction", recall, title="Recall"),
        Metric("hd95", "lower", "length", hd95, title="HD95"),
        Metric("assd", "lower", "length", assd, title="ASSD"),
    )
}

OBJECT_METRICS: dict[str, ObjectMetric] = {
    metric.name: metric
    for metric in (
        ObjectMetric("object_f1", "higher", "fraction", object_f1, "object F1"),
        ObjectMetric("object_dice", "higher", "fraction", object_dice, "object Dice"),
        ObjectMetric("object_hausdorff", "lower", "length", object_hausdorff, "object Hausdorff"),
        ObjectMetric("aji", "higher", "fraction", aji, "AJI"),
        ObjectMetric("panoptic_quality", "higher", "fraction", panoptic_quality, "PQ"),
        ObjectMetric("recognition_quality", "higher", "fraction", recognition_quality, "RQ"),
        ObjectMetric("segmentation_quality", "higher", "fraction", segmentation_quality, "SQ"),
    )
}

MAP_METRICS: dict[str, MapMetric] = {
    metric.name: metric
    for metric in (
        MapMetric("mean_dice", "higher", mean_dice, "mDice"),
        MapMetric("mean_iou", "higher", mean_iou, "mIoU"),
        MapMetric("max_dice", "higher", max_dice, "maxDice"),
        MapMetric("s_measure", "higher", s_measure, "S-measure"),
        MapMetric("weighted_f", "higher", weighted_f, "weighted F"),
        MapMetric("mean_e", "higher", mean_e, "mean E"),
        MapMetric("max_e", "higher", max_e, "max E"),
        MapMetric("adaptive_e", "higher", adaptive_e, "adaptive E"),
        MapMetric("mean_f", "higher", mean_f, "mean F"),
        MapMetric("max_f", "higher", max_f, "max F"),
        MapMetric("adaptive_f", "higher", adaptive_f, "adaptive F"),
        MapMetric("sensitivity", "higher", sensitivity, "sensitivity"),
        MapMetric("mae", "lower", mae, "MAE"),
    )
}

__all__ = [
    "MAP_METRICS",
    "METRICS",
    "OBJECT_METRICS",
    "MapMetric",
    "Metric",
    "ObjectMetric",
    "ObjectSums",
    "adaptive_e",
    "adaptive_f",
    "aji",
    "assd",
    "clip_means",
    "dice",
    "dice_curve",
    "e_curve",
    "f_curve",
    "hd95",
    "iou",
    "iou_curve",
    "mae",
    "max_dice",
    "max_e",
    "max_f",
    "mean_dice",
    "mean_e",
    "mean_f",
    "mean_iou",
    "object_dice",
    "object_f1",
    "object_hausdorff",
    "object_sums",
    "panoptic",
    "panoptic_quality",
    "precision",
    "recall",
    "recognition_quality",
    "s_measure",
    "segmentation_quality",
    "sensitivity",
    "sensitivity_curve",
    "stretched",
    "video_mean",
    "weighted_f",
]
