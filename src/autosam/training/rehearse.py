"""A training gone through without weights or pixels."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from autosam.core.checks import look_up
from autosam.core.errors import DataError, UsageError
from autosam.core.prompt import ImageEmbedding
from autosam.data.augment import AUGMENTATIONS
from autosam.data.dataset import Dataset, split
from autosam.data.folder import find_pairs
from autosam.data.foreground import Foreground
from autosam.inference.masker import frame_size
from autosam.models.frozen_sam import FrozenSam
from autosam.models.outline import outline
from autosam.models.prompt_encoder import build_prompt_encoder, default_size
from autosam.models.rivals import AUTOSAM
from autosam.models.segmenter import SamSegmenter
from autosam.models.surrogate import Surrogate
from autosam.training.config import TrainConfig
from autosam.training.cost import Cost, cost
from autosam.training.losses import LOSSES
from autosam.training.passes import Passes
from autosam.training.rehearsal import Rehearsal
from autosam.training.step import losses_of

_MOMENTS = 2


def count_cases(config: TrainConfig) -> tuple[int, int]:
    """Returns how many images a training would train on and hold out, by names alone.

    Raises:
        DataError: where the folder or table cannot be paired.
    """
    rule = Foreground.parse(config.foreground)
    whole = Dataset(find_pairs(config.data, group=config.group).pairs, rule)
    if config.val_data is not None:
        return len(whole), len(find_pairs(config.val_data, group=config.group).pairs)
    fit_on, held = split(whole, config.val, config.seed)
    return len(fit_on), len(held)


def rehearse(config: TrainConfig, train: int, val: int, device: torch.device) -> Rehearsal:
    """Returns what a training of the choices would be, on so many images.

    Raises:
        UsageError: for choices that cannot be.
        DataError: where there is nothing to train on.
        ModelError: for a SAM whose sizes are not known without weights that are missing.
    """
    if config.method != AUTOSAM:
        raise UsageError(f"a dry run is of AutoSAM's training, not of {config.method}", cure="Leave one of the two out")
    if train < 1:
        raise DataError("no case is left to train on", file=config.data, cure="Lower --val, or add images")
    look_up(config.augment, AUGMENTATIONS, "augmentation")
    sam, segmenter = _outlined(config)
    passes = Passes.of(config, train)
    at_once = min(config.batch, passes.largest())
    encode, step = _encoding(sam), _passing(segmenter, config, at_once)
    encodings = None
    if passes.epochs is not None:
        encodings = val + train * (config.views or passes.epochs)
    side, shape = segmenter.size, sam.embedding_shape
    trained = sum(p.numel() for p in segmenter.trained().parameters())
    parts = {
        "SAM's image encoder": sam.get_submodule("image_encoder"),  # type: ignore[attr-defined]
        "SAM's mask decoder": sam.get_submodule("mask_decoder"),  # type: ignore[attr-defined]
        f"g ({config.prompt_encoder})": segmenter.parts.g,
        "h": segmenter.parts.h,
    }
    frozen = sum(p.numel() * p.element_size() for p in sam.parameters())
    return Rehearsal(
        train=train,
        val=val,
        passes=passes,
        encodings=encodings,
        shapes={
            "frame": (frame_size(side, sam.rule),) * 2,
            "SAM's pixels": (1, 3, sam.rule.size, sam.rule.size),
            "embedding and prompt Z": (at_once, *shape),
            "g's image": (at_once, 3, side, side),
            "mask logits": (at_once, 1, 4 * shape[1], 4 * shape[2]),
        },
        weights={name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        at_once=at_once,
        views=config.views,
        encode=encode,
        step=step,
        # Trained weights, their average, a gradient and the optimiser's moments, in float32.
        fixed=frozen + 4 * trained * (3 + _MOMENTS),
        cache=2 * shape[0] * shape[1] * shape[2] * (train * config.views + val) if config.views else 0,
        rate=_rate(device),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}",
    )


def _outlined(config: TrainConfig) -> tuple[FrozenSam, SamSegmenter]:
    _, mapping = look_up(config.loss, LOSSES, "loss")
    sam = outline(config.sam)
    size = config.size or default_size(config.prompt_encoder, sam.rule.size)
    with torch.device("meta"):
        g = build_prompt_encoder(
            config.prompt_encoder, embedding_shape=sam.embedding_shape, size=size, initialise=False
        )
        segmenter = SamSegmenter(sam, g, Surrogate(sam.embedding_shape[0]), mapping=mapping)
    segmenter.train(True)
    return sam, segmenter


def _encoding(sam: FrozenSam) -> Cost:
    pixels = torch.empty(1, 3, sam.rule.size, sam.rule.size, device="meta")
    return cost(lambda: sam.encode(pixels), [pixels, *_tensors(sam)])


def _passing(segmenter: SamSegmenter, config: TrainConfig, images: int) -> Cost:
    if segmenter.sam is None:
        raise AssertionError("a segmenter over a SAM has one")
    side, shape = segmenter.size, segmenter.sam.embedding_shape
    image = torch.empty(images, 3, side, side, device="meta")
    target = torch.empty(images, 1, side, side, device="meta")
    embedding = ImageEmbedding(torch.empty(images, *shape, device="meta"))
    loss_of = LOSSES[config.loss][0]

    def work() -> None:
        masks = segmenter(image, embedding)
        loss, beside = losses_of(masks, target, target, loss_of)
        torch.autograd.backward(loss if beside is None else loss + beside)

    return cost(work, [image, target, embedding.main, *_tensors(segmenter.sam), *_tensors(segmenter.parts)])


def _tensors(module: Any) -> list[torch.Tensor]:
    if not isinstance(module, nn.Module):
        raise AssertionError("a SAM is a module")
    return [*module.parameters(), *module.buffers()]


def _rate(device: torch.device, side: int = 1024, seconds: float = 0.3) -> float:
    """Returns the operations a second of a float32 matrix product on a device."""
    a, b = (torch.rand(side, side, device=device) for _ in range(2))
    (a @ b).sum().item()
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        # The sum waits for a device that works on its own.
        (a @ b).sum().item()
        done += 1
    return done * 2 * side**3 / (time.perf_counter() - started)
