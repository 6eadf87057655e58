"""A frozen SAM that is prompted and never trained: what AutoSAM's own frozen part does with a user's help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from autosam.benchmarks.method import OWN_TRAINING, Method, Predicted
from autosam.benchmarks.prompts import Points, boxes, centres, grid, random_points, regions
from autosam.core.letterbox import Frame, Letterbox
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.core.sample import Sample
from autosam.inference.prediction import Prediction
from autosam.models.frozen_sam import FrozenSam

# A mask prompt is the logits of an earlier mask; these are what a sure one has.
SURE = 10.0
# Everything mode asks at this many points a side, and keeps what SAM is sure of: its published thresholds.
GRID = 16
LEAST_QUALITY, LEAST_STABILITY = 0.88, 0.95
# What stands for "nothing is there".
NOWHERE = -20.0
_AT_ONCE = 16
_ORACLE, _UNTRAINED = PROMPT_MARKS = ("ORACLE PROMPTS", "UNTRAINED PROMPT")

Kind = Literal["centre", "points", "box", "mask", "nothing", "everything"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A way to prompt.

    Attributes:
        summary: what is asked, for people.
        kind: of prompt.
        whole: whether all of the truth gets one prompt; else each of its objects gets one, and their masks are joined.
        count: points a prompt.
        pick: of everything mode: which masks make the answer.
    """

    summary: str
    kind: Kind
    whole: bool = False
    count: int = 1
    pick: Literal["best", "majority"] = "best"

    @property
    def oracle(self) -> bool:
        """Whether the truth of the test image is used."""
        return self.kind != "nothing"

    def untrained(self, sam: FrozenSam) -> bool:
        """Says whether a SAM's weights were never trained on such a prompt; on none at all no SAM was."""
        known = {"box": "box", "mask": "mask", "nothing": "nothing"}.get(self.kind, "point")
        return known not in sam.trained_prompts


def _table() -> dict[str, Baseline]:
    table: dict[str, Baseline] = {}
    for whole, suffix, of in ((False, "", "each object"), (True, "-whole", "all objects as one")):
        table[f"sam-centre{suffix}"] = Baseline(f"the innermost point of {of}", "centre", whole)
        for count in (1, 3, 5, 10):
            named = f"{count} random point{'s' if count > 1 else ''} of {of}"
            table[f"sam-points-{count}{suffix}"] = Baseline(named, "points", whole, count)
        table[f"sam-box{suffix}"] = Baseline(f"the box of {of}", "box", whole)
    table["sam-mask"] = Baseline("the true mask itself as a mask prompt", "mask", whole=True)
    table["sam-nothing"] = Baseline("no prompt", "nothing", whole=True)
    everything = f"everything mode, {GRID} x {GRID} points"
    table["sam-everything-best"] = Baseline(f"{everything}: the mask with the highest IoU", "everything")
    table["sam-everything-majority"] = Baseline(
        f"{everything}: all masks that lie in the truth by more than half", "everything", pick="majority"
    )
    return table


BASELINES: dict[str, Baseline] = _table()


def of_baseline(name: str, sam: FrozenSam, embed: Callable[[Frame], ImageEmbedding], device: torch.device) -> Method:
    """Returns a SAM, prompted in one of the ways of `BASELINES`, as a method.

    An empty truth has no object to point at, so that the mask is empty; without a prompt SAM is asked all the same.

    Args:
        name: of `BASELINES`.
        sam: the frozen SAM, on the device.
        embed: gives a frame's embedding.
        device: where the mask decoder runs.
    """
    baseline = BASELINES[name]

    @torch.inference_mode()
    def predict(sample: Sample) -> Predicted:
        truth = np.asarray(sample.mask, np.bool_)
        box = Letterbox(sam.rule.size, *sample.size)
        logits = _logits(baseline, sam, embed, device, sample, truth, box)
        values = np.full(sample.size, NOWHERE, np.float32) if logits is None else box.undo(logits[0, 0].cpu()).numpy()
        chance = torch.sigmoid(torch.from_numpy(values)).numpy()
        return Predicted(Prediction(sample.id, sample.rgb(), chance), values)

    untrained = baseline.untrained(sam)
    marks = [OWN_TRAINING] if sam.name == "litemedsam" else []
    if baseline.oracle:
        marks.append(f"{_ORACLE}: {name} is told of the truth of each test image ({baseline.summary})")
    if untrained:
        marks.append(
            f"{_UNTRAINED}: {sam.name} never saw a prompt such as that of {name} in its training; no ground to say "
            "that anything beats SAM"
        )
    about = {
        "baseline": name,
        "prompt": baseline.summary,
        "sam": sam.name,
        "sam_sha256": sam.fingerprint(),
        "trained_prompts": sorted(sam.trained_prompts),
    }
    title = f"SAM ({sam.name}): {baseline.summary}"
    return Method(title, predict, about, tuple(marks), oracle=baseline.oracle, untrained=untrained)


