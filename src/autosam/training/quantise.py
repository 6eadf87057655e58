"""A trained run with its large convolutions in integers of eight bits, and how far its masks are from those before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from torch import nn

from autosam.core.errors import ModelError, UsageError
from autosam.core.files import sync_folder, write_json, write_text
from autosam.core.progress import Progress, Silent
from autosam.core.words import counted
from autosam.data.images import content_hash, read_image
from autosam.data.inputs import find_images
from autosam.evaluation.seen import recorded
from autosam.inference.claim import claim
from autosam.inference.engine import REFERENCE
from autosam.inference.masker import TorchMasker
from autosam.inference.model import Model, load
from autosam.models.card import Card
from autosam.models.checkpoint import digest, model_file, read_card, save
from autosam.models.quantised import observed, quantise
from autosam.models.rivals import AUTOSAM
from autosam.training.agreement import Agreement, agreement_of
from autosam.training.run import RunFolder
from autosam.training.run_config import read_run_config

IMAGES = 32
_PART = "quantise"


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
    device: str = "auto",
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
        device: makes them too.
        progress: told of every image.

    Returns:
        What was made and measured. `out` is written as a whole at the end, or not at all.

    Raises:
        UsageError: where the run is quantised already or has no large convolutions, there are no images, `out` is not
            empty, `count` is not positive, or the engine is unknown.
        DataError: where an image is missing or cannot be read.
        ModelError: where the checkpoint or the SAM's weights are missing, damaged or of another model, or the run is
            written while it is read.
    """
    run, out, progress = Path(run), Path(out), progress or Silent()
    source, card = digest(run), read_card(model_file(run))
    if card.quantised:
        raise UsageError("is quantised already", file=run, cure="Give the run that it was made of")
    if count < 1:
        raise UsageError(f"{count} images show no range", cure="Give --images at least 1")
    given = [images] if isinstance(images, str | Path) else list(images)
    found = find_images([Path(one) for one in given])
    if not found:
        raise UsageError("no images are given", cure="Give images or folders of them")
    observes, compares, apart = _drawn(found, count)
    files = [file for _, file in compares]
    decoders = ("sam", "surrogate") if card.method == AUTOSAM else ("sam",)
    with _whole(out) as place:
        # Without SAM's decoder where it can be done: its convolutions are not among those.
        exact = load(run, decoder=decoders[-1], sam=sam, engine=REFERENCE.name, precision="float32", device="cpu")
        network = cast(TorchMasker, exact.predictor.masks).segmenter.trained()
        seen = recorded(run)
        if seen is None:
            progress.say(f"warning: data.json is missing beside {run}, so that nobody can say what it was trained on")
        before = {one: load(run, decoder=one, sam=sam, engine=engine, device=device) for one in decoders}
        if digest(run) != source:
            raise ModelError("was written anew while it was read", file=run, cure="Wait until its training has ended")
        progress.start("observing ranges", len(observes))
        ranges, looked_at = _observed(network, exact, observes, progress)
        quantise(network, ranges)
        after = RunFolder(place)
        if seen is not None:
            known = {key for hashes in seen.values() for key in hashes.values()}
            new = {name: key for name, key in looked_at.items() if key not in known}
            write_json(after.data, {**seen, **({_PART: new} if new else {})})
        save(after.model, network.state_dict(), _carded(card, run, source, len(observes)))
        progress.start("comparing masks", 2 * len(decoders) * len(files))
        agreement = {}
        for decoder, model in before.items():
            other = load(place, decoder=decoder, sam=sam, engine=engine, device=device)
            agreement[decoder if card.has_sam else "own"] = agreement_of(model, other, files, progress)
        sizes = (model_file(run).stat().st_size, after.model.stat().st_size)
        made = Quantised(out, len(ranges), len(observes), len(files), apart, agreement, sizes)
        write_text(after.card, _described(card, made, source))
    return made


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """Yields a folder whose files are put into `out` at the end; of work that ends before, nothing stays there."""
    with claim(out):
        with TemporaryDirectory(prefix=".", suffix=".tmp", dir=out) as place:
            yield Path(place)
            # The checkpoint last: with it the folder is a run.
            for file in sorted(Path(place).iterdir(), key=lambda file: file == RunFolder(Path(place)).model):
                file.replace(out / file.name)
        sync_folder(out)


def _carded(card: Card, run: Path, source: str, images: int) -> Card:
    """Returns the card of what is made of a run; what was measured of that one's masks is not its own."""
    config = model_file(run).parent / "config.yaml"
    asked = read_run_config(config)[0] if config.is_file() else None
    spent = {} if asked is None else {"minutes": asked.bound, "epochs": asked.epochs}
    kept = {name: value for name, value in card.training.items() if name != "val_dice"}
    return replace(card, quantised=images, training={**kept, **spent, "quantised_from": source})


def _observed(
    network: nn.Module, model: Model, images: Sequence[tuple[str, Path]], progress: Progress
) -> tuple[dict[str, tuple[float, float]], dict[str, str]]:
    """Returns the ranges of the convolutions while a model sees images, and the content hashes of these by name."""
    hashes: dict[str, str] = {}

    def predicted() -> Iterator[object]:
        for name, file in images:
            image = read_image(file)
            hashes[name] = content_hash(image)
            yield model.predict(file)
            progress.advance()

    return observed(network, predicted()), hashes


def _drawn(found: list[tuple[str, Path]], count: int) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]], bool]:
    """Returns which images are observed and which compared, evenly from all; the same where there are no others."""
    observed = _evenly(found, count)
    others = [entry for entry in found if entry not in observed]
    return (observed, _evenly(others, count), True) if others else (observed, observed, False)


def _evenly(entries: list[tuple[str, Path]], count: int) -> list[tuple[str, Path]]:
    taken = min(count, len(entries))
    return [entries[number * len(entries) // taken] for number in range(taken)]


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
        "| decoder | mean IoU | least IoU | both empty | engine |",
        "|---|---|---|---|---|",
        *(
            f"| {decoder} | {one.mean:.4f} | {one.least:.4f} | {one.empty} of {made.compared} | {one.engine} |"
            for decoder, one in made.agreement.items()
        ),
        "",
        "How good its masks are is measured with `autosam evaluate`, as for any run.",
        "",
    ]
    return "\n".join(lines)
