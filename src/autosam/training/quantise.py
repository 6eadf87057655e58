"""A trained run with its large convolutions in integers of eight bits, and how far its masks are from those before."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from autosam.core.errors import UsageError
from autosam.core.files import write_json, write_text
from autosam.core.progress import Progress, Silent
from autosam.core.words import counted
from autosam.data.images import content_hash, read_image
from autosam.data.inputs import find_images
from autosam.evaluation.seen import recorded
from autosam.inference.claim import claim
from autosam.inference.engine import REFERENCE
from autosam.inference.masker import TorchMasker
from autosam.inference.model import Model, load
from autosam.metrics.overlap import iou
from autosam.models.card import Card
from autosam.models.checkpoint import digest, model_file, read_card, save
from autosam.models.quantised import observed, quantise
from autosam.models.rivals import AUTOSAM, has_sam
from autosam.training.run import RunFolder

IMAGES = 32
_PART = "quantise"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What quantising changed in the masks of one decoder.

    Attributes:
        mean: IoU of the masks before and after, mean over images.
        least: that of the image where it is least.
        seconds: an image, before and after, medians.
    """

    mean: float
    least: float
    seconds: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Quantised:
    """What `quantise_run` made.

    Attributes:
        run: the folder that it wrote.
        layers: how many convolutions are of eight-bit integers now.
        images: how many images their ranges come from.
        compared: how many images the masks were compared on.
        apart: whether those are others.
        agreement: by decoder: "sam" and "surrogate", or "own" where there is no SAM.
        bytes: of the checkpoint, before and after.
    """

    run: Path
    layers: int
    images: int
    compared: int
    apart: bool
    agreement: dict[str, Agreement]
    bytes: tuple[int, int]

    def as_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {**asdict(self), "run": str(self.run)}


def quantise_run(
    run: str | Path,
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    count: int = IMAGES,
    sam: str | None = None,
    engine: str = "auto",
    progress: Progress | None = None,
) -> Quantised:
    """Makes a run whose large convolutions (g's and h's, or a rival's) multiply integers of eight bits.

    The ranges of what enters them are observed on images, for which those that it was trained on are right: what is
    observed on a test set has seen it. The frozen SAM stays as it is. Its masks are then compared with those of the run
    that it was made of.

    Args:
        run: the folder that training wrote.
        images: images, or folders of them; masks are not needed.
        out: a new or empty folder.
        count: how many images the ranges come from, and how many others the masks are compared on, at most.
        sam: name or file of the frozen SAM, where it is not found under the name that the checkpoint gives.
        engine: makes the masks that are compared; see `autosam.load`.
        progress: told of every image.

    Raises:
        UsageError: where the run is quantised already or has no large convolutions, `out` is not empty, `count` is not
            positive, or the engine is unknown.
        DataError: where an image is missing or cannot be read.
        ModelError: where the checkpoint or the SAM's weights are missing, damaged or of another model.
    """
    run, out, progress = Path(run), Path(out), progress or Silent()
    card = read_card(model_file(run))
    if card.quantised:
        raise UsageError("is quantised already", file=run, cure="Give the run that it was made of")
    if count < 1:
        raise UsageError(f"{count} images show no range", cure="Give --images at least 1")
    given = [images] if isinstance(images, str | Path) else list(images)
    found = find_images([Path(one) for one in given])
    observes, compares, apart = _drawn(found, count)
    decoders = ("sam", "surrogate") if card.method == AUTOSAM else ("sam",)
    before = {decoder: load(run, decoder=decoder, sam=sam, engine=engine) for decoder in decoders}
    claim(out)
    seen = recorded(run)
    if seen is None:
        progress.say(f"warning: data.json is missing beside {run}, so that nobody can say what it was trained on")
    known = {key for hashes in (seen or {}).values() for key in hashes.values()}
    looked_at: dict[str, str] = {}

    def predicted(model: Model) -> Iterator[object]:
        for name, file in observes:
            image = read_image(file)
            key = content_hash(image)
            if key not in known:
                looked_at[name] = key
            yield model.predict(file)
            progress.advance()

    # Without SAM's decoder where it can be done: its convolutions are not among those.
    exact = load(run, decoder=decoders[-1], sam=sam, engine=REFERENCE.name, precision=REFERENCE.precision, device="cpu")
    network = cast(TorchMasker, exact.predictor.masks).segmenter.trained()
    progress.start("observing ranges", len(observes))
    ranges = observed(network, predicted(exact))
    quantise(network, ranges)
    after = RunFolder(out)
    save(after.model, network.state_dict(), replace(card, quantised=len(observes)))
    if seen is not None:
        write_json(after.data, {**seen, **({_PART: looked_at} if looked_at else {})})
    files = [file for _, file in compares]
    progress.start("comparing masks", 2 * len(decoders) * len(files))
    agreement = {}
    for decoder, model in before.items():
        decodes = decoder if has_sam(card.method) else "own"
        agreement[decodes] = _agreement(model, load(out, decoder=decoder, sam=sam, engine=engine), files, progress)
    sizes = (model_file(run).stat().st_size, after.model.stat().st_size)
    made = Quantised(out, len(ranges), len(observes), len(files), apart, agreement, sizes)
    write_text(after.card, _described(card, made, digest(run)))
    return made


def _drawn(found: list[tuple[str, Path]], count: int) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]], bool]:
    """Returns which images are observed and which compared, evenly from all; the same where there are no others."""
    observed = _evenly(found, count)
    others = [entry for entry in found if entry not in observed]
    return (observed, _evenly(others, count), True) if others else (observed, observed, False)


def _evenly(entries: list[tuple[str, Path]], count: int) -> list[tuple[str, Path]]:
    taken = min(count, len(entries))
    return [entries[number * len(entries) // taken] for number in range(taken)]


def _agreement(before: Model, after: Model, files: list[Path], progress: Progress) -> Agreement:
    values, seconds = [], []
    for file in files:
        (one, took), (other, takes) = (_timed(model, file, progress) for model in (before, after))
        values.append(iou(one, other))
        seconds.append((took, takes))
    was, now = (statistics.median(side) for side in zip(*seconds, strict=True))
    return Agreement(statistics.fmean(values), min(values), (was, now))


def _timed(model: Model, file: Path, progress: Progress) -> tuple[npt.NDArray[np.bool_], float]:
    image = read_image(file)
    started = time.perf_counter()
    mask = model.predict(image).mask
    progress.advance()
    return mask, time.perf_counter() - started


def _described(card: Card, made: Quantised, source: str) -> str:
    """Returns card.md."""
    others = "other images" if made.apart else "the same images"
    lines = [
        "# Model card",
        "",
        f"{card.title} with {made.layers} convolutions of eight-bit integers, made of the checkpoint of SHA-256 "
        f"{source}; what that was trained on, and its limits, stand in its own card.",
        "",
        "## Known",
        "",
        f"Ranges observed on {counted(made.images, 'image')}; masks compared on {made.compared} {others}, with those "
        "of the checkpoint that it was made of:",
        "",
        "| decoder | mean IoU | least IoU |",
        "|---|---|---|",
        *(f"| {decoder} | {one.mean:.4f} | {one.least:.4f} |" for decoder, one in made.agreement.items()),
        "",
        "How good its masks are is measured with `autosam evaluate`, as for any run.",
        "",
    ]
    return "\n".join(lines)
