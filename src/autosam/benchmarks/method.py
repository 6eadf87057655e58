"""What is scored: a trained run, or masks that any tool wrote into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.benchmarks.benchmark import Kind
from autosam.benchmarks.budget import budget_of
from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.mask_folder import MaskFolder
from autosam.data.objects import numbers_objects
from autosam.data.predicted import RECORD
from autosam.inference.model import load
from autosam.inference.prediction import Prediction
from autosam.inference.video import ClipPredictor
from autosam.models.checkpoint import digest

OWN_TRAINING = "SAM'S OWN TRAINING: LiteMedSAM was trained on many public sets; this benchmark may be among them"

_PROBABILITIES = "probabilities"
_NEAREST_ONE = np.float32(1 - 2**-24)


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A prediction and what views need beside it; see `autosam.benchmarks.view.Scene`."""

    prediction: Prediction
    values: npt.NDArray[np.float32]
    objects: npt.NDArray[np.integer] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A named way from a sample to its prediction.

    Attributes:
        name: as it stands in tables.
        predict: may raise a DataError for a case that it cannot do.
        about: plain values for the summary: hashes, configuration.
        marks: what a reader must know of it before its numbers.
        restart: called before the first frame of a clip and before every still image.
        oracle: whether it is told of the truth of the test image.
        untrained: whether its SAM is asked with a prompt that its weights were never trained on, so that it has no
            place in ranks and tests.
        budget: what was spent on its training, plain values; None where nothing was trained, or nothing is known.
    """

    name: str
    predict: Callable[[Sample], Predicted]
    about: dict[str, Any]
    marks: tuple[str, ...] = ()
    restart: Callable[[], None] = lambda: None
    oracle: bool = False
    untrained: bool = False
    budget: dict[str, Any] | None = None


def of_run(
    run: Path, *, seconds: float | None = None, temporal: float = 0.0, mirror: bool = False, **loading: Any
) -> Method:
    """Returns the model of a run.

    Args:
        run: the folder that training wrote.
        seconds: what its training took, where that was measured.
        temporal: share of a clip's frames before in the dense prompt; 0 takes each frame for itself.
        mirror: whether logits are averaged with those of the image's mirror images.
        loading: further arguments of `autosam.load`.

    Raises:
        ModelError: where the model or its SAM cannot be loaded.
        UsageError: for a share outside 0 to below 1, or one together with `mirror`.
    """
    model = load(run, keep_prompt=True, mirror=mirror, **loading)
    card = model.card
    predictor = ClipPredictor(model.predictor, temporal)

    def predict(sample: Sample) -> Predicted:
        prediction = predictor.predict(sample)
        values = logits(prediction.probability) if card.mapping == "sigmoid" else prediction.probability
        return Predicted(prediction, values)

    marks = (OWN_TRAINING,) if card.sam == "litemedsam" else ()
    about: dict[str, Any] = {"run": run.name, "sha256": digest(run), "encoder": model.encoder, "card": asdict(card)}
    name = card.title
    if temporal:
        name, about = f"{name}, temporal {temporal:g}", {**about, "temporal": temporal}
    if mirror:
        name, about = f"{name}, mirrored", {**about, "mirror": True}
    return Method(name, predict, about, marks, predictor.restart, budget=budget_of(run, seconds))


def logits(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the logits of float32 probabilities in 0..1, finite everywhere."""
    inside = probability.clip(np.finfo(np.float32).tiny, _NEAREST_ONE)
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float32)


def of_folder(folder: Path, kind: Kind) -> Method:
    """Returns the masks of a folder: FOLDER/probabilities/ID.*, else FOLDER/masks/ID.*, else FOLDER/ID.*.

    A mask of 0 and one other value is taken as it is meant. One of several values is a map of objects where the
    benchmark numbers objects, and a probability (255, or 65535 of 16 bit, being 1) where it scores gray maps; what lies
    in `probabilities` is always one, cut where `autosam predict` says that it cut it, or at 0.5.

    Raises:
        DataError: where there is no such folder; and by the method, for a case without a mask, with several, with an
            unreadable one, one of another size than its image, or one whose values number no objects.
    """
    masks = MaskFolder(folder, (_PROBABILITIES, "masks"))
    threshold = _threshold(folder)

    def predict(sample: Sample) -> Predicted:
        stored, file, place = masks.read(sample)
        gray = place == _PROBABILITIES
        probability, objects = interpret(stored, kind, gray=gray, file=file)
        prediction = Prediction(sample.id, sample.rgb(), probability, threshold if gray else 0.5)
        return Predicted(prediction, probability, objects)

    return Method(folder.resolve().name, predict, {"predictions": folder.resolve().name})


def _threshold(folder: Path) -> float:
    """Returns what the probabilities of a folder are cut at, as `autosam predict` left word of it; else 0.5."""
    try:
        said = json.loads((folder / RECORD).read_text(encoding="utf-8"))["threshold"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0.5
    return float(said) if isinstance(said, int | float) and 0 <= said <= 1 else 0.5


def interpret(
    stored: npt.NDArray[Any], kind: Kind, *, gray: bool, file: Path
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.integer] | None]:
    """Returns the probability (H, W) in 0..1 of a stored mask, and its objects' numbers where it has them.

    Raises:
        DataError: on negative values; on several values where they should number objects and do not.
    """
    if stored.size and int(stored.min()) < 0:
        raise DataError("it holds negative values", file=file, cure="Write 0 for background")
    values = np.unique(stored)
    several = len(values[values != 0]) > 1
    if not gray and not several:
        return (stored != 0).astype(np.float32), None
    if not gray and kind == "instances":
        if not numbers_objects(stored):
            raise DataError(
                f"its {len(values)} values number no objects: most lie in many pieces, as in a map of probabilities or "
                "of classes, or a JPEG",
                file=file,
                cure=f"Put probabilities into the sub-folder {_PROBABILITIES}, or write 0 for background and 255, or a "
                "number for each object, in a format without loss (PNG)",
            )
        return (stored != 0).astype(np.float32), stored
    full = 255 if stored.dtype == np.uint8 else 65535
    return (stored / full).clip(0, 1).astype(np.float32), None
