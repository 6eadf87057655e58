"""SAM's tensors under any of their names, and the sizes that follow from their shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from autosam.core.errors import ModelError

_FEED_FORWARD = {"0": "proj_in", "1": "layers.0", "2": "proj_out"}
_RULES: tuple[tuple[str, str], ...] = (
    (r"^image_encoder\.patch_embed\.proj\.", "image_encoder.encoder.patch_embed.projection."),
    (r"^image_encoder\.pos_embed$", "image_encoder.encoder.pos_embed"),
    (r"^image_encoder\.blocks\.(\d+)\.norm(\d)\.", r"image_encoder.encoder.layers.\1.layer_norm\2."),
    (r"^image_encoder\.blocks\.(\d+)\.", r"image_encoder.encoder.layers.\1."),
    (r"^image_encoder\.neck\.0\.", "image_encoder.encoder.neck.conv1."),
    (r"^image_encoder\.neck\.1\.", "image_encoder.encoder.neck.layer_norm1."),
    (r"^image_encoder\.neck\.2\.", "image_encoder.encoder.neck.conv2."),
    (r"^image_encoder\.neck\.3\.", "image_encoder.encoder.neck.layer_norm2."),
    (
        r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    (r"^prompt_encoder\.point_embeddings\.", "prompt_encoder.point_embed."),
    (r"^prompt_encoder\.mask_downscaling\.0\.", "prompt_encoder.mask_embed.conv1."),
    (r"^prompt_encoder\.mask_downscaling\.1\.", "prompt_encoder.mask_embed.layer_norm1."),
    (r"^prompt_encoder\.mask_downscaling\.3\.", "prompt_encoder.mask_embed.conv2."),
    (r"^prompt_encoder\.mask_downscaling\.4\.", "prompt_encoder.mask_embed.layer_norm2."),
    (r"^prompt_encoder\.mask_downscaling\.6\.", "prompt_encoder.mask_embed.conv3."),
    (r"^mask_decoder\.transformer\.layers\.(\d+)\.norm(\d)\.", r"mask_decoder.transformer.layers.\1.layer_norm\2."),
    (r"^mask_decoder\.transformer\.norm_final_attn\.", "mask_decoder.transformer.layer_norm_final_attn."),
    (r"^mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
    (r"^mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
    (r"^mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
)
_SHARED = "prompt_encoder.shared_embedding.positional_embedding"
_SIZES = {(768, 12): "sam-vit-base", (1024, 24): "sam-vit-large", (1280, 32): "sam-vit-huge"}


def from_official(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of an official checkpoint (segment-anything's names) under `Sam`'s own.

    `Sam` names its prompt encoder and mask decoder as transformers does. A name without a rule is kept, so that the
    exact comparison with the model names it.
    """
    return {_rename(name): tensor for name, tensor in tensors.items()}


def from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of transformers' SamModel under `Sam`'s own names.

    The twin of the shared positional embedding is merged with it.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name == "shared_image_embedding.positional_embedding":
            renamed.setdefault(_SHARED, tensor)
        elif name.startswith("vision_encoder."):
            renamed[f"image_encoder.encoder.{name.removeprefix('vision_encoder.')}"] = tensor
        else:
            renamed[name] = tensor
    return renamed


@dataclass(frozen=True, slots=True)
class SamShape:
    """The sizes of a SAM with a plain ViT, as transformers' configuration names them."""

    image_size: int
    patch_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    mlp_dim: int
    window_size: int
    global_attn_indexes: tuple[int, ...]
    prompt_width: int
    decoder_mlp_dim: int

    @property
    def name(self) -> str:
        """Its name in the table of SAMs; "sam" for a size of none of them."""
        standard = self.image_size == 1024 and self.patch_size == 16
        return _SIZES.get((self.hidden_size, self.num_hidden_layers), "sam") if standard else "sam"


def sam_shape(tensors: Mapping[str, Tensor], file: Path | str) -> SamShape:
    """Returns the sizes that follow from tensors under `Sam`'s own names.

    Raises:
        ModelError: where these are not the weights of a SAM.
    """
    try:
        encoder = "image_encoder.encoder."
        hidden, _, patch, _ = tensors[f"{encoder}patch_embed.projection.weight"].shape
        grid = tensors[f"{encoder}pos_embed"].shape[1]
        depth = sum(name.startswith(encoder) and name.endswith(".attn.qkv.weight") for name in tensors)
        reach = [tensors[f"{encoder}layers.{i}.attn.rel_pos_h"].shape for i in range(depth)]
        everywhere = tuple(i for i, shape in enumerate(reach) if shape[0] == 2 * grid - 1)
        windows = {(shape[0] + 1) // 2 for i, shape in enumerate(reach) if i not in everywhere}
        if len(windows) > 1:
            raise ModelError(f"its attention windows differ: {sorted(windows)}", file=file)
        return SamShape(
            image_size=grid * patch,
            patch_size=patch,
            hidden_size=hidden,
            num_hidden_layers=depth,
            num_attention_heads=hidden // reach[0][1],
            mlp_dim=tensors[f"{encoder}layers.0.mlp.lin1.weight"].shape[0],
            window_size=max(windows, default=grid),
            global_attn_indexes=everywhere,
            prompt_width=tensors["prompt_encoder.no_mask_embed.weight"].shape[1],
            decoder_mlp_dim=tensors["mask_decoder.transformer.layers.0.mlp.lin1.weight"].shape[0],
        )
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as fault:
        raise ModelError(
            f"not the weights of a SAM ({fault})", file=file, cure="`autosam info` lists what can be loaded"
        ) from fault


def _rename(name: str) -> str:
    for pattern, own in _RULES:
        renamed, hit = re.subn(pattern, own, name)
        if hit:
            return renamed
    layered = re.match(
        r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|iou_prediction_head))\.layers\.([012])\.", name
    )
    if layered:
        return f"{layered[1]}.{_FEED_FORWARD[layered[2]]}.{name[layered.end() :]}"
    return name
