"""SAMs by name without their weights: what they are in numbers."""

from __future__ import annotations

from autosam.models.frozen_sam import SAMS, FrozenSam, load_sam
from autosam.models.sam import outline_sam, tiny_sam
from autosam.models.sam_names import SamShape
from autosam.models.tiny_vit import LITEMEDSAM, MOBILESAM, TinyViTShape


def _vit(width: int, depth: int, heads: int, everywhere: tuple[int, ...]) -> SamShape:
    """Returns one of SAM's three sizes (Kirillov et al., Segment Anything, 2023): all but these numbers is common."""
    return SamShape(
        image_size=1024,
        patch_size=16,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        mlp_dim=4 * width,
        window_size=14,
        global_attn_indexes=everywhere,
        prompt_width=256,
        decoder_mlp_dim=2048,
    )


_BASE = _vit(768, 12, 12, (2, 5, 8, 11))
SHAPES: dict[str, SamShape | TinyViTShape] = {
    "litemedsam": LITEMEDSAM,
    "mobilesam": MOBILESAM,
    "sam-vit-base": _BASE,
    "sam-vit-large": _vit(1024, 24, 16, (5, 11, 17, 23)),
    "sam-vit-huge": _vit(1280, 32, 16, (7, 15, 23, 31)),
    "medsam": _BASE,
}
"""The sizes of the SAMs that can be outlined by name alone."""


def outline(name_or_path: str) -> FrozenSam:
    """Returns a frozen SAM on the device "meta", its weights nowhere; those of an unlisted one are read for its sizes.

    Raises:
        UsageError: where there is no such name.
        ModelError: where it is not one of `SHAPES` and its weights are missing.
    """
    if name_or_path == "tiny-random":
        return tiny_sam().to("meta")
    if name_or_path not in SHAPES:
        return load_sam(name_or_path).to("meta")
    entry = SAMS[name_or_path]
    return outline_sam(
        SHAPES[name_or_path], name=name_or_path, scaling=entry.scaling, trained_prompts=entry.trained_prompts
    )
