"""What is trained, with its first weights, and what its checkpoint will say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from autosam.core.errors import UsageError
from autosam.core.probability import Mapping
from autosam.data.foreground import Foreground
from autosam.models.card import Card
from autosam.models.checkpoint import load_trained, model_file, read_card, read_trained
from autosam.models.frozen_sam import FrozenSam
from autosam.models.hardnet import load_official
from autosam.models.hardnet_segmentation import HarDNetSegmentation
from autosam.models.prompt_encoder import build_prompt_encoder, default_size
from autosam.models.rivals import AUTOSAM, build_rival, rival_config, rival_size
from autosam.models.segmenter import SamSegmenter, Segmenter
from autosam.models.surrogate import Surrogate
from autosam.models.tensors import load_tensors
from autosam.training.cases import Cases
from autosam.training.config import TrainConfig
from autosam.training.run_config import Plan
from autosam.training.state import State


def make_segmenter(config: TrainConfig, sam: FrozenSam | None, mapping: Mapping) -> Segmenter:
    """Returns the segmenter of the choices with its first weights, which the seed decides.

    Args:
        config: the choices.
        sam: the frozen SAM; None for a method that needs none.
        mapping: how logits become a probability.

    Raises:
        UsageError: for choices that the method does not take.
        ModelError: where the weights of `weights` or `init` do not fit.
    """
    file = None if config.init is None else model_file(config.init)
    like = None if file is None else _begun(config, file).prompt_encoder_config
    torch.manual_seed(config.seed)
    autosam = config.method == AUTOSAM
    segmenter = _autosam(config, sam, mapping, like) if autosam else _rival(config, sam, mapping)
    if file is not None:
        load_trained(segmenter.trained(), read_trained(file), file)
    return segmenter


def _begun(config: TrainConfig, file: Path) -> Card:
    """Returns the card of the checkpoint to start from, which is of the same method and prompt encoder."""
    before = read_card(file)
    if before.quantised:
        raise UsageError(
            "--init is quantised: its weights are rounded and cannot be trained",
            file=file,
            cure="Give the run that it was made of",
        )
    if before.method != config.method:
        raise UsageError(
            f"--init was trained as {before.method}, not {config.method}",
            file=file,
            cure=f"Give --method {before.method}",
        )
    if config.method == AUTOSAM and before.prompt_encoder != portable_name(config.prompt_encoder):
        raise UsageError(
            f"--init has the prompt encoder {before.prompt_encoder}, not {config.prompt_encoder}",
            file=file,
            cure=f"Give --prompt-encoder {before.prompt_encoder}",
        )
    return before


def _autosam(config: TrainConfig, sam: FrozenSam | None, mapping: Mapping, like: dict[str, Any] | None) -> SamSegmenter:
    if sam is None:
        raise ValueError("AutoSAM is trained on a SAM: none was given")
    size = config.size or default_size(config.prompt_encoder, sam.rule.size)
    g = build_prompt_encoder(
        config.prompt_encoder, embedding_shape=sam.embedding_shape, size=size, weights=config.weights, config=like
    )
    return SamSegmenter(sam, g, Surrogate(sam.embedding_shape[0]), mapping=mapping)


def _rival(config: TrainConfig, sam: FrozenSam | None, mapping: Mapping) -> Segmenter:
    segmenter = build_rival(
        config.method,
        sam,
        size=config.size or rival_size(config.method, sam),
        mapping=mapping,
        config=rival_config(config.method, config.prompt_encoder, config.width),
    )
    net = segmenter.trained()
    if config.weights is not None:
        if not isinstance(net, HarDNetSegmentation):
            raise UsageError(f"{config.method} takes no pretrained weights", file=config.weights, cure="Leave it out")
        load_official(net.backbone, load_tensors(config.weights), config.weights)
    return segmenter


def make_card(
    config: TrainConfig,
    plan: Plan,
    sam: FrozenSam | None,
    segmenter: Segmenter,
    cases: Cases,
    sources: dict[str, str],
) -> Card:
    """Returns the card of a training before its result is known; `sources` are those of its first weights."""
    rival = config.method != AUTOSAM
    return Card(
        sam="none" if sam is None else sam.name,
        sam_fingerprint="" if sam is None else sam.fingerprint(),
        prompt_encoder="none" if rival else portable_name(config.prompt_encoder),
        prompt_encoder_config=segmenter.parts.g.config if isinstance(segmenter, SamSegmenter) else {},
        method=config.method,
        method_config=rival_config(config.method, config.prompt_encoder, config.width) if rival else {},
        size=segmenter.size,
        embedding_shape=(0, 0, 0) if sam is None else sam.embedding_shape,
        mapping=segmenter.mapping,
        foreground=Foreground.parse(config.foreground).text if config.foreground else None,
        tile=plan.tile,
        training={
            "accumulate": config.accumulate,
            # The first view is the image as it is.
            "augment": "none" if plan.views == 1 else config.augment,
            "batch": config.batch,
            "data": cases.digest,
            "ema": config.ema,
            "loss": config.loss,
            "lr": config.lr,
            "optimiser": config.optimiser,
            "schedule": config.schedule,
            "seed": config.seed,
            "train_cases": plan.train,
            "val_cases": plan.val,
            "views": plan.views,
            "weight_decay": config.weight_decay,
            **({} if plan.tiles is None else {"train_tiles": plan.tiles}),
            **sources,
        },
    )


def portable_name(prompt_encoder: str) -> str:
    """Returns the name of g without the folders of a local backbone: no path reaches a checkpoint."""
    folder = Path(prompt_encoder.removeprefix("hf:"))
    return f"hf:{folder.name}" if prompt_encoder.startswith("hf:") and folder.exists() else prompt_encoder


def finished_card(card: Card, state: State, plan: Plan) -> Card:
    """Returns the card with the checkpoint that was chosen, and the steps that the plan has by then."""
    known = {"best_step": state.best_step, "val_dice": state.best_dice, "steps": plan.steps}
    return replace(card, training={**card.training, **known})
