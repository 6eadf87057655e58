"""SAM's mask decoder with the products of its attention taken in the order that is cheapest for few tokens.

The weights and the result are those of transformers' own module, to rounding. A prompt without points has 5 tokens for
thousands of image positions, so a projection of every position is dearer than one of the tokens: (x W) q is x (W q).
Forward and backward pass through the frozen decoder take about half the multiplications, and the upscaling needs no
change of layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

if TYPE_CHECKING:
    from transformers.models.sam.modeling_sam import SamAttention, SamMaskDecoder, SamTwoWayAttentionBlock


class Insertions(Protocol):
    """What is put into one block of a decoder whose own weights stay as they are."""

    def gathered(self, tokens: Tensor) -> Tensor:
        """Returns, for what tokens (B, N, C) gathered from the image, what is added to them in its place."""
        ...

    def beside_mlp(self, tokens: Tensor) -> Tensor:
        """Returns what is added to the output (B, N, C) of the MLP of `tokens`."""
        ...

    def returned(self, x: Tensor) -> Tensor:
        """Returns, for positions (B, P, C) after they gathered from the tokens, what is normed in their place."""
        ...


def decode(
    decoder: SamMaskDecoder, image: Tensor, position: Tensor, inserted: Sequence[Insertions] | None = None
) -> Tensor:
    """Returns the single-mask logits (B, 1, 4h, 4w), without points or boxes.

    Args:
        decoder: the mask decoder.
        image: (B, C, h, w), SAM's embedding with the dense prompt added.
        position: (1, C, h, w), the positional encoding of the grid.
        inserted: one for each block of the decoder; None for the decoder as it is.
    """
    batch, _, height, width = image.shape
    x = image.flatten(2).transpose(1, 2).contiguous()
    place = position.flatten(2)[0]
    start = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(batch, -1, -1)
    tokens = start
    for index, block in enumerate(decoder.transformer.layers):
        layer, extra = cast("SamTwoWayAttentionBlock", block), None if inserted is None else inserted[index]
        if layer.skip_first_layer_pe:
            tokens = _among(layer.self_attn, tokens, tokens)
        else:
            tokens = tokens + _among(layer.self_attn, tokens + start, tokens)
        tokens = layer.layer_norm1(tokens)
        gathered = _to_image(layer.cross_attn_token_to_image, tokens + start, x, place)
        tokens = layer.layer_norm2(tokens + (gathered if extra is None else extra.gathered(gathered)))
        more = layer.mlp(tokens)
        tokens = layer.layer_norm3(tokens + (more if extra is None else more + extra.beside_mlp(tokens)))
        x = x + _to_tokens(layer.cross_attn_image_to_token, x, place, tokens + start, tokens)
        x = layer.layer_norm4(x if extra is None else extra.returned(x))
    last = _to_image(decoder.transformer.final_attn_token_to_image, tokens + start, x, place)
    tokens = decoder.transformer.layer_norm_final_attn(tokens + last)
    return _mask(decoder, x, decoder.output_hypernetworks_mlps[0](tokens[:, 1]), height, width)


def _among(attention: SamAttention, query: Tensor, value: Tensor) -> Tensor:
    mixed: Tensor = attention(query=query[:, None], key=query[:, None], value=value[:, None])[0]
    return mixed[:, 0]


def _by_head(attention: SamAttention, weight: Tensor) -> Tensor:
    return weight.view(attention.num_attention_heads, -1, weight.shape[-1])


def _scores(asked: Tensor, x: Tensor, place: Tensor) -> Tensor:
    """Returns the products (B, N, P) of tokens (B, N, C) with positions (B, P, C) and their places (C, P), added."""
    # Not the product of the sum, which is far larger; with the positions first, whose gradient then comes as they lie.
    return asked @ place + (x @ asked.transpose(1, 2)).transpose(1, 2)


def _to_image(attention: SamAttention, query: Tensor, x: Tensor, place: Tensor) -> Tensor:
    """Returns what tokens (B, N, C) gather from positions (B, P, C) at places (C, P)."""
    heads = attention.num_attention_heads
    batch, count, width = query.shape
    q = attention.q_proj(query).view(batch, count, heads, -1) * attention.scaling
    # A key's bias adds the same to all of a token's scores, and softmax does not see it.
    asked = torch.einsum("bnhd,hdc->bhnc", q, _by_head(attention, attention.k_proj.weight))
    share = _scores(asked.reshape(batch, -1, width), x, place).softmax(-1)
    gathered = (share @ x).view(batch, heads, count, width)
    values = torch.einsum("bhnc,hdc->bnhd", gathered, _by_head(attention, attention.v_proj.weight))
    mixed: Tensor = attention.out_proj(values.reshape(batch, count, -1) + attention.v_proj.bias)
    return mixed


def _to_tokens(attention: SamAttention, x: Tensor, place: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Returns what positions (B, P, C) at places (C, P) gather from tokens (B, N, C)."""
    heads = attention.num_attention_heads
    batch, count, width = key.shape
    k = attention.k_proj(key).view(batch, count, heads, -1) * attention.scaling
    asked = torch.einsum("bnhd,hdc->bhnc", k, _by_head(attention, attention.q_proj.weight))
    bias = torch.einsum("bnhd,hd->bhn", k, attention.q_proj.bias.view(heads, -1))
    scores = _scores(asked.reshape(batch, -1, width), x, place).view(batch, heads, count, -1)
    share = (scores + bias[..., None]).softmax(2).flatten(1, 2)
    v = attention.v_proj(value).view(batch, count, heads, -1)
    given: Tensor = torch.einsum("bnhd,chd->bhnc", v, attention.out_proj.weight.view(width, heads, -1))
    # A head's shares add up to one, so that its part of the bias can ride on what each token gives.
    given = given + attention.out_proj.bias / heads
    return share.transpose(1, 2) @ given.reshape(batch, -1, width)


def _mask(decoder: SamMaskDecoder, x: Tensor, kernel: Tensor, height: int, width: int) -> Tensor:
    """Returns logits (B, 1, 4h, 4w) of positions (B, P, C) and of each image's mask kernel (B, C / 8)."""
    norm = decoder.upscale_layer_norm
    once = gelu(layer_norm(_upscaled(decoder.upscale_conv1, x), norm.weight.shape, norm.weight, norm.bias, norm.eps))
    twice = gelu(_upscaled(decoder.upscale_conv2, once.flatten(1, 2)))
    logits = twice.flatten(1, 2) @ kernel[:, :, None]
    squares = logits.view(-1, height, width, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
    return squares.reshape(-1, 1, 4 * height, 4 * width)


def _upscaled(convolution: torch.nn.ConvTranspose2d, x: Tensor) -> Tensor:
    """Returns (B, P, 4, C'): for every position of (B, P, C) the 2x2 pixels that a stride-2 2x2 kernel makes of it."""
    channels, out = convolution.weight.shape[:2]
    weight = convolution.weight.permute(2, 3, 1, 0).reshape(4 * out, channels)
    bias = None if convolution.bias is None else convolution.bias.repeat(4)
    return linear(x, weight, bias).view(*x.shape[:2], 4, out)
