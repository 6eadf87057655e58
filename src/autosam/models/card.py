"""What a checkpoint says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from autosam.core.probability import Mapping
from autosam.models.rivals import AUTOSAM, has_sam, method_title

_MOST_SIDE = 1 << 13


@dataclass(frozen=True, slots=True)
class Card:
    """What a checkpoint says of itself.

    Attributes:
        sam: name of the frozen SAM; "none" where the method needs none.
        sam_fingerprint: SHA-256 over the SAM's weights; the same SAM must be there to use the checkpoint.
        prompt_encoder: name of g; "none" where the method has none.
        size: side of the square image that g (or the method in its place) sees, in pixels.
        embedding_shape: (C, h, w) of the SAM's embedding.
        prompt_encoder_config: what g is built from beside its name; empty for most.
        mapping: how logits become a probability.
        foreground: the rule that made masks binary, as text.
        threshold: foreground is where the probability is at least this.
        tile: side in pixels of the overlapping tiles that larger images are cut into; None for whole images.
        training: what it was trained with: seed, loss, steps, numbers of cases, hashes. No time and no path.
        method: "autosam", or the name of a rival.
        method_config: what a rival is built from.
        quantised: how many images the ranges of its convolutions of eight-bit integers come from; 0 for one that has
            none.
    """

    sam: str
    sam_fingerprint: str
    prompt_encoder: str
    size: int
    embedding_shape: tuple[int, int, int]
    prompt_encoder_config: dict[str, Any] = field(default_factory=dict)
    mapping: Mapping = "sigmoid"
    foreground: str | None = None
    threshold: float = 0.5
    tile: int | None = None
    training: dict[str, Any] = field(default_factory=dict)
    method: str = AUTOSAM
    method_config: dict[str, Any] = field(default_factory=dict)
    quantised: int = 0

    @property
    def title(self) -> str:
        """The method as it stands in tables."""
        title = method_title(self.method, sam=self.sam, prompt_encoder=self.prompt_encoder, config=self.method_config)
        return f"{title}, int8" if self.quantised else title

    @property
    def has_sam(self) -> bool:
        """Whether any part of a frozen SAM belongs to it."""
        return has_sam(self.method)

    def misfits(self) -> list[str]:
        """Returns what no network may be built from: whatever a card asks for is allocated."""
        shape, texts = self.embedding_shape, (self.sam, self.sam_fingerprint, self.prompt_encoder, self.method)
        fits = {
            "name": all(isinstance(text, str) for text in texts),
            "size": type(self.size) is int and 1 <= self.size <= _MOST_SIDE,
            "embedding shape": len(shape) == 3
            and all(type(n) is int and int(self.has_sam) <= n <= _MOST_SIDE for n in shape),
            "prompt encoder": isinstance(self.prompt_encoder_config, dict),
            "mapping": self.mapping in get_args(Mapping),
            "foreground": self.foreground is None or isinstance(self.foreground, str),
            "threshold": type(self.threshold) in (int, float) and 0 <= self.threshold <= 1,
            "training": isinstance(self.training, dict),
            "method": isinstance(self.method_config, dict),
            # Nothing of a tile's side is allocated: no image is made larger for it.
            "tile": self.tile is None or (type(self.tile) is int and self.tile >= 1),
            "count of images": type(self.quantised) is int and self.quantised >= 0,
        }
        return [name for name, fit in fits.items() if not fit]
