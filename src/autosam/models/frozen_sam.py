"""What a frozen SAM is, the table of their names, and the one way to load them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from autosam.core.checks import look_up
from autosam.core.errors import ModelError
from autosam.core.letterbox import PixelRule, Scaling
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.sam import build_sam, build_tiny_vit_sam, tiny_sam
from autosam.models.sam_names import from_official, from_transformers, sam_shape
from autosam.models.tensors import load_tensors
from autosam.models.tiny_vit import LITEMEDSAM
from autosam.models.tiny_vit_weights import is_tiny_vit, tiny_vit_shape
from autosam.models.weights import hub_folder, installed


class FrozenSam(Protocol):
    """A SAM whose weights never change, an nn.Module that stays in eval mode.

    Attributes:
        name: its name in `SAMS`; "sam" for a size of none of them.
        rule: how it wants its pixels.
        embedding_shape: (C, h, w) of its embeddings and dense prompts.
        trained_prompts: of "point", "box" and "mask", those that its weights were trained on.
        code_version: raised whenever the arithmetic of `encode` changes; part of the keys of cached embeddings.
    """

    name: str
    rule: PixelRule
    embedding_shape: tuple[int, int, int]
    trained_prompts: frozenset[str]
    code_version: int

    def encode(self, pixels: Tensor) -> ImageEmbedding:
        """Returns the embedding of `pixels` (B, 3, S, S), scaled by `rule`; without gradient."""
        ...

    def decode(self, embedding: ImageEmbedding, prompt: Prompt) -> Tensor:
        """Returns mask logits (B, 1, 4h, 4w); the gradient passes to the prompt."""
        ...

    def decode_with_quality(self, embedding: ImageEmbedding, prompt: Prompt) -> tuple[Tensor, Tensor]:
        """Returns the logits of `decode`, and SAM's own estimate (B, 1) of their IoU."""
        ...

    def prompt(
        self,
        *,
        points: tuple[Tensor, Tensor] | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
    ) -> Prompt:
        """Returns the prompt of points ((B, N, 2), (B, N)), boxes (B, 4), masks (B, 1, 4h, 4w), or of none."""
        ...

    def fingerprint(self) -> str:
        """Returns the SHA-256 of the names and bytes of its weights."""
        ...

    def to(self, device: torch.device | str) -> Self:
        """Returns itself, moved."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yields its weights, none of which wants a gradient."""
        ...


@dataclass(frozen=True, slots=True)
class SamEntry:
    """A name in the table of SAMs.

    Attributes:
        description: one line.
        scaling: of its pixels.
        trained_prompts: kinds of prompt that its weights were trained on.
    """

    description: str
    scaling: Scaling
    trained_prompts: frozenset[str]


