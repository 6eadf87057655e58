"""A training gone through without weights or pixels: counts, shapes, memory, and about how long it would take."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
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
from autosam.training.step import to_size

GPU_RATE = 10e12
"""Operations a second of the GPU that the estimate names: about half of an A100's peak in float32 without TF32."""
# Convolutions and attention run at less than the pace of one large matrix product.
SHARE_OF_RATE = 0.4
_MOMENTS = 2


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a training would be.

    Attributes:
        train: training images.
        val: images held out.
        steps: optimiser steps; None where a bound of time decides.
        epoch_steps: steps a pass over the images.
        encodings: images that SAM's encoder encodes in all; None where a bound of time decides.
        shapes: of what passes through, by name.
        weights: parameters by part.
        step_images: images a step.
        at_once: images that pass through the networks together.
        views: cached views an image; 0 for live.
        encode: cost of encoding one image.
        step: cost of a forward and backward pass of `at_once` images.
        fixed: bytes of weights, gradients, moments and average.
        cache: bytes of embeddings on disk.
        rate: operations a second measured on this machine's device.
        device: its name.
    """

    train: int
    val: int
    steps: int | None
    epoch_steps: int
    encodings: int | None
    shapes: dict[str, tuple[int, ...]]
    weights: dict[str, int]
    step_images: int
    at_once: int
    views: int
    encode: Cost
    step: Cost
    fixed: int
    cache: int
    rate: float
    device: str

    @property
    def memory(self) -> int:
        """Bytes on the device at the most."""
        return self.fixed + max(self.encode.peak, self.step.peak)

    @property
    def operations(self) -> float | None:
        """Operations of the whole training; None where a bound of time decides."""
        if self.steps is None or self.encodings is None:
            return None
        passes = self.steps * self.step_images / self.at_once
        return self.encodings * float(self.encode.operations) + passes * self.step.operations

    def plain(self) -> dict[str, Any]:
        """Returns all of it as plain values."""
        known = asdict(self)
        hours = None if self.operations is None else self.operations / SHARE_OF_RATE / 3600
        return {
            **known,
            "memory": self.memory,
            "operations": self.operations,
            "hours_here": None if hours is None else hours / self.rate,
            "hours_gpu": None if self.operations is None else self.operations / GPU_RATE / 3600,
        }

    def table(self) -> str:
        """Returns it in words, a line a fact."""
        each = f"{self.step_images} images" + ("" if self.at_once == self.step_images else f", {self.at_once} at once")
        views = f"{self.views} cached views an image" if self.views else "a new view at every step, encoded live"
        lines = [f"images    {self.train} to train on, {self.val} held out; {views}"]
        if self.steps is None:
            lines.append(f"steps     as many as the bound of time allows, each of {each}")
        else:
            passed = f"{self.epoch_steps} a pass; {self.encodings:,} images encoded"
            lines.append(f"steps     {self.steps:,} steps of {each}; {passed}")
        lines += [f"shapes    {name} {' x '.join(map(str, shape))}" for name, shape in self.shapes.items()]
        lines += [f"weights   {name} {count / 1e6:.2f} M" for name, count in self.weights.items()]
        lines += [
            f"memory    {_size(self.memory)} on the device at most: {_size(self.fixed)} weights, gradients, moments, "
            f"average; then {_size(self.encode.peak)} to encode an image, {_size(self.step.peak)} in a pass",
            f"disk      {_size(self.cache)} of cached embeddings" if self.views else "disk      no cached embeddings",
            f"work      {self.encode.operations / 1e9:,.1f} GFLOP to encode an image, "
            f"{self.step.operations / 1e9:,.1f} GFLOP a pass forward and backward",
        ]
        if self.operations is not None:
            here = self.operations / (SHARE_OF_RATE * self.rate)
            lines += [
                f"time      {_duration(self.operations / GPU_RATE)} on a GPU that sustains {GPU_RATE / 1e12:g} TFLOP/s",
                f"time      {_duration(here)} on this machine ({self.device}, {SHARE_OF_RATE:.0%} of the "
                f"{self.rate / 1e12:.2g} TFLOP/s that a matrix product has here)",
            ]
        lines.append("Memory is an upper bound without a compiler; times are estimates from the operations alone.")
        return "\n".join(lines)


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
    at_once = min(config.batch, train)
    step_images = min(config.step_images, train)
    encode, step = _encoding(sam), _passing(segmenter, config, at_once)
    epoch_steps = -(-train // config.step_images)
    steps = None if config.bound is not None else (config.epochs or 1) * epoch_steps
    encodings = None
    if steps is not None:
        encodings = val + train * (config.views or config.epochs or 1)
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
        steps=steps,
        epoch_steps=epoch_steps,
        encodings=encodings,
        shapes={
            "frame": (frame_size(side, sam.rule),) * 2,
            "SAM's pixels": (1, 3, sam.rule.size, sam.rule.size),
            "embedding and prompt Z": (at_once, *shape),
            "g's image": (at_once, 3, side, side),
            "mask logits": (at_once, 1, 4 * shape[1], 4 * shape[2]),
        },
        weights={name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        step_images=step_images,
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
        loss = loss_of(to_size(masks.logits, target), target, target)
        if masks.surrogate is not None:
            loss = loss + loss_of(to_size(masks.surrogate, target), target, target)
        torch.autograd.backward(loss)

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


def _size(count: float) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} minutes" if seconds < 5400 else f"about {seconds / 3600:,.1f} hours"
