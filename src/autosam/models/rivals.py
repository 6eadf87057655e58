"""The table of rivals: methods that the same loop trains, on the same images, in the same time as AutoSAM."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from autosam.core.checks import look_up
from autosam.core.errors import ModelError, UsageError
from autosam.core.probability import Mapping
from autosam.models.frozen_sam import FrozenSam
from autosam.models.hardnet_segmentation import BACKBONE, HarDNetSegmentation
from autosam.models.hardnet_variants import VARIANTS
from autosam.models.image_segmenter import ImageSegmenter
from autosam.models.prompt_encoder import SMALLEST, default_size
from autosam.models.sam_model import Sam
from autosam.models.segmenter import Segmenter
from autosam.models.unet import WIDTH, UNet

AUTOSAM = "autosam"
# The side of the image for a rival without SAM: that of the default SAM, so that both see the same.
OWN_SIZE = 256

_TINY_VIT_SAMS = frozenset({"litemedsam", "mobilesam"})

Config = MappingType[str, Any]


class Builder(Protocol):
    """What makes a rival without its trained weights."""

    def __call__(self, sam: FrozenSam | None, *, size: int, mapping: Mapping, config: Config) -> Segmenter:
        """Returns it."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A line of the table.

    Attributes:
        title: as it stands in tables.
        summary: what it is, for people.
        needs: what it takes of a frozen SAM: nothing; its weights, running them itself; or its embedding.
        build: makes it.
        config: what it is built from, JSON-able, with the value where nothing is asked for.
        training: choices of a training where nothing is asked for.
    """

    title: str
    summary: str
    needs: Literal["nothing", "weights", "embedding"]
    build: Builder
    config: Config = field(default_factory=dict)
    training: Config = field(default_factory=dict)


def _unet(sam: FrozenSam | None, *, size: int, mapping: Mapping, config: Config) -> Segmenter:
    return ImageSegmenter(UNet(int(config["width"])), size=size, mapping=mapping)


def _hardnet(sam: FrozenSam | None, *, size: int, mapping: Mapping, config: Config) -> Segmenter:
    return ImageSegmenter(HarDNetSegmentation(str(config["backbone"])), size=size, mapping=mapping)


def _tuned_decoder(sam: FrozenSam | None, *, size: int, mapping: Mapping, config: Config) -> Segmenter:
    from autosam.models.tuned_decoder import TunedDecoder

    return TunedDecoder(_known(sam), size=size, mapping=mapping)


def _adapted_sam(sam: FrozenSam | None, *, size: int, mapping: Mapping, config: Config) -> Segmenter:
    from autosam.models.adapted_sam import AdaptedSam

    return AdaptedSam(_known(sam), mapping=mapping)


def _known(sam: FrozenSam | None) -> Sam:
    if not isinstance(sam, Sam):
        raise ModelError("this SAM's decoder is of another kind", cure="Take SAM, MedSAM, LiteMedSAM or MobileSAM")
    return sam


# Views that need no embedding cost next to nothing, so that a new one is drawn at every step.
_LIVE = {"views": 0}

RIVALS: dict[str, Rival] = {
    "unet": Rival(
        "U-Net", "U-Net from scratch, without any SAM", "nothing", _unet, {"width": WIDTH}, {**_LIVE, "lr": 1e-3}
    ),
    "hardnet-segmentation": Rival(
        "HarDNet segmentation",
        "g's HarDNet with a head of its own, without any SAM: what the paper calls FCN",
        "nothing",
        _hardnet,
        {"backbone": BACKBONE},
        {**_LIVE, "lr": 1e-3},
    ),
    "tuned-decoder": Rival(
        "tuned mask decoder",
        "SAM's mask decoder fine-tuned without a prompt, encoder frozen",
        "embedding",
        _tuned_decoder,
        training={"lr": 3e-4},
    ),
    "medical-sam-adapter": Rival(
        "Medical SAM Adapter",
        "adapters in SAM's frozen encoder and decoder (arXiv 2304.12620), no prompt; the encoder runs at every step",
        "weights",
        _adapted_sam,
        training={**_LIVE, "lr": 1e-3},
    ),
}
METHODS: tuple[str, ...] = (AUTOSAM, *RIVALS)


def build_rival(name: str, sam: FrozenSam | None, *, size: int, mapping: Mapping, config: Config) -> Segmenter:
    """Returns a rival without its trained weights.

    Args:
        name: a name of `RIVALS`.
        sam: the frozen SAM; None will do where the rival needs nothing of one.
        size: side of its image in pixels.
        mapping: how its logits become a probability.
        config: what it is built from.

    Raises:
        UsageError: for an unknown name, or a size that it cannot see.
        ModelError: for a SAM that it does not know.
    """
    entry = look_up(name, RIVALS, "method")
    if size < SMALLEST:
        raise UsageError(f"{name} cannot see {size} pixels", cure=f"Give a size of {SMALLEST} or more")
    if entry.needs == "weights" and sam is not None and size != sam.rule.size:
        raise UsageError(f"{name} sees the {sam.rule.size} pixels of {sam.name}, not {size}", cure="Leave --size away")
    return entry.build(sam, size=size, mapping=mapping, config=config)


def rival_size(name: str, sam: FrozenSam | None) -> int:
    """Returns the side of a rival's image where none is asked for."""
    if sam is None:
        return OWN_SIZE
    return sam.rule.size if RIVALS[name].needs == "weights" else default_size(name, sam.rule.size)


def rival_config(name: str, prompt_encoder: str, width: int | None) -> dict[str, Any]:
    """Returns what a rival is built from, for the choices of a training that concern it.

    Args:
        name: a name of `RIVALS`.
        prompt_encoder: that of AutoSAM; where it is a HarDNet it is the backbone of the HarDNet segmentation too.
        width: channels of U-Net's first level; None for the table's.
    """
    config = dict(RIVALS[name].config)
    if "backbone" in config and prompt_encoder in VARIANTS:
        config["backbone"] = prompt_encoder
    if "width" in config and width is not None:
        config["width"] = width
    return config


def has_sam(name: str) -> bool:
    """Says whether any part of a frozen SAM belongs to a method."""
    return name == AUTOSAM or RIVALS[name].needs != "nothing"


def runs_sam(name: str) -> bool:
    """Says whether a method runs SAM's encoder itself, in place of being given an embedding."""
    return name != AUTOSAM and RIVALS[name].needs == "weights"


def method_title(name: str, *, sam: str = "", prompt_encoder: str = "", config: Config | None = None) -> str:
    """Returns a method as it stands in tables, with what it is built from."""
    if name == AUTOSAM:
        return f"AutoSAM ({sam}, {prompt_encoder})"
    entry, built = look_up(name, RIVALS, "method"), config or {}
    inside = [str(built[key]) if key == "backbone" else f"{key} {built[key]}" for key in entry.config if key in built]
    if entry.needs != "nothing":
        inside.insert(0, sam)
    # TinyViT is not the ViT that the paper adapted.
    title = f"adapters after {entry.title}" if entry.needs == "weights" and sam in _TINY_VIT_SAMS else entry.title
    return f"{title} ({', '.join(inside)})" if inside else title
