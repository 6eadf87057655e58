"""A frozen SAM asked with what the truth gives away: a point, a box, the mask itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

from autosam.core.letterbox import Letterbox
from autosam.core.prompt import Prompt
from autosam.core.sample import Sample
from autosam.evaluation.scoring import truth_of
from autosam.models.frozen_sam import FrozenSam

Mask = npt.NDArray[np.bool_]

# A confident mask of SAM itself has logits of about this size.
MASK_LOGIT = 10.0


def point_prompt(sam: FrozenSam, truth: Mask) -> Prompt:
    """Returns one point: the pixel of the truth (S, S) that lies deepest inside it."""
    from scipy.ndimage import distance_transform_edt

    # A margin, so that the square's own edge is an edge of the truth too.
    depth = distance_transform_edt(np.pad(truth, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    place = torch.tensor([[[float(column), float(row)]]])
    return sam.prompt(points=(place, torch.ones(1, 1, dtype=torch.int64)))


def box_prompt(sam: FrozenSam, truth: Mask) -> Prompt:
    """Returns the box around all of the truth (S, S)."""
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    return sam.prompt(boxes=torch.tensor([[columns[0], rows[0], columns[-1], rows[-1]]], dtype=torch.float32))


def mask_prompt(sam: FrozenSam, truth: Mask) -> Prompt:
    """Returns the truth (S, S) itself as a mask prompt: logits of `MASK_LOGIT` inside and its negative outside."""
    _, height, width = sam.embedding_shape
    plane = torch.from_numpy(truth.astype(np.float32))[None, None]
    small = interpolate(plane, (4 * height, 4 * width), mode="bilinear", align_corners=False, antialias=True)
    return sam.prompt(masks=(2 * small - 1) * MASK_LOGIT)


PROMPTS: dict[str, Callable[[FrozenSam, Mask], Prompt]] = {
    "point": point_prompt,
    "box": box_prompt,
    "mask": mask_prompt,
}
"""What makes a prompt of the truth, by the kind that `FrozenSam.trained_prompts` names."""


@torch.inference_mode()
def prompted_masks(sam: FrozenSam, sample: Sample) -> dict[str, Mask]:
    """Returns SAM's mask (H, W) bool for every kind of prompt, at the sample's own size; its single-mask output.

    A truth that is empty, also where it is too small to be seen at SAM's input, gives no prompt, and an empty mask.

    Raises:
        DataError: where the sample has no boolean truth.
    """
    box = Letterbox(sam.rule.size, *sample.size)
    frame = box.frame(sample.rgb(), truth_of(sample))
    if frame.mask is None or not frame.mask.any():
        return {kind: np.zeros(sample.size, np.bool_) for kind in PROMPTS}
    embedding = sam.encode(frame.pixels(sam.rule)[None])
    masks: dict[str, Mask] = {}
    for kind, make in PROMPTS.items():
        logits, _ = sam.decode_with_quality(embedding, make(sam, frame.mask))
        masks[kind] = (box.undo(logits[0, 0].float()) > 0).numpy()
    return masks
