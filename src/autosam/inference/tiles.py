"""A masker's maps of an image at its own size, made of one frame or of many tiles without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.errors import NotFiniteError
from autosam.core.grid import Grid, Window
from autosam.core.letterbox import Frame, Letterbox
from autosam.inference.masker import Masker
from autosam.models.segmenter import Masks


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What a masker says of an image.

    Attributes:
        logits: (H, W) float32 at the image's own size, on the CPU.
        surrogate: (H, W), the same of the surrogate decoder h; None where there is none.
        prompt: (C, h, w) float32, g's dense prompt Z over the padded square of the whole image; None where it was not
            asked for or there is none. Of tiles, their prompts blended and sampled at the cells of that square.
    """

    logits: torch.Tensor
    surrogate: torch.Tensor | None = None
    prompt: torch.Tensor | None = None


def maps_of(masker: Masker, rgb: npt.NDArray[np.uint8], tile: int | None, *, prompt: bool = False) -> Maps:
    """Returns the maps of an image (H, W, 3).

    Tiles go through the masker one after another, so that memory does not grow with their number; at each pixel their
    logits are averaged by the smooth weights of `core.grid.Grid`, before anything makes probabilities of them.

    Args:
        masker: makes the logits of a frame.
        rgb: the image.
        tile: side of a tile in pixels; None for the whole image in one frame.
        prompt: whether the prompt is wanted.

    Raises:
        ModelError: where a logit is NaN or infinite, which no mask may be made of.
    """
    height, width = rgb.shape[:2]
    grid = Grid(height, width, tile)
    blends: dict[str, torch.Tensor] = {}
    for window, box, frame in frames_of(rgb, tile, masker.frame_size):
        masks = masker(frame)
        if len(grid) == 1:
            return _whole(masks, box, prompt)
        weights = [torch.from_numpy(each) for each in grid.weights(window)]
        for name, part in (("logits", masks.logits), ("surrogate", masks.surrogate)):
            if part is not None:
                if name not in blends:
                    blends[name] = torch.zeros(height, width)
                blends[name][window.area] += _native(part, box) * weights[0][:, None] * weights[1]
        if prompt and masks.dense is not None:
            share = _prompt_share(masks.dense, grid, window, box, weights)
            blends["prompt"] = blends["prompt"] + share if "prompt" in blends else share
    return Maps(blends["logits"], blends.get("surrogate"), blends.get("prompt"))


def frames_of(rgb: npt.NDArray[np.uint8], tile: int | None, size: int) -> Iterator[tuple[Window, Letterbox, Frame]]:
    """Yields the windows of an image (H, W, 3), each with its letterbox and its frame of side `size`."""
    for window in Grid(rgb.shape[0], rgb.shape[1], tile).windows:
        box = Letterbox(size, window.height, window.width)
        yield window, box, box.frame(np.ascontiguousarray(rgb[window.area]))


def _whole(masks: Masks, box: Letterbox, prompt: bool) -> Maps:
    return Maps(
        _native(masks.logits, box),
        None if masks.surrogate is None else _native(masks.surrogate, box),
        masks.dense[0].float().cpu() if prompt and masks.dense is not None else None,
    )


def _native(logits: torch.Tensor, box: Letterbox) -> torch.Tensor:
    native = box.undo(logits[0, 0].float().cpu())
    if not bool(torch.isfinite(native).all()):
        raise NotFiniteError(
            "the model gave logits that are no finite numbers",
            cure="Try --engine torch --precision float32: where it gives them too, the checkpoint is damaged, and else "
            "the engine does not run this model right on this machine",
        )
    return native


def _prompt_share(
    dense: torch.Tensor, grid: Grid, window: Window, box: Letterbox, weights: list[torch.Tensor]
) -> torch.Tensor:
    """Returns a tile's part of the whole image's prompt: at its pixels, weighted, sampled; as one matrix an axis."""
    cells = dense[0].float().cpu()
    whole = Letterbox(max(cells.shape[-2:]), grid.height, grid.width)
    rows, columns = (
        sample[:, part] @ (weight[:, None] * back)
        for sample, part, weight, back in zip(
            whole.way_there(), window.area, weights, box.way_back(*cells.shape[-2:]), strict=True
        )
    )
    return rows @ cells @ columns.T
