"""What is trained, with its first weights, and what its checkpoint will say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from autosam.core.errors import UsageError
from autosam.core.probability import Mapping
from autosam.data.foreground import Foreground
from autosam.models.checkpoint import Card, load_trained, model_file, read_card
from autosam.models.frozen_sam import FrozenSam
from autosam.models.prompt_encoder import build_prompt_encoder, default_size
from autosam.models.segmenter import SamSegmenter
from autosam.models.surrogate import Surrogate
from autosam.models.weights import load_tensors
from autosam.training.cases import Cases
from autosam.training.config import Plan, TrainConfig
from autosam.training.state import State


def make_segmenter(config: TrainConfig, sam: FrozenSam, mapping: Mapping) -> SamSegmenter:
    """Returns the segmenter of the choices with its first weights, which the seed decides.

    Raises:
        ModelError: where the weights of `weights` or `init` do not fit.
    """
    torch.manual_seed(config.seed)
    size = config.size or default_size(config.prompt_encoder, sam.rule.size)
    g = build_prompt_encoder(
        config.prompt_encoder, embedding_shape=sam.embedding_shape, size=size, weights=config.weights
    )
    segmenter = SamSegmenter(sam, g, Surrogate(sam.embedding_shape[0]), mapping=mapping)
    if config.init is not None:
        file = model_file(config.init)
        before = read_card(file)
        if before.prompt_encoder != portable_name(config.prompt_encoder):
            raise UsageError(
                f"--init has the prompt encoder {before.prompt_encoder}, not {config.prompt_encoder}",
                file=file,
                cure=f"Give --prompt-encoder {before.prompt_encoder}",
            )
        load_trained(segmenter.parts, load_tensors(file), file)
    return segmenter


def make_card(config: TrainConfig, plan: Plan, sam: FrozenSam, segmenter: SamSegmenter, cases: Cases) -> Card:
    """Returns the card of a training before its result is known."""
    return Card(
        sam=sam.name,
        sam_fingerprint=sam.fingerprint(),
        prompt_encoder=portable_name(config.prompt_encoder),
        prompt_encoder_config=segmenter.parts.g.config,
        size=segmenter.size,
        embedding_shape=sam.embedding_shape,
        mapping=segmenter.mapping,
        foreground=Foreground.parse(config.foreground).text if config.foreground else None,
        tile=plan.tile,
        training={
            "augment": config.augment,
            "batch": config.batch,
            "data": cases.digest,
            "loss": config.loss,
            "lr": config.lr,
            "seed": config.seed,
            "steps": plan.steps,
            "train_cases": plan.train,
            "val_cases": plan.val,
            "views": plan.views,
            **({} if plan.tiles is None else {"train_tiles": plan.tiles}),
        },
    )


def portable_name(prompt_encoder: str) -> str:
    """Returns the name of g without the folders of a local backbone: no path reaches a checkpoint."""
    folder = Path(prompt_encoder.removeprefix("hf:"))
    return f"hf:{folder.name}" if prompt_encoder.startswith("hf:") and folder.exists() else prompt_encoder


def finished_card(card: Card, state: State) -> Card:
    """Returns the card with the checkpoint that was chosen."""
    chosen = {"best_step": state.best_step, "val_dice": state.best_dice}
    return replace(card, training={**card.training, **chosen})
