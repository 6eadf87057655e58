"""What the values of a stored prediction mean: a mask, numbers of objects, or probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.benchmarks.benchmark import Kind
from autosam.core.errors import DataError
from autosam.data.objects import numbers_objects


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A stored prediction.

    Attributes:
        gray: (H, W) float64 in 0..1; of a mask 0 and 1.
        step: between two neighbouring probabilities that its file can hold; None for a mask.
        objects: (H, W) numbers of objects; None where it has none.
    """

    gray: npt.NDArray[np.float64]
    step: float | None = None
    objects: npt.NDArray[np.integer] | None = None


def interpret(stored: npt.NDArray[Any], kind: Kind, *, gray: bool, file: Path) -> Stored:
    """Returns what a label map (H, W) means; `gray` says that it is one of probabilities, whatever its values.

    Raises:
        DataError: on negative values; on several values where they should number objects and do not.
    """
    if stored.size and int(stored.min()) < 0:
        raise DataError("it holds negative values", file=file, cure="Write 0 for background")
    values = np.unique(stored)
    several = len(values[values != 0]) > 1
    if not gray and not several:
        return Stored((stored != 0).astype(np.float64))
    if not gray and kind == "instances":
        if not numbers_objects(stored):
            raise DataError(
                f"its {len(values)} values number no objects: most lie in many pieces, as in a map of probabilities or "
                "of classes, or a JPEG",
                file=file,
                cure="Put probabilities into the sub-folder probabilities, or write 0 for background and 255, or a "
                "number for each object, in a format without loss (PNG)",
            )
        return Stored((stored != 0).astype(np.float64), objects=stored)
    full = 255 if stored.dtype == np.uint8 else 65535
    return Stored((stored / full).clip(0, 1).astype(np.float64), 1 / full)
