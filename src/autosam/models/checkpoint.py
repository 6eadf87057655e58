"""Trained weights as one self-describing safetensors file, with all that is needed to use them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as MappingType
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from autosam.core.errors import ModelError, UsageError
from autosam.core.files import sha256, write_bytes
from autosam.core.memory import check_room
from autosam.models.card import Card
from autosam.models.frozen_sam import FrozenSam, known_as, load_sam
from autosam.models.prompt_encoder import build_prompt_encoder
from autosam.models.quantised import impossible, make_room
from autosam.models.rivals import AUTOSAM, METHODS, build_rival
from autosam.models.segmenter import SamSegmenter, Segmenter, SurrogateSegmenter
from autosam.models.surrogate import Surrogate
from autosam.models.tensors import digest_of, load_tensors

FORMAT = 1
KEY = "autosam"
_AGAIN = "Copy or train it again"


def build(card: Card, sam: FrozenSam | None, *, decoder: str = "sam") -> Segmenter:
    """Returns the untrained segmenter that a card describes.

    Args:
        card: the card.
        sam: its frozen SAM; None will do where the card has none.
        decoder: "sam", or "surrogate" for g and h alone.

    Raises:
        UsageError: for the surrogate decoder of a method that has none.
    """
    if card.method != AUTOSAM:
        if decoder != "sam":
            raise UsageError(f"{card.method} has no {decoder} decoder", cure="Leave --decoder away")
        return build_rival(card.method, sam, size=card.size, mapping=card.mapping, config=card.method_config)
    if sam is None:
        raise ValueError("AutoSAM is built on a SAM: none was given")
    g = build_prompt_encoder(
        card.prompt_encoder,
        embedding_shape=card.embedding_shape,
        size=card.size,
        initialise=False,
        config=card.prompt_encoder_config,
    )
    kind = SamSegmenter if decoder == "sam" else SurrogateSegmenter
    return kind(sam, g, Surrogate(card.embedding_shape[0]), mapping=card.mapping)


def to_bytes(tensors: MappingType[str, torch.Tensor], described: Any) -> bytes:
    """Returns a safetensors file with `described` as JSON of sorted keys under one key of its metadata."""
    from safetensors.torch import save

    # safetensors writes several metadata keys in random order; one key keeps equal contents equal to the byte.
    # It also refuses tensors that share memory, hence the copies.
    whole = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in sorted(tensors.items())}
    # It holds the file twice, and knows no lack of memory.
    check_room(2 * sum(tensor.nbytes for tensor in whole.values()))
    return save(whole, metadata={KEY: json.dumps(described, sort_keys=True, allow_nan=False)})


def read_description(file: Path) -> Any:
    """Returns what `to_bytes` was given as `described`.

    Raises:
        ModelError: where the file is no safetensors file or not one of AutoSAM's.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="pt") as stored:
            metadata = stored.metadata() or {}
    except FileNotFoundError:
        raise ModelError(
            "there is no such file", file=file, cure="Give the folder that `autosam train --out` wrote"
        ) from None
    except (SafetensorError, OSError, ValueError) as fault:
        raise ModelError(f"not a whole safetensors file ({fault})", file=file, cure=_AGAIN) from fault
    try:
        return json.loads(metadata[KEY])
    except (KeyError, ValueError):
        raise ModelError(
            "a safetensors file, but not a checkpoint of AutoSAM",
            file=file,
            cure="Give the folder that `autosam train --out` wrote",
        ) from None


def save(file: Path, trained: MappingType[str, torch.Tensor], card: Card) -> None:
    """Writes the trained tensors with their card and a checksum of each: equal contents give equal bytes."""
    described = {"format": FORMAT, "digest": digest_of(trained), **asdict(card)}
    write_bytes(file, to_bytes(trained, {**described, "seal": _seal(described)}))


def read_card(file: Path) -> Card:
    """Returns a checkpoint's card.

    Raises:
        ModelError: where the file is no checkpoint, or of a newer format.
    """
    described = _described(file)
    fields = {name: value for name, value in described.items() if name not in ("format", "digest", "seal")}
    try:
        card = Card(**{**fields, "embedding_shape": tuple(fields["embedding_shape"])})
    except (TypeError, KeyError) as fault:
        raise ModelError(f"its card is not complete ({fault})", file=file, cure=_AGAIN) from fault
    if card.method not in METHODS:
        raise ModelError(
            f"its method {card.method!r} is not known here", file=file, cure="Install the AutoSAM that wrote it"
        )
    wrong = card.misfits()
    if wrong:
        raise ModelError(f"its card has an impossible {' and '.join(wrong)}", file=file, cure=_AGAIN)
    return card


