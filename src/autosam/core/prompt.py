"""What a frozen SAM exchanges: the embedding of an image, and the prompt that asks for a mask in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True, slots=True)
class ImageEmbedding:
    """What a SAM's image encoder made of a batch.

    Attributes:
        main: (B, C, h, w), the embedding that the mask decoder attends to.
        fine: finer feature maps that the decoder of SAM 2 adds; none for SAM 1.
    """

    main: torch.Tensor
    fine: tuple[torch.Tensor, ...] = field(default=())

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> ImageEmbedding:
        """Returns the same embedding on `device` (and in `dtype`)."""
        return ImageEmbedding(self.main.to(device, dtype), tuple(f.to(device, dtype) for f in self.fine))

    def last(self, device: torch.device, dtype: torch.dtype) -> ImageEmbedding:
        """Returns the same embedding on `device` in `dtype`, laid out channels last: a position's channels together."""
        layout = torch.channels_last
        return ImageEmbedding(
            self.main.to(device, dtype, memory_format=layout),
            tuple(f.to(device, dtype, memory_format=layout) for f in self.fine),
        )

    def part(self, images: slice) -> ImageEmbedding:
        """Returns the embedding of some of the images."""
        return ImageEmbedding(self.main[images], tuple(f[images] for f in self.fine))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the mask decoder is asked with.

    Attributes:
        dense: (B, C, h, w), added to the image embedding; AutoSAM's g makes only this.
        sparse: (B, N, C) tokens of points and boxes; None for none.
    """

    dense: torch.Tensor
    sparse: torch.Tensor | None = None
