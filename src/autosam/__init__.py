"""AutoSAM: masks of medical images without a click, by a trained prompt encoder for a frozen Segment Anything Model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autosam.benchmarks.compare import compare
    from autosam.benchmarks.figures import figures
    from autosam.evaluation.run import evaluate_run as evaluate
    from autosam.inference.model import Model, load
    from autosam.inference.prediction import Prediction
    from autosam.training.train import train

__version__ = "0.1.0"
__all__ = ["Model", "Prediction", "compare", "evaluate", "figures", "load", "train"]

_HOMES = {
    "Model": ("autosam.inference.model", "Model"),
    "Prediction": ("autosam.inference.prediction", "Prediction"),
    "compare": ("autosam.benchmarks.compare", "compare"),
    "figures": ("autosam.benchmarks.figures", "figures"),
    "evaluate": ("autosam.evaluation.run", "evaluate_run"),
    "load": ("autosam.inference.model", "load"),
    "train": ("autosam.training.train", "train"),
}


def __getattr__(name: str) -> Any:
    # torch takes seconds to import; `autosam --help` must not wait for it.
    if name not in _HOMES:
        raise AttributeError(f"module 'autosam' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