def _logits(
    baseline: Baseline,
    sam: FrozenSam,
    embed: Callable[[Frame], ImageEmbedding],
    device: torch.device,
    sample: Sample,
    truth: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    box: Letterbox,
) -> torch.Tensor | None:
    """Returns the joined logits (1, 1, 4h, 4w) of all prompts of a sample; None where nothing was prompted or kept."""
    prompted = regions(truth, whole=baseline.whole)
    if baseline.oracle and not prompted:
        return None
    frame = box.frame(sample.rgb(), truth)
    embedding = embed(frame).to(device)
    small = frame.resized(4 * sam.embedding_shape[1])
    assert small.mask is not None
    true = torch.from_numpy(small.mask).to(device)
    if baseline.kind == "nothing":
        return sam.decode_with_quality(embedding, sam.prompt())[0]
    if baseline.kind == "mask":
        return sam.decode_with_quality(embedding, sam.prompt(masks=(2.0 * true - 1)[None, None] * SURE))[0]
    if baseline.kind == "everything":
        asked = _asked(sam, box, grid(sample.size, GRID), device)
        return _everything(baseline, sam, embedding, asked, true)
    if baseline.kind == "box":
        prompts = _asked(sam, box, boxes(prompted), device, corners=True)
    else:
        random = baseline.kind == "points"
        points = random_points(prompted, baseline.count, sample.id) if random else centres(prompted)
        prompts = _asked(sam, box, points, device)
    joined: torch.Tensor | None = None
    for prompt, count in prompts:
        made = sam.decode_with_quality(_repeated(embedding, count), prompt)[0].amax(0, keepdim=True)
        joined = made if joined is None else torch.maximum(joined, made)
    return joined


def _asked(
    sam: FrozenSam, box: Letterbox, at: Points, device: torch.device, *, corners: bool = False
) -> Iterator[tuple[Prompt, int]]:
    """Yields prompts of points (N, k, 2), or of the corners (N, 2, 2) of boxes, some at once, with their number."""
    # SAM's prompt encoder takes whole numbers for pixels and adds the half to their centre itself.
    square = torch.from_numpy(box.to_square(at) - 0.5).to(device, torch.float32)
    for some in torch.split(square, _AT_ONCE):
        if corners:
            yield sam.prompt(boxes=some.flatten(1)), len(some)
        else:
            inside = torch.ones(some.shape[:2], dtype=torch.int64, device=device)
            yield sam.prompt(points=(some, inside)), len(some)


def _everything(
    baseline: Baseline,
    sam: FrozenSam,
    embedding: ImageEmbedding,
    asked: Iterator[tuple[Prompt, int]],
    true: torch.Tensor,
) -> torch.Tensor | None:
    """Returns the logits of the mask, or of the union of masks, that the truth picks among those SAM is sure of."""
    best = -1.0
    answer: torch.Tensor | None = None
    for prompt, count in asked:
        logits, quality = sam.decode_with_quality(_repeated(embedding, count), prompt)
        for one, sure in zip(logits, quality[:, 0].tolist(), strict=True):
            mask = one[0] > 0
            area, both = int(mask.sum()), int((mask & true).sum())
            if area == 0 or sure < LEAST_QUALITY or _stability(one) < LEAST_STABILITY:
                continue
            if baseline.pick == "majority":
                if 2 * both > area:
                    answer = one[None] if answer is None else torch.maximum(answer, one[None])
            elif both / (area + int(true.sum()) - both) > best:
                best, answer = both / (area + int(true.sum()) - both), one[None]
    return answer


def _stability(logits: torch.Tensor) -> float:
    """Returns the IoU of the masks that a cut a little above and a little below zero gives."""
    low = int((logits > -1).sum())
    return int((logits > 1).sum()) / low if low else 0.0


def _repeated(embedding: ImageEmbedding, count: int) -> ImageEmbedding:
    fine = tuple(level.expand(count, -1, -1, -1) for level in embedding.fine)
    return ImageEmbedding(embedding.main.expand(count, -1, -1, -1), fine)
