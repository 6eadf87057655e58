"""The paper's figures of a run on a data set: `autosam.figures(RUN, DATA, OUT)`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autosam.core.errors import DataError, UsageError
from autosam.core.files import write_text
from autosam.core.names import writable
from autosam.core.progress import Progress, Silent
from autosam.core.sample import Sample
from autosam.data.dataset import Dataset
from autosam.data.folder import find_pairs
from autosam.data.foreground import Foreground
from autosam.data.images import content_hash
from autosam.evaluation.folder import predictions_from
from autosam.evaluation.plates import Column, prompt_plate, side_by_side
from autosam.evaluation.printing import printed, save
from autosam.evaluation.prompted import MASK_LOGIT, prompted_masks
from autosam.evaluation.seen import seen_by
from autosam.inference.claim import claim
from autosam.inference.model import load
from autosam.models.frozen_sam import FrozenSam, known_as, load_sam
from autosam.models.rivals import AUTOSAM
from autosam.training.learning import learning_curves, read_history
from autosam.training.run import RunFolder

OURS = "AutoSAM"


def figures(
    run: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    beside: Mapping[str, str | Path] | None = None,
    cases: Sequence[str] = (),
    count: int = 4,
    foreground: str | None = None,
    progress: Progress | None = None,
    **loading: Any,
) -> list[Path]:
    """Draws the paper's figures 1, 3 (and 4) and 5 and learning curves, as PNG and PDF, with their captions.

    Args:
        run: the folder that training wrote.
        data: folder or CSV of images and masks.
        out: a new or empty folder.
        beside: further methods by name, each a run or a folder of masks.
        cases: ids of those to show; where none are named, `count` of them are drawn by a hash of their names.
        count: how many are drawn.
        foreground: rule that makes masks binary; where None, the one that the run was trained with.
        progress: told of the stages.
        loading: further arguments of `autosam.load`.

    Returns:
        The files of the figures.

    Raises:
        UsageError: where `out` holds something, there is no case of a name, or the run is not one of AutoSAM.
        DataError: for images or masks that cannot be used, and a case that a folder of masks lacks.
        ModelError: where a model or its SAM cannot be loaded.
    """
    progress = progress or Silent()
    folder = Path(out)
    with claim(folder):
        model = load(run, keep_prompt=True, **loading)
        if model.card.method != AUTOSAM:
            raise UsageError(
                "the run has no prompt encoder g with its surrogate decoder h, which these figures show",
                file=run,
                cure="Give a run of AutoSAM, and this one as --beside NAME=RUN",
            )
        rule = Foreground.parse(foreground or model.card.foreground)
        samples = _chosen(Dataset(find_pairs(Path(data)).pairs, rule), cases, count, Path(data))
        others = dict(beside or {})
        progress.start("predicting", len(samples) * (2 + len(others)))
        predictions = []
        for sample in samples:
            predictions.append(model.predict(sample))
            progress.advance()
        sam = known_as(load_sam(loading.get("sam") or model.card.sam), model.card.sam)
        prompted = []
        for sample in samples:
            prompted.append(prompted_masks(sam, sample))
            progress.advance()
        ours = Column(OURS, [each.mask for each in predictions])
        rivals = []
        for name, source in others.items():
            predict = _predictor(Path(source), rule, **loading)
            rivals.append(Column(name, [predict(sample).mask for sample in samples]))
            progress.advance(len(samples))

        asked = [
            Column(f"SAM, {kind}", [masks[kind] for masks in prompted], _warning(sam, kind)) for kind in prompted[0]
        ]
        histories = [
            found
            for name, place in ((OURS, Path(run)), *((name, Path(source)) for name, source in others.items()))
            if (found := read_history(name, place)) is not None
        ]
        progress.start("drawing")
        with printed():
            files = save(side_by_side(samples, [*asked, ours]), folder / "figure-1-prompts")
            files += save(side_by_side(samples, [*rivals, ours]), folder / "figure-3-results")
            plate, shares = prompt_plate(samples, predictions)
            files += save(plate, folder / "figure-5-prompt")
            if histories:
                files += save(learning_curves(histories), folder / "learning-curves")
        record = seen_by(Path(run)) or {}
        seen = [sample.id for sample in samples if content_hash(sample.image) in record]
        captions = _captions(sam, samples, list(others), shares, seen, writable(Path(data).resolve().name), cases)
        write_text(folder / "captions.md", captions)
    return files


def _chosen(data: Dataset, cases: Sequence[str], count: int, root: Path) -> list[Sample]:
    if count < 1:
        raise UsageError(f"{count} cases cannot be shown", cure="Give --count 1 or more")
    known = {name: index for index, name in enumerate(data.ids)}
    missing = [name for name in cases if name not in known]
    if missing:
        raise UsageError(
            f"there is no case {missing[0]!r} in {root}", cure=f"Its cases are named like {', '.join(data.ids[:3])}"
        )
    # By their names, not their scores: a figure of chosen successes shows nothing.
    by_hash = sorted(known, key=lambda name: hashlib.sha256(name.encode("utf-8", "backslashreplace")).digest())
    names = list(cases) or [name for name in known if name in set(by_hash[:count])]
    samples = [data.read(known[name]) for name in names]
    if not samples:
        raise DataError("there is no case to show", file=root, cure="Name a folder with images and masks")
    return samples


def _predictor(source: Path, rule: Foreground, **loading: Any) -> Any:
    if source.is_file() or RunFolder(source).model.exists():
        return load(source, **{name: value for name, value in loading.items() if name != "sam"}).predict
    return predictions_from(source)


def _warning(sam: FrozenSam, kind: str) -> str:
    plural = {"point": "points", "box": "boxes", "mask": "masks"}[kind]
    return "" if kind in sam.trained_prompts else f"never trained on {plural}"


def _captions(
    sam: FrozenSam,
    samples: Sequence[Sample],
    others: Sequence[str],
    shares: Sequence[float],
    seen: Sequence[str],
    data: str,
    named: Sequence[str],
) -> str:
    how = "named by hand" if named else "drawn by a hash of their names, not by their scores"
    untrained = [kind for kind in ("point", "box", "mask") if kind not in sam.trained_prompts]
    lines = [f"# Figures on {data}", "", f"Cases ({how}): {', '.join(sample.id for sample in samples)}.", ""]
    if seen:
        lines += [f"Of these the run has seen in its training: {', '.join(seen)}. They show no generalisation.", ""]
    lines += [
        f"**Figure 1.** Image; the frozen SAM ({sam.name}) prompted by the truth's deepest point, by the box around "
        f"all of it, and by the truth as a mask prompt (logits of {MASK_LOGIT:g} and -{MASK_LOGIT:g}), single-mask "
        f"output; {OURS}, which is given the image alone; truth. Numbers are Dice at the image's own size."
    ]
    if untrained:
        lines[-1] += (
            f" This SAM was never trained on a {' or a '.join(untrained)} prompt: its masks there say nothing against "
            "a SAM that was."
        )
    shown = f"{', '.join(others)}, {OURS}" if others else OURS
    lines += [
        "",
        f"**Figure 3** (and 4, on another data set). Image; {shown}; truth. Numbers are Dice.",
        "",
        "**Figure 5.** Image; the dense prompt Z = g(I), its three strongest principal components over the image's "
        "area as red, green and blue, each stretched between its 1st and 99th percentile; the surrogate decoder's mask "
        "h(Z); SAM's mask for image and Z; truth. The three components hold "
        + ", ".join(f"{100 * share:.0f} % ({sample.id})" for share, sample in zip(shares, samples, strict=True))
        + " of Z's variance.",
        "",
        "**Learning curves.** Training loss (pale: each step; line: running mean) and mean Dice on the validation "
        "cases, over the training images seen; where a run left a log.",
        "",
    ]
    return "\n".join(lines)
