"""A TinyViT from the names and shapes of an official checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from autosam.core.errors import ModelError
from autosam.models.tensors import fill_module
from autosam.models.tiny_vit import LITEMEDSAM, MOBILESAM, TinyViT, TinyViTShape

_NORM_EPS = 1e-5
_NECK = {"0": "conv1", "1": "norm1", "2": "conv2", "3": "norm2"}
# MobileSAM's checkpoint keeps the classifier it was distilled with; nothing of it reaches the embedding.
_DEAD = ("norm_head.weight", "norm_head.bias", "head.weight", "head.bias")


def is_tiny_vit(tensors: Mapping[str, Tensor]) -> bool:
    """Tells whether a SAM's tensors have a TinyViT for their image encoder."""
    return "image_encoder.patch_embed.seq.0.c.weight" in tensors


def tiny_vit_shape(tensors: Mapping[str, Tensor]) -> TinyViTShape:
    """Returns LITEMEDSAM or MOBILESAM: only LiteMedSAM's stem has kernels of one pixel."""
    return LITEMEDSAM if tensors["image_encoder.patch_embed.seq.0.c.weight"].shape[-1] == 1 else MOBILESAM


def build_tiny_vit(shape: TinyViTShape, tensors: Mapping[str, Tensor], file: Path | str) -> TinyViT:
    """Returns the encoder with the weights of a checkpoint.

    Args:
        shape: the encoder's shape.
        tensors: the checkpoint's, with the names of its image encoder ("patch_embed.seq.0.c.weight", ...).
        file: where they come from, for the message.

    Raises:
        ModelError: naming tensors that are missing, unknown or of another size.
    """
    with torch.device("meta"):
        encoder = TinyViT(shape)
    fill_module(encoder, fold(tensors, file), file)
    for part in encoder.modules():
        if isinstance(part, nn.Conv2d):
            part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)
    return encoder


def fold(tensors: Mapping[str, Tensor], file: Path | str) -> dict[str, Tensor]:
    """Returns tensors under the encoder's own names: batch norms folded in float64, tables of biases spread out.

    Raises:
        ModelError: where a convolution has not its whole batch norm.
    """
    folded: dict[str, Tensor] = {}
    used = {name for name in tensors if name.endswith(".bn.num_batches_tracked") or name in _DEAD}
    for name, tensor in tensors.items():
        stem, _, last = name.rpartition(".")
        if name in used or stem.endswith(".bn"):
            continue
        if stem.endswith(".c"):
            base = stem.removesuffix(".c")
            norm = [f"{base}.bn.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
            missing = [part for part in norm if part not in tensors or tensors[part].shape != tensor.shape[:1]]
            if missing:
                raise ModelError(f"missing or of another size: {', '.join(missing)}", file=file)
            weight, bias, mean, variance = (tensors[part].double() for part in norm)
            scale = weight / torch.sqrt(variance + _NORM_EPS)
            folded[f"{base}.weight"] = (tensor.double() * scale.view(-1, 1, 1, 1)).to(tensor.dtype)
            folded[f"{base}.bias"] = (bias - mean * scale).to(tensor.dtype)
            used.update(norm)
        elif last == "attention_biases":
            folded[f"{stem}.bias"] = _spread(tensor, name, file)
        elif name.startswith("neck."):
            _, place, rest = name.split(".", 2)
            folded[f"neck.{_NECK.get(place, place)}.{rest}"] = tensor
        else:
            folded[name] = tensor
    # A norm whose convolution is not there stays, and is named as unknown.
    folded.update({name: tensor for name, tensor in tensors.items() if ".bn." in name and name not in used})
    return folded


def _spread(table: Tensor, name: str, file: Path | str) -> Tensor:
    """Returns (1, heads, L, L) of a table (heads, L) whose column is |dy| * window + |dx|, L = window²."""
    window = math.isqrt(table.shape[-1])
    if table.ndim != 2 or window**2 != table.shape[-1]:
        raise ModelError(f"{name} has the impossible shape {tuple(table.shape)}", file=file)
    along = torch.arange(window)
    apart = (along[:, None] - along).abs()
    column = apart[:, None, :, None] * window + apart[None, :, None, :]
    return table[:, column.reshape(window**2, window**2)][None]
