"""The prompt encoder g, the overloaded part of AutoSAM (arXiv 2306.06370): its contract and the table of its kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autosam.core.checks import check_shape, look_up
from autosam.core.errors import ModelError, UsageError
from autosam.models.weights import HUB_PREFIX

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LARGEST_DEFAULT = 512
SMALLEST = 32


class PromptEncoder(nn.Module):
    """g: an image, and the frozen SAM's embedding where it asks for one, to the dense prompt Z.

    A subclass overrides `forward`.

    Args:
        name: the name it was built by.
        size: side s of its input in pixels, at least 32.
        embedding_shape: (C, h, w) of the SAM's embedding, which is that of Z.
        needs_embedding: whether `forward` reads the embedding.
        mean: what its backbone subtracts from RGB in 0..1.
        std: what its backbone then divides by.

    Attributes:
        config: what a checkpoint has to keep beside the name to build it again without any other file, JSON-able.

    Raises:
        UsageError: where `size` is too small.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        name: str,
        size: int,
        embedding_shape: tuple[int, int, int],
        needs_embedding: bool = False,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        if size < SMALLEST:
            raise UsageError(f"a prompt encoder cannot see {size} pixels", cure=f"Give a size of {SMALLEST} or more")
        self.name = name
        self.size = size
        self.embedding_shape = embedding_shape
        self.needs_embedding = needs_embedding
        self.config: dict[str, Any] = {}
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1), persistent=False)

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of Z."""
        return self.embedding_shape[1], self.embedding_shape[2]

    def normalise(self, image: Tensor) -> Tensor:
        """Returns (B, 3, s, s) as the backbone wants it, of RGB in 0..1.

        Raises:
            ValueError: on another shape.
        """
        check_shape(image, (None, 3, self.size, self.size), f"the image of {self.name}")
        return (image - self.mean) / self.std

    def forward(self, image: Tensor, embedding: Tensor | None) -> Tensor:
        """Returns the dense prompt Z (B, C, h, w).

        Args:
            image: (B, 3, s, s) RGB in 0..1.
            embedding: (B, C, h, w) of the frozen SAM; None will do where `needs_embedding` is False.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a prompt encoder is built from; see `build_prompt_encoder`.

    Attributes:
        name: its name.
        embedding_shape: (C, h, w) of the frozen SAM's embedding.
        size: side of its input in pixels.
        weights: an official checkpoint of its backbone; None for first weights by chance.
        config: `PromptEncoder.config` of the one that is built again; None for a new one.
    """

    name: str
    embedding_shape: tuple[int, int, int]
    size: int
    weights: Path | None
    config: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class PromptEncoderEntry:
    """A line of the table.

    Attributes:
        summary: what it is, for people.
        build: makes it.
    """

    summary: str
    build: Callable[[Wanted], PromptEncoder]


def _hardnet(wanted: Wanted) -> PromptEncoder:
    from autosam.models.hardnet_prompt import HarDNetPromptEncoder

    return HarDNetPromptEncoder(
        wanted.name, embedding_shape=wanted.embedding_shape, size=wanted.size, weights=wanted.weights
    )


def _sam_features(wanted: Wanted) -> PromptEncoder:
    from autosam.models.context import scales_of
    from autosam.models.sam_features import SamFeatures

    if wanted.weights is not None:
        raise UsageError(f"{wanted.name} takes no pretrained weights", file=wanted.weights, cure="Leave the file out")
    normed = True if wanted.config is None else wanted.config.get("normed", False)
    if type(normed) is not bool:
        raise ModelError(f"the checkpoint's prompt encoder says {normed!r} of its embedding's norm, not true or false")
    return SamFeatures(
        wanted.name,
        embedding_shape=wanted.embedding_shape,
        size=wanted.size,
        scales=scales_of(wanted.config),
        normed=normed,
    )


PROMPT_ENCODERS: dict[str, PromptEncoderEntry] = {
    "sam-features": PromptEncoderEntry("a small net on the image and SAM's embedding (default)", _sam_features),
    "hardnet85": PromptEncoderEntry("HarDNet-85, the paper's", _hardnet),
    "hardnet68": PromptEncoderEntry("HarDNet-68", _hardnet),
    "hardnet39ds": PromptEncoderEntry("HarDNet-39DS, depth-wise separable", _hardnet),
}


def build_prompt_encoder(
    name: str,
    *,
    embedding_shape: tuple[int, int, int],
    size: int,
    weights: Path | None = None,
    initialise: bool = True,
    config: Mapping[str, Any] | None = None,
) -> PromptEncoder:
    """Returns a prompt encoder by name.

    Args:
        name: a name of `PROMPT_ENCODERS`, or `hf:NAME` for a transformers backbone: NAME is a local folder or a hub
            name whose files are in the hub's cache.
        embedding_shape: (C, h, w) of the frozen SAM's embedding.
        size: side of its input in pixels.
        weights: an official ImageNet checkpoint of HarDNet; None trains it from scratch.
        initialise: whether the pretrained weights are read; False where a checkpoint fills the model next.
        config: `PromptEncoder.config` of the one that is built again, even if it is empty; with it no file is read for
            the structure.

    Raises:
        UsageError: on an unknown name, on weights that the name does not take, or on a size that it cannot see.
        ModelError: on missing or unfit weights.
    """
    if name.startswith(HUB_PREFIX):
        from autosam.models.pyramid import build_pyramid

        if weights is not None:
            raise UsageError(f"{name} reads its own weights", file=weights, cure="Leave the weights' file out")
        return build_pyramid(name, embedding_shape=embedding_shape, size=size, initialise=initialise, config=config)
    entry = look_up(name, PROMPT_ENCODERS, f"prompt encoder (or {HUB_PREFIX}NAME)")
    return entry.build(Wanted(name, embedding_shape, size, weights if initialise else None, config))


def default_size(name: str, sam_size: int) -> int:
    """Returns the side of g's input where none is asked for: the SAM's, at most 512 pixels."""
    return min(sam_size, LARGEST_DEFAULT)
