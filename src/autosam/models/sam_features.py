"""The light default g: a few convolutions on the image, joined with what SAM saw in it."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import hardswish

from autosam.core.checks import check_shape
from autosam.models.context import SCALES, Context, LayerNorm2d, Normalise, to_grid
from autosam.models.prompt_encoder import PromptEncoder

WIDTH = 128
STEM_WIDTHS = (32, 64)
LAST_STD = 1e-3


class SamFeatures(PromptEncoder):
    """`sam-features`: strided 3x3 convolutions on the image, SAM's embedding beside them, context, 1x1 to Z.

    The stem has as many halvings as bring the image to the embedding's grid or just above it. The embedding is
    normalised: LiteMedSAM's comes at a tenth of what the stem gives, and a training takes long to find it there. The
    last convolution starts near zero, so that training starts at the SAM's own behaviour without a prompt.

    Args:
        name: the name it was built by.
        embedding_shape: (C, h, w) of the SAM's embedding.
        size: side of the image in pixels.
        scales: those of its `Context`.
        normed: whether the embedding is normalised; checkpoints that say nothing of it have it as it is.
    """

    def __init__(
        self,
        name: str = "sam-features",
        *,
        embedding_shape: tuple[int, int, int],
        size: int,
        scales: int = SCALES,
        normed: bool = True,
    ) -> None:
        super().__init__(name=name, size=size, embedding_shape=embedding_shape, needs_embedding=True)
        self.config = {"scales": scales, "normed": normed}
        halvings = max(1, int(math.log2(max(1.0, size / max(self.grid)))))
        widths = [3, *(STEM_WIDTHS[min(step, len(STEM_WIDTHS) - 1)] for step in range(halvings))]
        self.stem = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.from_image = nn.Conv2d(widths[-1], WIDTH, 1)
        entry = nn.Conv2d(embedding_shape[0], WIDTH, 1, bias=False)
        # Other names of the weights, so that a training of before is not gone on with as if it were one of these.
        self.from_embedding = nn.Sequential(Normalise(), entry) if normed else entry
        self.enter = LayerNorm2d(WIDTH)
        self.context = Context(WIDTH, scales)
        self.leave = LayerNorm2d(WIDTH)
        self.last = nn.Conv2d(WIDTH, embedding_shape[0], 1)
        for convolution in self.stem:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")  # type: ignore[arg-type]
        nn.init.normal_(self.last.weight, std=LAST_STD)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, embedding: Tensor | None) -> Tensor:
        """Returns the dense prompt Z (B, C, h, w) of RGB (B, 3, s, s) in 0..1 and the embedding (B, C, h, w)."""
        if embedding is None:
            raise ValueError(f"{self.name} needs the embedding of the frozen SAM")
        check_shape(embedding, (image.shape[0], *self.embedding_shape), "the embedding")
        # A CPU convolves maps that are laid out channels last several times as fast.
        x = self.normalise(image).contiguous(memory_format=torch.channels_last)
        for convolution in self.stem:
            x = hardswish(convolution(x))
        seen = embedding.contiguous(memory_format=torch.channels_last)
        x = self.enter(self.from_image(to_grid(x, self.grid)) + self.from_embedding(seen))
        return self.leave.into(self.last, self.context(x))
