"""The dense prompt Z averaged over the frames of a clip, before the decoder sees it."""

from __future__ import annotations

import torch

from autosam.core.errors import UsageError
from autosam.core.letterbox import Frame
from autosam.inference.halves import no_prompt
from autosam.inference.masker import Divisible, Masker
from autosam.models.segmenter import Masks


class TemporalMasker:
    """A masker of frames in order, with Z'_t = X * Z'_(t-1) + (1 - X) * Z_t in the place of Z_t.

    The first frame of a clip has Z'_0 = Z_0. The average is kept in float32, on the device of the model; it is all that
    passes from a frame to the next. A frame that is cut into tiles has an average for each of them.

    Args:
        masks: the model.
        share: X, of what came before.

    Raises:
        UsageError: for a share outside 0 to below 1, and for a model without a dense prompt.
    """

    def __init__(self, masks: Masker, share: float) -> None:
        self._share = check_share(share)
        if not isinstance(masks, Divisible):
            raise no_prompt()
        self._halves = masks.apart()
        self.frame_size, self.mapping, self.engine = masks.frame_size, masks.mapping, masks.engine
        self.restart()

    def restart(self) -> None:
        """Forgets what came before: the next frame is the first of a clip."""
        self._before: list[torch.Tensor] = []
        self._tile = 0

    def next_frame(self) -> None:
        """Begins a frame, of one call or of a call a tile, as many as the frame before had."""
        self._tile = 0

    @torch.inference_mode()
    def __call__(self, frame: Frame) -> Masks:
        """See `Masker`."""
        dense, embedding = self._halves.prompt(frame)
        fresh = dense.float()
        if self._tile < len(self._before):
            mixed = self._share * self._before[self._tile] + (1 - self._share) * fresh
            self._before[self._tile] = mixed
        else:
            mixed = fresh
            self._before.append(mixed)
        self._tile += 1
        # Memory of its own: what a caller does to a frame's prompt is nothing to the next frame.
        return self._halves.answer(mixed.to(dense.dtype, copy=True), embedding)


def check_share(share: float) -> float:
    """Returns a share of what came before.

    Raises:
        UsageError: where it is not 0 to below 1.
    """
    if not 0 <= share < 1:
        raise UsageError(f"the share of the frames before must be 0 to below 1, not {share}", cure="Try 0.5")
    return share