_ALL = frozenset({"point", "box", "mask"})
_BOX = frozenset({"box"})
SAMS: dict[str, SamEntry] = {
    "litemedsam": SamEntry("LiteMedSAM: TinyViT at 256 pixels, trained on boxes in medical images", "minmax", _BOX),
    "mobilesam": SamEntry("MobileSAM: TinyViT at 1024 pixels, distilled from SAM", "imagenet", _ALL),
    "sam-vit-base": SamEntry("SAM with ViT-B at 1024 pixels", "imagenet", _ALL),
    "sam-vit-large": SamEntry("SAM with ViT-L at 1024 pixels", "imagenet", _ALL),
    "sam-vit-huge": SamEntry("SAM with ViT-H at 1024 pixels, as in the paper", "imagenet", _ALL),
    "medsam": SamEntry("MedSAM: SAM with ViT-B, tuned on boxes in medical images", "minmax", _BOX),
    "tiny-random": SamEntry("random weights, for tests", "imagenet", frozenset()),
}
_UNLISTED = SamEntry("a SAM of another size", "imagenet", _ALL)
_SUFFIXES = {".pth", ".pt", ".bin", ".safetensors"}
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def load_sam(name_or_path: str) -> FrozenSam:
    """Returns a frozen SAM on the CPU.

    Args:
        name_or_path: a name of `SAMS` that was fetched; an official checkpoint (`.pth`, `.pt`, `.safetensors`), whose
            size is recognised from its tensors; a local folder of transformers' SamModel; or a name of the Hugging Face
            hub (owner/name) that lies in the local cache. SAM ViT-B's weights are taken for MedSAM's where the name of
            the file or folder says "medsam": nothing else tells them apart.

    Raises:
        UsageError: where there is no such name.
        ModelError: where the weights are missing, naming the command that gets them, or are not a SAM's.
    """
    path = Path(name_or_path)
    if name_or_path not in SAMS:
        if path.exists():
            return _load(path, None)
        if path.suffix in _SUFFIXES or path.is_absolute():
            raise ModelError("there is no such file or folder", file=path, cure="Say with --sam where the SAM is now")
        if _HUB_NAME.fullmatch(name_or_path):
            return _load_from_hub(name_or_path)
    look_up(name_or_path, SAMS, "SAM")
    if name_or_path == "tiny-random":
        return tiny_sam()
    stored = installed(name_or_path)
    if stored is None:
        raise ModelError(f"the weights of {name_or_path} are not here", cure=f"Run: autosam fetch {name_or_path}")
    return _load(stored, name_or_path)


def known_as(sam: FrozenSam, name: str) -> FrozenSam:
    """Returns a SAM on the same weights that has the pixel scaling and the prompts of another name.

    For weights that fit two names, MedSAM's and SAM ViT-B's: which one is right, a file's name may not say.
    """
    entry = SAMS.get(name, _UNLISTED)
    other = copy.copy(sam)
    other.name, other.rule = name, replace(sam.rule, scaling=entry.scaling)
    other.trained_prompts = entry.trained_prompts
    return other


def _load_from_hub(repository: str) -> FrozenSam:
    folder = hub_folder(repository)
    if folder is None:
        raise ModelError(
            f"{repository} is neither a file nor in the local cache of the Hugging Face hub",
            cure=f"Fetch it with: hf download {repository}",
        )
    return _load(folder, None, medsam="medsam" in repository.lower())


def _load(path: Path, name: str | None, *, medsam: bool = False) -> FrozenSam:
    """Loads a file or folder; `name` is what it must hold, None for whatever it holds."""
    tensors = _read_folder(path) if path.is_dir() else load_tensors(path)
    tiny_vit = is_tiny_vit(tensors)
    if tiny_vit:
        found = "litemedsam" if tiny_vit_shape(tensors) == LITEMEDSAM else "mobilesam"
    else:
        ours = any(k.startswith("vision_encoder.") for k in tensors)
        tensors = from_transformers(tensors) if ours else from_official(tensors)
        found = sam_shape(tensors, path).name
        if found == "sam-vit-base" and (name == "medsam" or medsam or "medsam" in path.name.lower()):
            found = "medsam"
    if name is not None and found != name:
        raise ModelError(
            f"these are the weights of {found}, not of {name}", file=path, cure=f"Run: autosam fetch {name}"
        )
    entry = SAMS.get(found, _UNLISTED)
    build = build_tiny_vit_sam if tiny_vit else build_sam
    return build(tensors, path, name=found, scaling=entry.scaling, trained_prompts=entry.trained_prompts)


def _read_folder(folder: Path) -> dict[str, Tensor]:
    """Returns the tensors of a local folder of transformers, in one safetensors file or several."""
    config = folder / "config.json"
    try:
        kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as fault:
        raise ModelError("not a model's folder: its config.json cannot be read", file=folder) from fault
    if kind != "sam":
        raise ModelError(f"a model of type {kind!r}, not 'sam'", file=folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(
            "no safetensors file is in it", file=folder, cure="Save it with save_pretrained of transformers"
        )
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors.update(load_tensors(file))
    return tensors
