"""The three stages of a file's prediction: read, predicted, written.

They share nothing but their arguments, so that an engine for many machines can map them.
"""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np

from autosam.core.errors import AutoSAMError
from autosam.core.memory import is_out_of_memory
from autosam.core.names import writable
from autosam.core.sample import Sample
from autosam.data.images import read_image
from autosam.inference.model import Model
from autosam.inference.prediction import Prediction, write_image
from autosam.inference.table import Row

Image = tuple[str, Path]

_NAMELESS = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


def read(entry: Image) -> Sample | Row:
    """Returns the sample of an image's id and file, or the row that says why there is none."""
    name, file = entry
    try:
        return Sample(name, read_image(file), file=file)
    except AutoSAMError as fault:
        return _failed(file, name, fault.message)
    except OSError as fault:
        return _failed(file, name, f"{file}: {fault.strerror or fault}")


def predict(model: Model, sample: Sample | Row, file: Path) -> Prediction | Row:
    """Returns a sample's prediction, or the row that says why there is none; a row is passed on as it is."""
    if isinstance(sample, Row):
        return sample
    try:
        return model.predict(sample)
    except (MemoryError, RuntimeError) as fault:
        if not is_out_of_memory(fault):
            raise
        high, wide = sample.size
        return _failed(file, sample.id, f"{file}: not enough memory for its {wide} x {high} pixels. Cut it into tiles")


def write(made: Prediction | Row, file: Path, folder: Path, probabilities: bool = False) -> Row:
    """Writes the files of a prediction into an output folder and returns its row; a row is passed on as it is.

    Raises:
        ResourceError: where the disk is full.
    """
    if isinstance(made, Row):
        return made
    name = f"{made.id}.png"
    try:
        # Names are made lasting all at once at the end: what a power cut takes before is found missing and made again.
        write_image(folder / "masks" / name, made.mask_image(), lasting=False)
        write_image(folder / "overlays" / name, made.overlay(), lasting=False)
        if probabilities:
            depth = np.rint(made.probability * 65535).astype(np.uint16)
            write_image(folder / "probabilities" / name, depth, lasting=False)
    except MemoryError:
        return _failed(file, made.id, f"{file}: not enough memory to write its mask. Cut it into tiles")
    except OSError as fault:
        # A name that the images' disk allows and this one does not is the fault of one file; all others concern all.
        if fault.errno not in _NAMELESS:
            raise
        return _failed(file, made.id, f"{file}: its mask cannot have that name here ({fault.strerror}). Rename it")
    height, width = made.probability.shape
    return Row(
        file=writable(str(file)),
        id=writable(made.id),
        width=width,
        height=height,
        area_share=round(made.area_share, 6),
        parts=made.parts,
        confidence=round(made.confidence, 4),
        seconds=round(made.seconds, 3),
    )


def _failed(file: Path, name: str, error: str) -> Row:
    return Row(writable(str(file)), writable(name), error=writable(error))
