"""A run's model card, for the next person."""

from __future__ import annotations

import re
from pathlib import Path

from autosam.core.files import write_text
from autosam.core.words import counted
from autosam.evaluation.seen import recorded
from autosam.models.card import Card
from autosam.models.checkpoint import model_file
from autosam.models.rivals import AUTOSAM, RIVALS
from autosam.training.config import TrainConfig
from autosam.training.passes import Passes
from autosam.training.run_config import Plan
from autosam.training.views import views_in_words

_OPTIMISERS = {"adamw": "AdamW", "adam": "Adam"}


def write_card(file: Path, card: Card, config: TrainConfig, plan: Plan) -> None:
    """Writes card.md: what the model is, what it was trained on, what is known of it and what is not."""
    training = card.training
    if training["val_dice"] is None:
        known = "No case was held out: nothing is known of how good it is."
    else:
        known = (
            f"Mean Dice {training['val_dice']:.4f} on {counted(plan.val, 'validation case')} at native size, at step "
            f"{training['best_step']}. They chose the checkpoint, so the figure flatters it a little: "
            "measure on cases that it has never seen, with `autosam evaluate`."
        )
    lines = [
        "# Model card",
        "",
        _what(card),
        "",
        "## Trained on",
        "",
        f"{_images(plan)}{_cut(plan)}, {plan.val} more held out to choose the checkpoint"
        + (f"; grouped by `{config.group}`" if config.group else "")
        + (f"; foreground is `{card.foreground}`" if card.foreground else "")
        + ".",
        f"Loss {config.loss}, {_views(config, plan)}, {Passes.planned(config, plan).in_words(plan.steps)}, "
        f"{_OPTIMISERS[config.optimiser]} at {config.lr:g}, seed {config.seed}.",
        *_begun(file.parent, card, config),
        "",
        "## Known",
        "",
        known,
        "",
        "## Limits",
        "",
        "It knows only images like those that it was trained on, and it answers on any other image too. It is no "
        "medical device. The frozen SAM's own training data may hold images like yours; see its authors' description.",
        "",
    ]
    write_text(file, "\n".join(lines))


def _what(card: Card) -> str:
    if card.method == AUTOSAM:
        return (
            f"A prompt encoder g ({card.prompt_encoder}, input {card.size} x {card.size}) for the frozen SAM "
            f"{card.sam}, and its surrogate decoder h. Masks come without a click."
        )
    summary = RIVALS[card.method].summary
    return (
        f"{card.title}, input {card.size} x {card.size}, as a rival of AutoSAM: {summary}. Masks come without a click."
    )


def _begun(run: Path, card: Card, config: TrainConfig) -> list[str]:
    """Returns what the weights were before this training, a line or none."""
    if config.init is None:
        return []
    before = model_file(config.init).resolve()
    seen = recorded(run) or {}
    old = {key for part, hashes in seen.items() if re.fullmatch("(init )+train", part) for key in hashes.values()}
    known = (
        f"trained on {counted(len(old), 'image')} before" if old else "of which no record says what it was trained on"
    )
    line = f"Its weights were those of `{before.parent.name}` first (checkpoint {card.training['init']}), {known}"
    again = sum(key in old for key in seen.get("val", {}).values())
    if again:
        line += f"; {again} of them {'was' if again == 1 else 'were'} held out here, which flatters the validation"
    return [f"{line}."]


def _images(plan: Plan) -> str:
    return "1 image and its mask" if plan.train == 1 else f"{plan.train} images and their masks"


def _views(config: TrainConfig, plan: Plan) -> str:
    if plan.views == 1:
        return "each as it is, without augmentation"
    return f"augmentation {config.augment}, {views_in_words(plan.views)} of each"


def _cut(plan: Plan) -> str:
    return "" if plan.tile is None else f", cut into {plan.tiles} overlapping tiles of {plan.tile} pixels"
