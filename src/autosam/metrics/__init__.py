"""Scores of a predicted mask against a true one: pure functions, and their table by name."""

from __future__ import annotations

from autosam.metrics.metric import Metric
from autosam.metrics.overlap import dice, iou, precision, recall
from autosam.metrics.surface import assd, hd95

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

__all__ = ["METRICS", "Metric", "assd", "dice", "hd95", "iou", "precision", "recall"]
