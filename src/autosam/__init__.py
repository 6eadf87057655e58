"""AutoSAM: masks of medical images without a click, by a trained prompt encoder for a frozen Segment Anything Model.

`train` makes a run of images and masks; `load` opens one as a `Model`, whose `predict` gives a `Prediction`;
`evaluate` scores a run, or a folder of masks; `benchmark` does so on a public benchmark; `compare` tests what was
scored on the same cases; `figures` draws the paper's; `quantise` makes a run smaller and faster. Each but `load` is a
command of `autosam` too. What a user can mend is raised as an error of `autosam.core.errors`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autosam.benchmarks.compare import compare
    from autosam.benchmarks.figures import figures
    from autosam.benchmarks.run import benchmark
    from autosam.evaluation.run import evaluate_run as evaluate
    from autosam.inference.model import Model, load
    from autosam.inference.prediction import Prediction
    from autosam.training.quantise import quantise_run as quantise
    from autosam.training.train import train

__version__ = "0.1.0"
__all__ = ["Model", "Prediction", "benchmark", "compare", "evaluate", "figures", "load", "quantise", "train"]

_HOMES = {
    "Model": ("autosam.inference.model", "Model"),
    "Prediction": ("autosam.inference.prediction", "Prediction"),
    "benchmark": ("autosam.benchmarks.run", "benchmark"),
    "compare": ("autosam.benchmarks.compare", "compare"),
    "figures": ("autosam.benchmarks.figures", "figures"),
    "evaluate": ("autosam.evaluation.run", "evaluate_run"),
    "load": ("autosam.inference.model", "load"),
    "quantise": ("autosam.training.quantise", "quantise_run"),
    "train": ("autosam.training.train", "train"),
}


def __getattr__(name: str) -> Any:
    # torch takes seconds to import; `autosam --help` must not wait for it.
    if name not in _HOMES:
        raise AttributeError(f"module 'autosam' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
