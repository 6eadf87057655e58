"""SAM 1 and its light kin: an image encoder of our own, transformers' prompt encoder and mask decoder."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from autosam.core.files import place_torch_folder
from autosam.core.letterbox import PixelRule, Scaling
from autosam.models.sam_model import Sam
from autosam.models.sam_names import SamShape, from_official, sam_shape
from autosam.models.tensors import fill_module
from autosam.models.tiny_vit import TinyViT, TinyViTShape
from autosam.models.tiny_vit_weights import build_tiny_vit, tiny_vit_shape
from autosam.models.vit import VisionTransformer

__all__ = ["Sam", "build_sam", "build_tiny_vit_sam", "outline_sam", "random_tensors", "tiny_sam"]

# The official decoder's own constants, which its weights do not show.
_DECODER_HEADS = 8
_DECODER_NORM_EPS = 1e-5
_DECODER_MLP = 2048


def build_sam(
    tensors: Mapping[str, Tensor], file: Path | str, *, name: str, scaling: Scaling, trained_prompts: frozenset[str]
) -> Sam:
    """Returns a SAM with a plain ViT, of the size that its tensors have.

    Args:
        tensors: under `Sam`'s own names (sam_names).
        file: where they come from, for messages.
        name: the name in the table of SAMs.
        scaling: of its pixels.
        trained_prompts: kinds of prompt that its weights were trained on.

    Raises:
        ModelError: naming tensors that are missing, unknown or of another size.
    """
    shape = sam_shape(tensors, file)
    with torch.device("meta"):
        parts = _parts(shape)
    fill_module(parts, tensors, file)
    return _assemble(parts, shape, name=name, scaling=scaling, trained_prompts=trained_prompts)


def build_tiny_vit_sam(
    tensors: Mapping[str, Tensor], file: Path | str, *, name: str, scaling: Scaling, trained_prompts: frozenset[str]
) -> Sam:
    """Returns LiteMedSAM or MobileSAM from the tensors of its checkpoint under their official names.

    Raises:
        ModelError: naming tensors that are missing, unknown or of another size.
    """
    shape = tiny_vit_shape(tensors)
    prefix = "image_encoder."
    encoder = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    rest = from_official({k: v for k, v in tensors.items() if not k.startswith(prefix)})
    with torch.device("meta"):
        parts = _prompt_parts(shape.image_size, shape.grid, shape.out_channels, _DECODER_MLP)
    fill_module(parts, rest, file)
    return Sam(
        image_encoder=build_tiny_vit(shape, encoder, file),
        prompt_encoder=parts["prompt_encoder"],
        mask_decoder=parts["mask_decoder"],
        name=name,
        rule=PixelRule(shape.image_size, scaling),
        embedding_shape=(shape.out_channels, shape.grid, shape.grid),
        trained_prompts=trained_prompts,
    )


def tiny_sam(seed: int = 0, image_size: int = 64) -> Sam:
    """Returns a SAM of about 0.1 M random weights that follow from `seed` alone: for tests and quick trials.

    Args:
        seed: of the weights.
        image_size: side of its input in pixels, a multiple of 8; the embedding is (32, side / 8, side / 8).
    """
    if image_size < 16 or image_size % 8:
        raise ValueError(f"image_size must be a multiple of 8 from 16 on, not {image_size}")
    shape = SamShape(
        image_size=image_size,
        patch_size=8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_dim=64,
        window_size=3,
        global_attn_indexes=(1,),
        prompt_width=32,
        decoder_mlp_dim=64,
    )
    return build_sam(
        random_tensors(shape, seed),
        "random weights",
        name="tiny-random",
        scaling="imagenet",
        trained_prompts=frozenset(),
    )


def random_tensors(shape: SamShape, seed: int) -> dict[str, Tensor]:
    """Returns a SAM's tensors under `Sam`'s own names, drawn so that activations keep their size: no real weights."""
    with torch.device("meta"):
        parts = _parts(shape)
    generator = torch.Generator().manual_seed(seed)
    return {name: _draw(name, tuple(like.shape), generator) for name, like in sorted(parts.state_dict().items())}


def _draw(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    values = torch.randn(shape, generator=generator)
    if len(shape) > 1:
        return values * math.sqrt(2 / math.prod(shape[1:]))
    return 0.1 * values + (0 if name.endswith("bias") else 1)


def _assemble(
    parts: nn.ModuleDict, shape: SamShape, *, name: str, scaling: Scaling, trained_prompts: frozenset[str]
) -> Sam:
    grid = shape.image_size // shape.patch_size
    return Sam(
        image_encoder=parts["image_encoder"],
        prompt_encoder=parts["prompt_encoder"],
        mask_decoder=parts["mask_decoder"],
        name=name,
        rule=PixelRule(shape.image_size, scaling),
        embedding_shape=(shape.prompt_width, grid, grid),
        trained_prompts=trained_prompts,
    )


def _parts(shape: SamShape) -> nn.ModuleDict:
    grid = shape.image_size // shape.patch_size
    parts = _prompt_parts(shape.image_size, grid, shape.prompt_width, shape.decoder_mlp_dim)
    # One level deeper than it need be: its tensors' names are part of every fingerprint.
    parts["image_encoder"] = nn.Sequential(OrderedDict(encoder=VisionTransformer(shape)))
    return parts


def _prompt_parts(image_size: int, grid: int, width: int, decoder_mlp: int) -> nn.ModuleDict:
    """Returns SAM's prompt encoder and mask decoder for an embedding (width, grid, grid), without weights."""
    place_torch_folder()
    from transformers.models.sam.configuration_sam import (
        SamConfig,
        SamMaskDecoderConfig,
        SamPromptEncoderConfig,
        SamVisionConfig,
    )
    from transformers.models.sam.modeling_sam import SamMaskDecoder, SamPromptEncoder

    decoder = SamMaskDecoderConfig(
        hidden_size=width,
        mlp_dim=decoder_mlp,
        num_attention_heads=_DECODER_HEADS,
        layer_norm_eps=_DECODER_NORM_EPS,
        iou_head_hidden_dim=width,
    )
    config = SamConfig(
        vision_config=SamVisionConfig(num_pos_feats=width // 2),
        prompt_encoder_config=SamPromptEncoderConfig(
            hidden_size=width, image_size=image_size, patch_size=image_size // grid
        ),
        mask_decoder_config=decoder,
    )
    # Last, because the whole configuration hands its own choice down to its parts.
    decoder._attn_implementation = "sdpa"
    return nn.ModuleDict({"prompt_encoder": SamPromptEncoder(config), "mask_decoder": SamMaskDecoder(decoder)})


def outline_sam(shape: SamShape | TinyViTShape, *, name: str, scaling: Scaling, trained_prompts: frozenset[str]) -> Sam:
    """Returns a SAM of a shape without any weights, on the device "meta": sizes can be traced through it, not values.

    Args:
        shape: its sizes.
        name: the name in the table of SAMs.
        scaling: of its pixels.
        trained_prompts: kinds of prompt that its weights were trained on.
    """
    # The whole of it inside, since what a SAM makes of its parts must be without values too.
    with torch.device("meta"):
        if isinstance(shape, SamShape):
            return _assemble(_parts(shape), shape, name=name, scaling=scaling, trained_prompts=trained_prompts)
        parts = _prompt_parts(shape.image_size, shape.grid, shape.out_channels, _DECODER_MLP)
        return Sam(
            image_encoder=TinyViT(shape),
            prompt_encoder=parts["prompt_encoder"],
            mask_decoder=parts["mask_decoder"],
            name=name,
            rule=PixelRule(shape.image_size, scaling),
            embedding_shape=(shape.out_channels, shape.grid, shape.grid),
            trained_prompts=trained_prompts,
        )
