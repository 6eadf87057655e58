"""What a person chooses of a training, and the plan that is made of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from autosam.core.checks import look_up
from autosam.core.errors import DataError, UsageError
from autosam.inference.engine import first_line
from autosam.models.rivals import AUTOSAM, METHODS, RIVALS, has_sam

Schedule = Literal["cosine", "constant"]
OptimiserName = Literal["adamw", "adam"]

MIN_TILE = 32
# What torch takes as a seed ends here.
MOST_SEED = (1 << 64) - 1

_MOST_SIDE, _MOST_TILE = 1 << 14, 1 << 20
# Past every use; a number beyond them would only fail later, in the middle of the work.
_MOST_COUNT, _MOST_REAL = 10**6, 1e9
_MOST_BITS, _MOST_LETTERS = 128, 40
_MOST_YAML = 1 << 18
# Choices of which one may be given.
EITHER = (("minutes", "epochs"), ("val", "val_data"))


class TrainConfig(BaseModel):
    """The choices of a training; every field is a key of its YAML, and most are flags of `autosam train`.

    Attributes:
        data: folder or CSV of images and masks.
        method: "autosam", or a rival of `autosam.models.rivals`, trained by the same loop on the same images.
        sam: name or file of the frozen SAM; not read for a rival that needs none.
        prompt_encoder: name of g; a HarDNet is the backbone of the HarDNet segmentation too, other rivals have none.
        width: channels of U-Net's first level; None for the table's.
        weights: official backbone checkpoint that g starts from; None trains it from scratch.
        minutes: bound of the whole command; None with `epochs`.
        epochs: passes over the training images in place of a bound of time.
        views: views an image whose embeddings are cached (with `minutes`, at most), the first one the image as it is,
            the others augmented; 0 draws a new view at every step and encodes it live.
        batch: images that pass through the networks at once.
        accumulate: batches whose gradients make one step, each image of them weighing the same; they are taken on over
            the ends of passes.
        size: side of g's (or the rival's) square input; None for the SAM's input, at most 512; 256 without a SAM.
        val: share of the cases (of the groups, where known) held out to choose the checkpoint.
        val_data: a folder or CSV of its own for that, in place of a share.
        group: regular expression whose first group names a case's patient, clip or slide.
        foreground: rule that makes masks binary; None where they have two values.
        augment: name of an augmentation.
        loss: "bce-dice" or "minmax".
        lr: greatest learning rate; a rival's own default, and that of its `views`, are in its table.
        schedule: "cosine" (warm-up, then half a cosine down to 1 %) or "constant".
        optimiser: "adamw", or "adam", whose weight decay is part of the gradient.
        weight_decay: the optimiser's.
        ema: decay of the average of weights that is evaluated and kept.
        device: "auto", "cpu", "cuda", "cuda:N", "mps".
        engine: what runs the SAM's image encoder: "auto" (by a short self-test), "torch", "openvino", "onnxruntime",
            "torch-compile".
        precision: of the encoder and of the steps: "float32", "bfloat16", or "auto": whichever is faster here.
        seed: of the split, the augmentation, the order and the first weights.
        init: run or checkpoint to start g and h from.
        tile: side, in pixels of the image, of the overlapping tiles that larger images are cut into; "off" for whole
            images; "auto" decides by the size of the objects and by the time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path
    method: str = AUTOSAM
    sam: str = "litemedsam"
    prompt_encoder: str = "sam-features"
    width: int | None = Field(default=None, ge=4, le=_MOST_SIDE)
    weights: Path | None = None
    minutes: float | None = Field(default=None, gt=0, le=_MOST_REAL)
    epochs: int | None = Field(default=None, ge=1, le=_MOST_COUNT)
    views: int = Field(default=8, ge=0, le=_MOST_COUNT)
    batch: int = Field(default=4, ge=1, le=_MOST_COUNT)
    accumulate: int = Field(default=1, ge=1, le=_MOST_COUNT)
    size: int | None = Field(default=None, ge=32, le=_MOST_SIDE)
    val: float = Field(default=0.1, ge=0, lt=1)
    val_data: Path | None = None
    group: str | None = None
    foreground: str | None = None
    augment: str = "light"
    loss: str = "bce-dice"
    lr: float = Field(default=1e-3, gt=0, le=_MOST_REAL)
    schedule: Schedule = "cosine"
    optimiser: OptimiserName = "adamw"
    weight_decay: float = Field(default=1e-4, ge=0, le=_MOST_REAL)
    ema: float = Field(default=0.99, ge=0, lt=1)
    device: str = "auto"
    engine: str = "auto"
    precision: str = "auto"
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    init: Path | None = None
    tile: str | int = "auto"

    @field_validator("tile", mode="before")
    @classmethod
    def _tile(cls, value: Any) -> str | int:
        # YAML reads a bare `off` as false; an integer of thousands of digits has no text.
        endless = isinstance(value, int) and value.bit_length() > _MOST_BITS
        text = "off" if value is False else _shown(value) if endless else str(value).strip().lower()
        if text in ("auto", "off"):
            return text
        if text.isdecimal() and len(text) <= len(str(_MOST_TILE)) and MIN_TILE <= int(text) <= _MOST_TILE:
            return int(text)
        raise ValueError(
            f"must be auto, off or the side of a tile in pixels, from {MIN_TILE} to {_MOST_TILE}, not "
            f"{text[:_MOST_LETTERS]}"
        )

    @property
    def step_images(self) -> int:
        """Images whose gradients make one step."""
        return self.batch * self.accumulate

    @property
    def has_sam(self) -> bool:
        """Whether there is a frozen SAM in what is trained."""
        return has_sam(self.method)

    @property
    def bound(self) -> float | None:
        """Minutes that the whole command may take; 10 where neither minutes nor epochs are given."""
        return 10.0 if self.minutes is None and self.epochs is None else self.minutes


