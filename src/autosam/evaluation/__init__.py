"""The only producer of scores, and the report that carries them."""

from __future__ import annotations

from autosam.evaluation.case import Case, Failure
from autosam.evaluation.evaluate import evaluate
from autosam.evaluation.folder import predictions_from
from autosam.evaluation.report import Report

__all__ = ["Case", "Failure", "Report", "evaluate", "predictions_from"]
