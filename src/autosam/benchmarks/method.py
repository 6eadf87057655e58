"""What is scored: a trained run, or masks that any tool wrote into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.benchmarks.benchmark import Kind
from autosam.benchmarks.budget import budget_of
from autosam.benchmarks.stored import interpret
from autosam.core.names import writable
from autosam.core.probability import logits
from autosam.core.sample import Sample
from autosam.data.mask_folder import MaskFolder
from autosam.data.predicted import RECORD
from autosam.inference.model import load
from autosam.inference.prediction import Prediction
from autosam.inference.video import ClipPredictor
from autosam.models.checkpoint import digest

OWN_TRAINING = "SAM'S OWN TRAINING: LiteMedSAM was trained on many public sets; this benchmark may be among them"

_PROBABILITIES = "probabilities"
_STORED = (
    "STORED PREDICTIONS under `reference-code`: the logits of stored probabilities end at -11.8 and 11.8 (16 bit), or "
    "-6.2 and 6.2 (8 bit), so that a model's own run (--run), whose logits go further, is cut elsewhere; a mask of two "
    "values has no logits and is scored as it is"
)


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A prediction and what views need beside it; see `autosam.benchmarks.view.Scene`.

    Attributes:
        prediction: its probability is the scene's.
        values: the scene's.
        objects: the scene's.
        gray: the scene's; None where it is the probability.
    """

    prediction: Prediction
    values: npt.NDArray[np.float32]
    objects: npt.NDArray[np.integer] | None = None
    gray: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A named way from a sample to its prediction.

    Attributes:
        name: as it stands in tables.
        predict: may raise a DataError for a case that it cannot do.
        about: plain values for the summary: hashes, configuration.
        marks: what a reader must know of it before its numbers.
        cautions: by a view's name, what a reader must know of it before its numbers under that view.
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
    cautions: Mapping[str, str] = field(default_factory=dict)
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
    return Method(name, predict, about, marks, restart=predictor.restart, budget=budget_of(run, seconds))


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
        meant = interpret(stored, kind, gray=gray, file=file)
        probability = meant.gray.astype(np.float32)
        prediction = Prediction(sample.id, sample.rgb(), probability, threshold if gray else 0.5)
        values = probability if meant.step is None else logits(probability, meant.step)
        return Predicted(prediction, values, meant.objects, meant.gray)

    name = writable(folder.resolve().name)
    return Method(name, predict, {"predictions": name}, cautions={"reference-code": _STORED})


def _threshold(folder: Path) -> float:
    """Returns what the probabilities of a folder are cut at, as `autosam predict` left word of it; else 0.5."""
    try:
        said = json.loads((folder / RECORD).read_text(encoding="utf-8"))["threshold"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0.5
    return float(said) if isinstance(said, int | float) and 0 <= said <= 1 else 0.5
