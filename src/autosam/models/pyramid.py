"""g over any backbone that transformers offers: its feature maps, brought to SAM's grid and joined."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from autosam.core.errors import ModelError, UsageError
from autosam.models.context import SCALES, Context, LayerNorm2d, scales_of, to_grid
from autosam.models.prompt_encoder import IMAGENET_MEAN, IMAGENET_STD, PromptEncoder
from autosam.models.weights import HUB_PREFIX, hub_folder

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

WIDTH = 128
MOST_MAPS = 4
LAST_STD = 1e-3


class PyramidPromptEncoder(PromptEncoder):
    """g over a transformers backbone: each feature map by 1x1 to one width and to the grid, summed, context, 1x1 to Z.

    Args:
        name: the name it was built by.
        backbone: a transformers backbone, whose output holds `feature_maps`.
        embedding_shape: (C, h, w) of the SAM's embedding.
        size: side of the image in pixels.
        mean: what the backbone subtracts from RGB in 0..1.
        std: what the backbone then divides by.
        scales: those of its `Context`.

    Raises:
        UsageError: where the backbone cannot see images of this size.
    """

    def __init__(
        self,
        name: str,
        backbone: nn.Module,
        *,
        embedding_shape: tuple[int, int, int],
        size: int,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        scales: int = SCALES,
    ) -> None:
        super().__init__(name=name, size=size, embedding_shape=embedding_shape, mean=mean, std=std)
        self.backbone = backbone
        structure = json.loads(backbone.config.to_json_string(use_diff=False))  # type: ignore[union-attr, operator]
        # The folder that it came from must not reach a checkpoint.
        structure.pop("_name_or_path", None)
        self.config = {"backbone": structure, "mean": list(mean), "std": list(std), "scales": scales}
        self.lateral = nn.ModuleList(nn.Conv2d(channels, WIDTH, 1) for channels in self._probe())
        self.level = nn.ModuleList(LayerNorm2d(WIDTH) for _ in self.lateral)
        self.context = Context(WIDTH, scales)
        self.leave = LayerNorm2d(WIDTH)
        self.last = nn.Conv2d(WIDTH, embedding_shape[0], 1)
        nn.init.normal_(self.last.weight, std=LAST_STD)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Returns the dense prompt Z (B, C, h, w) of RGB (B, 3, s, s) in 0..1; the embedding is not read."""
        maps = self.backbone(self.normalise(image)).feature_maps
        levels = zip(maps, self.lateral, self.level, strict=True)
        joined = torch.stack([to_grid(norm(lateral(m)), self.grid) for m, lateral, norm in levels]).sum(0)
        return self.leave.into(self.last, self.context(joined))

    @torch.no_grad()
    def _probe(self) -> list[int]:
        """Returns the channels of the backbone's maps, seen by running it once."""
        training = self.backbone.training
        self.backbone.eval()
        try:
            maps = self.backbone(torch.zeros(1, 3, self.size, self.size)).feature_maps
        except (RuntimeError, ValueError) as fault:
            own = getattr(self.backbone.config, "image_size", None)
            cure = "Choose another size" if own is None else f"Its own size is {own}"
            raise UsageError(f"{self.name} cannot see images of {self.size} pixels: {fault}", cure=cure) from fault
        finally:
            self.backbone.train(training)
        normed = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.backbone.modules())
        if normed and min(m.shape[-2:].numel() for m in maps) == 1:
            raise UsageError(
                f"{self.name} makes a single cell of images of {self.size} pixels, on which its batch norm cannot be "
                "trained",
                cure="Choose a larger --size",
            )
        return [m.shape[1] for m in maps]