def make_config(given: dict[str, Any], file: Path | None = None) -> TrainConfig:
    """Returns the configuration of the fields that were given, over those of a YAML file.

    Raises:
        UsageError: for a value out of range or an unknown key, naming each; or an unknown method.
        DataError: where the file is no such YAML.
    """
    merged = merged_choices(given, file)
    for key in merged:
        look_up(key, TrainConfig.model_fields, "choice", file=None if key in given else file)
    for name, other in EITHER:
        if merged.get(name) is not None and merged.get(other) is not None:
            flags = f"--{name} and --{other.replace('_', '-')}"
            raise UsageError(f"{flags} exclude each other", cure="Give one of them")
    method = merged.get("method", AUTOSAM)
    if isinstance(method, str) and method != AUTOSAM:
        look_up(method, dict.fromkeys(METHODS), "method")
        merged = {**RIVALS[method].training, **merged}
    try:
        return TrainConfig(**merged)
    except ValidationError as fault:
        raise UsageError(in_words(fault), file=file) from None


def merged_choices(given: dict[str, Any], file: Path | None) -> dict[str, Any]:
    """Returns the fields that were given, over those of a YAML file; where one excludes another, one given goes alone.

    Raises:
        DataError: where the file is no such YAML.
    """
    merged = {**(read_choices(file) if file is not None else {}), **given}
    for pair in EITHER:
        for name, other in (pair, pair[::-1]):
            if name in given and other not in given:
                merged.pop(other, None)
    return merged


def in_words(fault: ValidationError) -> str:
    """Returns what is wrong with which fields; of values the single ones only: aliases can make the others endless."""
    told = fault.errors(include_url=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {_wrong(one['loc'], one['msg'], one['input'])}" for one in told
    )


def _wrong(place: tuple[int | str, ...], message: str, value: Any) -> str:
    field = TrainConfig.model_fields.get(str(place[0])) if len(place) == 1 else None
    bounds = {name: bound for rule in field.metadata for name, bound in asdict(rule).items()} if field else {}
    if not bounds or not isinstance(value, str | float | int):
        text = message.removeprefix("Value error, ")
        return f"{text[0].lower()}{text[1:]}"
    kind = "a whole number" if "ge" in bounds and isinstance(bounds.get("le"), int) else "a number"
    least = f"above {bounds['gt']}" if "gt" in bounds else f"of at least {bounds['ge']}"
    most = f"below {bounds['lt']}" if "lt" in bounds else f"at most {_shown(bounds['le'])}"
    return f"must be {kind} {least} and {most}, not {_shown(value)}"


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return repr(value[:_MOST_LETTERS])
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _MOST_BITS else f"a number of {value.bit_length()} bits"
    return f"{value:g}"


def read_choices(file: Path) -> dict[str, Any]:
    """Returns the choices of a YAML file: those that stand there, or those of a run whose config.yaml it is.

    Raises:
        DataError: where the file is no such YAML.
    """
    content = read_table(file)
    if not {"config"} <= content.keys() <= {"config", "plan"} or not isinstance(content["config"], dict):
        return content
    # A run's tell every choice, also those that were not made, and the share that data of their own take the place of.
    made = {name: value for name, value in content["config"].items() if value is not None}
    if "val_data" in made:
        made.pop("val", None)
    return made


def read_table(file: Path) -> dict[str, Any]:
    """Returns the names and values of a YAML file as they stand there.

    Raises:
        DataError: where the file is no such YAML.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MOST_YAML + 1)
        if len(raw) > _MOST_YAML:
            raise DataError(f"is longer than the {_MOST_YAML >> 10} KiB that a configuration may have", file=file)
        content = yaml.safe_load(raw.decode())
    except RecursionError as fault:
        raise DataError("cannot be read as YAML (it is nested too deeply)", file=file) from fault
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as fault:
        # PyYAML lets the faults of what a scalar is turned into pass as they are.
        raise DataError(f"cannot be read as YAML ({first_line(fault)})", file=file) from fault
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise DataError("holds no table of names and values", file=file)
    return content