def read_trained(file: Path) -> dict[str, torch.Tensor]:
    """Returns a checkpoint's tensors, held to its checksum (those of the first versions have none).

    Raises:
        ModelError: where the file is no checkpoint, or not as it was written.
    """
    written, tensors = _described(file).get("digest"), load_tensors(file)
    if written is not None and written != digest_of(tensors):
        raise ModelError("its weights do not match their checksum: it is damaged", file=file, cure=_AGAIN)
    return tensors


def _described(file: Path) -> dict[str, Any]:
    described = read_description(file)
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise ModelError(
            "a checkpoint of another format", file=file, cure="Install the version of AutoSAM that wrote it"
        )
    written = described.get("seal")
    if written is not None and written != _seal({name: described[name] for name in described if name != "seal"}):
        raise ModelError("its card does not match its checksum: it is damaged", file=file, cure=_AGAIN)
    return described


def _seal(described: MappingType[str, Any]) -> str:
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def model_file(run: Path) -> Path:
    """Returns the checkpoint of a run's folder; a file is taken as it is."""
    return run / "model.safetensors" if run.is_dir() else run


def load(run: Path, *, decoder: str = "sam", sam: FrozenSam | str | None = None) -> tuple[Segmenter, Card]:
    """Returns the trained segmenter of a run's folder or checkpoint, in eval mode, and its card.

    Args:
        run: the folder that training wrote, or its model.safetensors.
        decoder: "sam", or "surrogate" for g and h alone.
        sam: the frozen SAM, or its name or file, where the one that the card names is not the one to load. Under
            whichever name it comes, it scales its pixels as the card's does.

    Raises:
        ModelError: where the checkpoint or the SAM's weights are missing, damaged or of another model.
        UsageError: for the surrogate decoder of a method that has none.
    """
    file = model_file(run)
    card = read_card(file)
    frozen: FrozenSam | None = None
    if card.has_sam:
        frozen = load_sam(sam or card.sam) if sam is None or isinstance(sam, str) else sam
    if frozen is not None and frozen.fingerprint() != card.sam_fingerprint:
        raise ModelError(
            f"it was trained with weights of {card.sam} that differ from those installed",
            file=file,
            cure=f"Give the same weights with --sam, or install them again with `autosam fetch {card.sam}`",
        )
    if frozen is not None and frozen.embedding_shape != card.embedding_shape:
        raise ModelError("its card has the embedding shape of another SAM", file=file, cure=_AGAIN)
    if frozen is not None and frozen.name != card.sam:
        frozen = known_as(frozen, card.sam)
    try:
        segmenter = build(card, frozen, decoder=decoder)
    except ModelError as fault:
        raise ModelError(fault.what, file=fault.file or file, cure=fault.cure) from fault
    parts, tensors = segmenter.trained(), read_trained(file)
    if card.quantised:
        make_room(parts, tensors)
    load_trained(parts, tensors, file)
    return segmenter.train(False), card


def load_trained(parts: nn.Module, tensors: MappingType[str, torch.Tensor], file: Path) -> None:
    """Fills what is trained of a segmenter (g and h of AutoSAM) from a checkpoint's tensors.

    Raises:
        ModelError: where a name is missing or too many, a shape differs, or integers have scales that cannot be; it
            names the first ones.
    """
    wanted = parts.state_dict()
    faults = [f"{name} is missing" for name in wanted if name not in tensors]
    faults += [f"{name} is not of this model" for name in tensors if name not in wanted]
    faults += [
        f"{name} has shape {tuple(tensors[name].shape)}, not {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    faults += impossible(tensors)
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ModelError(
            f"not the weights of this model: {'; '.join(faults[:3])}{more}",
            file=file,
            cure="Give the model.safetensors that `autosam train --out` wrote, as it was written",
        )
    parts.load_state_dict(dict(tensors))


def digest(file: Path) -> str:
    """Returns the SHA-256 of a run's checkpoint."""
    return sha256(model_file(file))
