"""A training gone through without weights or pixels."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from autosam.core.caller import unchanged
from autosam.core.checks import look_up
from autosam.core.errors import DataError, UsageError
from autosam.core.prompt import ImageEmbedding
from autosam.data.augment import AUGMENTATIONS
from autosam.inference.masker import frame_size
from autosam.models.frozen_sam import FrozenSam
from autosam.models.outline import outline
from autosam.models.prompt_encoder import build_prompt_encoder, default_size
from autosam.models.rivals import AUTOSAM
from autosam.models.segmenter import SamSegmenter
from autosam.models.surrogate import Surrogate
from autosam.training.build import make_segmenter
from autosam.training.cases import find_cases, look_at
from autosam.training.config import TrainConfig
from autosam.training.cost import Cost, cost
from autosam.training.losses import LOSSES
from autosam.training.pace import Pace
from autosam.training.passes import Passes
from autosam.training.plan import MIN_STEPS, fitting_steps
from autosam.training.rehearsal import SHARE_OF_RATE, Planned, Rehearsal
from autosam.training.step import losses_of
from autosam.training.views import choose_views, fitting_validation

_MOMENTS = 2


# What a look at the images may take: all of a small data set, a part of a large one.
LOOK_SECONDS = 5.0


def rehearse_on(config: TrainConfig, device: torch.device) -> Rehearsal:
    """Returns what a training of the choices would be on its data, into which it looks for a few seconds.

    Raises:
        UsageError, DataError, ModelError: as `train` has them before its first step.
    """
    fit_on, held, _ = find_cases(config)
    with unchanged():
        made = rehearse(config, len(fit_on), len(held), device)
    return replace(made, opened=look_at((fit_on, held), LOOK_SECONDS))


def rehearse(config: TrainConfig, train: int, val: int, device: torch.device) -> Rehearsal:
    """Returns what a training of the choices would be, on so many images.

    Raises:
        UsageError: for choices that cannot be.
        DataError: where there is nothing to train on.
        ModelError: for a SAM whose sizes are not known without weights that are missing, or weights of g that do not
            fit.
    """
    if config.method != AUTOSAM:
        raise UsageError(f"a dry run is of AutoSAM's training, not of {config.method}", cure="Leave one of the two out")
    if train < 1:
        raise DataError("no case is left to train on", file=config.data, cure="Lower --val, or add images")
    look_up(config.augment, AUGMENTATIONS, "augmentation")
    sam, segmenter = _outlined(config)
    passes = Passes.of(config, train)
    at_once = min(config.batch, passes.largest())
    encode, step, rate = _encoding(sam), _passing(segmenter, config, at_once), _rate(device)
    planned = None
    if config.bound is not None:
        planned = _planned(config, passes, at_once, val, encode, step, SHARE_OF_RATE * rate)
    views = config.views if planned is None else planned.views
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
        views=views,
        planned=planned,
        encode=encode,
        step=step,
        # Trained weights, their average, a gradient and the optimiser's moments, in float32.
        fixed=frozen + 4 * trained * (3 + _MOMENTS),
        cache=2 * shape[0] * shape[1] * shape[2] * (train * views + val) if config.views else 0,
        rate=rate,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}",
    )


def _planned(
    config: TrainConfig, passes: Passes, at_once: int, val: int, encode: Cost, step: Cost, rate: float
) -> Planned:
    """Returns the plan of a bounded training whose pace is that of its operations, nothing of it cached."""
    left, train = 60 * (config.bound or 0), passes.cases
    frame = encode.operations / rate
    looked_at = fitting_validation(frame, left, train=train, val=val, frames=max(1, val))
    views = choose_views(config.views, frame, left, train=train, val=looked_at)
    embeddings = frame * (train * views + looked_at)
    images = passes.largest()
    # Forward alone is a third of a pass forward and backward.
    one = step.operations / at_once / rate
    pace = Pace(images * (one if views else one + frame), "float32", one / 3)
    fitting, looks = fitting_steps(pace, left - embeddings, train=train, val=looked_at)
    steps = max(MIN_STEPS, fitting)
    look = pace.look(train=train, val=looked_at)
    return Planned(views, looked_at, steps, looks, embeddings, steps * pace.step, looks * look, fits=steps == fitting)


def _outlined(config: TrainConfig) -> tuple[FrozenSam, SamSegmenter]:
    _, mapping = look_up(config.loss, LOSSES, "loss")
    sam = outline(config.sam)
    size = config.size or default_size(config.prompt_encoder, sam.rule.size)
    with torch.device("meta"):
        g = build_prompt_encoder(
            config.prompt_encoder, embedding_shape=sam.embedding_shape, size=size, initialise=False
        )
        segmenter = SamSegmenter(sam, g, Surrogate(sam.embedding_shape[0]), mapping=mapping)
    if config.init is not None or config.weights is not None:
        make_segmenter(config, sam, mapping)
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
