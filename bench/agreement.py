"""Every engine, in each precision that the CPU multiplies, beside torch in float32, on real images with a trained run.

    python -m bench.agreement RUN DATA

DATA is a folder of images; of a GlaS folder the 20 of testA are taken. Ends with 1 where the mean IoU of an engine's
masks with torch's is below .995, or that of one image below .97. About 2 minutes on two cores with LiteMedSAM.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import autosam
from autosam.core.errors import AutoSAMError
from autosam.inference.engine import ENGINES, ON_REQUEST, REFERENCE, Engine
from autosam.inference.model import Model
from autosam.training.pace import step_precisions
from bench.closeness import iou
from bench.result import Row, keep

LEAST_MEAN, LEAST = 0.995, 0.97
_SUFFIXES = {".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff"}


def main() -> None:
    """Runs the comparison from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    files = images(given.data)
    if not files:
        parser.error(f"no images in {given.data}")
    truth = masks(autosam.load(given.run, engine=REFERENCE.name, precision=REFERENCE.precision), files)
    rows, here = [], step_precisions("auto", torch.device("cpu"))
    for engine in (*ENGINES, *ON_REQUEST):
        if engine == REFERENCE:
            continue
        if engine.precision not in here:
            # Torch emulates it there, at a fraction of the pace, and nothing takes it unasked.
            print(f"{engine}: left out, this CPU does not multiply {engine.precision}", flush=True)
            continue
        try:
            model = autosam.load(given.run, engine=engine.name, precision=engine.precision, device="cpu")
        except AutoSAMError as fault:
            print(f"{engine}: does not run here: {fault.message}", flush=True)
            continue
        rows.append(row(engine, truth, masks(model, files)))
    keep("agreement", rows)
    sys.exit(0 if all(one.agreement["mean"] >= LEAST_MEAN and one.agreement["least"] >= LEAST for one in rows) else 1)


def images(data: Path) -> list[Path]:
    """Returns the images of a folder, masks left out; only testA where it has one."""
    files = sorted(file for file in data.iterdir() if file.suffix.lower() in _SUFFIXES and "_anno" not in file.stem)
    return [file for file in files if file.stem.startswith("testA")] or files


def masks(model: Model, files: list[Path]) -> list[npt.NDArray[np.bool_]]:
    """Returns the mask of each file."""
    return [model.predict(file).mask for file in files]


def row(engine: Engine, truth: list[npt.NDArray[np.bool_]], made: list[npt.NDArray[np.bool_]]) -> Row:
    """Returns what the masks of an engine have in common with torch's."""
    values = [iou(one, other) for one, other in zip(truth, made, strict=True)]
    mean = sum(values) / len(values)
    return Row(
        path=f"masks of {engine}",
        baseline=str(REFERENCE),
        unit="mask IoU",
        before=[1.0],
        after=values,
        ratio=mean,
        agreement={"mean": mean, "least": min(values)},
        note=f"{len(values)} images",
    )


if __name__ == "__main__":
    main()