def build_pyramid(
    name: str,
    *,
    embedding_shape: tuple[int, int, int],
    size: int,
    initialise: bool = True,
    config: Mapping[str, Any] | None = None,
) -> PyramidPromptEncoder:
    """Returns g over the backbone `hf:NAME`, from a local folder or the hub's cache; the network is never asked.

    Args:
        name: `hf:` and a folder or a hub name.
        embedding_shape: (C, h, w) of the SAM's embedding.
        size: side of the image in pixels.
        initialise: whether the backbone's pretrained weights are read.
        config: `PromptEncoder.config` of the one that is built again, in place of the folder's files.

    Raises:
        ModelError: where the files are missing, unfit, or of a model that transformers has no backbone for.
        UsageError: where the backbone cannot see images of this size.
    """
    scales = scales_of(config or None)
    if not config:
        config = _read_config(name)
    backbone = _backbone(name, _structure(name, config["backbone"]), _folder(name) if initialise else None)
    return PyramidPromptEncoder(
        name,
        backbone,
        embedding_shape=embedding_shape,
        size=size,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        scales=scales,
    )


def _folder(name: str) -> Path:
    place = name.removeprefix(HUB_PREFIX)
    if Path(place).is_dir():
        return Path(place)
    folder = hub_folder(place)
    if folder is None:
        raise ModelError(f"the backbone {place!r} is not in the hub's cache", cure=f"Run: autosam fetch {name}")
    return folder


def _read_config(name: str) -> dict[str, Any]:
    folder = _folder(name)
    structure = _read_object(folder / "config.json")
    if structure is None:
        raise ModelError("no readable config.json", file=folder, cure=_cure(name))
    pixels = _read_object(folder / "preprocessor_config.json") or {}
    if pixels.get("do_normalize") is False:
        return {"backbone": structure, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    return {
        "backbone": structure,
        "mean": pixels.get("image_mean") or IMAGENET_MEAN,
        "std": pixels.get("image_std") or IMAGENET_STD,
    }


def _cure(name: str) -> str:
    place = name.removeprefix(HUB_PREFIX)
    return "Save the model there with save_pretrained" if Path(place).is_dir() else f"Run: autosam fetch {name}"


def _read_object(file: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _structure(name: str, values: Mapping[str, Any]) -> PreTrainedConfig:
    from transformers import AutoConfig

    kind = values.get("model_type", "")
    try:
        structure = AutoConfig.for_model(kind, **{k: v for k, v in values.items() if k != "model_type"})
    except (ValueError, TypeError, KeyError) as fault:
        raise ModelError(f"{name} has a configuration that transformers cannot read: {fault}") from fault
    stages = [stage for stage in getattr(structure, "stage_names", None) or [] if stage != "stem"]
    if stages:
        kept = min(MOST_MAPS, len(stages))
        structure.out_features = [stages[(i + 1) * len(stages) // kept - 1] for i in range(kept)]
    return structure


def _backbone(name: str, structure: PreTrainedConfig, folder: Path | None) -> nn.Module:
    from safetensors import SafetensorError
    from transformers import MODEL_FOR_BACKBONE_MAPPING

    kind: Any = MODEL_FOR_BACKBONE_MAPPING.get(type(structure), None)
    if kind is None or structure.model_type == "timm_backbone":
        raise ModelError(
            f"{name} is a {structure.model_type!r} model, of which transformers has no backbone",
            cure="Take ResNet, ConvNeXt, Swin, PVTv2, Hiera, DINOv2 or another that has one",
        )
    if folder is None:
        return kind(structure)  # type: ignore[no-any-return]
    try:
        with _quiet():
            backbone, seen = kind.from_pretrained(
                folder, config=structure, local_files_only=True, output_loading_info=True, weights_only=True
            )
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as fault:
        raise ModelError(f"no fit weights: {fault}", file=folder, cure=_cure(name)) from fault
    # A classifier has no norms of single stages; the backbone starts them at one and zero.
    missing = sorted(key for key in seen["missing_keys"] if not key.startswith("hidden_states_norms."))
    if missing or seen["mismatched_keys"]:
        raise ModelError(
            f"the weights of {name} lack or misshape {(missing or sorted(seen['mismatched_keys']))[0]!r}", file=folder
        )
    return backbone  # type: ignore[no-any-return]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences transformers' progress bar and its report on a classifier's unused head."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
