"""A frozen SAM's image encoder with adapters in its transformer blocks; the gradient reaches them, not its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from autosam.core.errors import ModelError
from autosam.models.adapters import BlockAdapters
from autosam.models.sam_model import Sam
from autosam.models.tiny_vit import Stage, TinyViT
from autosam.models.tiny_vit_blocks import Block
from autosam.models.vit import Layer, VisionTransformer


def encoder_adapters(sam: Sam) -> nn.ModuleList:
    """Returns new adapters for a SAM's image encoder, one `BlockAdapters` a transformer block, from input to output.

    Raises:
        ModelError: where the encoder is neither a plain ViT nor TinyViT.
    """
    return nn.ModuleList(BlockAdapters(width) for width in _widths(sam))


def encode_adapted(sam: Sam, adapters: nn.ModuleList, pixels: Tensor) -> Tensor:
    """Returns the embedding (B, C, h, w) of pixels (B, 3, S, S), scaled by the SAM's rule, with adapters at work.

    Unlike `Sam.encode` it keeps the gradient.
    """
    taken = cast("Sequence[BlockAdapters]", adapters)
    if isinstance(sam.image_encoder, TinyViT):
        return _tiny_vit(sam.image_encoder, taken, pixels)
    return _vit(_plain_vit(sam), taken, pixels)


def _widths(sam: Sam) -> list[int]:
    encoder = sam.image_encoder
    if isinstance(encoder, TinyViT):
        return [block.attn.proj.in_features for _, blocks in _attending(encoder) for block in blocks]
    vit = _plain_vit(sam)
    return [vit.shape.hidden_size for _ in vit.layers]


def _plain_vit(sam: Sam) -> VisionTransformer:
    vit = getattr(sam.image_encoder, "encoder", None)
    if isinstance(vit, VisionTransformer):
        return vit
    raise ModelError(
        f"{sam.name} has an image encoder that no adapters are known for", cure="Take a SAM with a ViT or TinyViT"
    )


def _attending(encoder: TinyViT) -> list[tuple[Stage, list[Block]]]:
    """Returns the stages with attention and their blocks; TinyViT's first stage only convolves."""
    stages = [cast("Stage", stage) for stage in encoder.layers]
    return [(stage, [block for block in stage.blocks if isinstance(block, Block)]) for stage in stages[1:]]


def _tiny_vit(encoder: TinyViT, adapters: Sequence[BlockAdapters], pixels: Tensor) -> Tensor:
    taken = iter(adapters)
    x = encoder.layers[0](encoder.patch_embed(pixels))
    for stage, blocks in _attending(encoder):
        for block in blocks:
            x = _tiny_vit_block(block, next(taken), x)
        x = stage.downsample(x)
    embedding: Tensor = encoder.neck(x)
    return embedding


def _tiny_vit_block(block: Block, adapters: BlockAdapters, x: Tensor) -> Tensor:
    tokens = x.permute(0, 2, 3, 1)
    tokens = tokens + adapters.attended(block.attn(tokens))
    local = block.local_conv(tokens.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    out: Tensor = local + block.mlp(local) + adapters.beside_mlp(block.mlp.norm(local))
    return out.permute(0, 3, 1, 2)


def _vit(encoder: VisionTransformer, adapters: Sequence[BlockAdapters], pixels: Tensor) -> Tensor:
    x = encoder.patch_embed(pixels) + encoder.pos_embed
    for layer, own in zip(encoder.layers, adapters, strict=True):
        x = _vit_block(cast("Layer", layer), own, x)
    embedding: Tensor = encoder.neck(x.permute(0, 3, 1, 2))
    return embedding


def _vit_block(layer: Layer, adapters: BlockAdapters, x: Tensor) -> Tensor:
    x = x + adapters.attended(layer.attended(x))
    normed = layer.layer_norm2(x)
    out: Tensor = x + layer.mlp(normed) + adapters.beside_mlp(normed)
    return out
