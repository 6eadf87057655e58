"""The parts of a trained model, each loaded when it is first asked for, and the masker that is made of them."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path

import torch

from autosam.core.caller import unchanged
from autosam.core.errors import AutoSAMError, ModelError
from autosam.core.letterbox import PixelRule
from autosam.inference.choice import kept
from autosam.inference.compiled import described
from autosam.inference.embed import Embedder
from autosam.inference.engine import ON_REQUEST, REFERENCE, Engine, build_encoder, candidates, first_line
from autosam.inference.masker import GraphMasker, Masker, TorchMasker
from autosam.inference.openvino_encoder import has_bfloat16
from autosam.inference.selftest import choose
from autosam.models.card import Card
from autosam.models.checkpoint import digest, load, model_file, read_card
from autosam.models.prompt_encoder import build_prompt_encoder
from autosam.models.rivals import AUTOSAM, RIVALS, runs_sam
from autosam.models.sam_model import Sam
from autosam.models.segmenter import Segmenter

log = logging.getLogger(__name__)


class Parts:
    """What a run holds and needs.

    Args:
        run: the folder that training wrote, or its model.safetensors.
        decoder: "sam", or "surrogate" for g and h alone.
        sam: name or file of the frozen SAM in place of the one that the card names.
    """

    def __init__(self, run: Path, decoder: str, sam: str | None) -> None:
        self.run = run
        self.decoder = decoder
        self.sam = sam

    @property
    def card(self) -> Card:
        """What the checkpoint says of itself."""
        return self._seen[0]

    @cached_property
    def segmenter(self) -> Segmenter:
        """The trained segmenter with its frozen SAM, on the CPU.

        Raises:
            ModelError: where the checkpoint is not the one that was begun with: a training that still runs writes anew.
        """
        known = self._seen[1]
        # A graph asks for it in the middle of a caller's own work.
        with unchanged():
            segmenter = load(self.run, decoder=self.decoder, sam=self.sam)[0]
        self._hold(digest(self.run) == known)
        return segmenter

    @cached_property
    def _seen(self) -> tuple[Card, str]:
        """The checkpoint's card and digest, of one and the same file."""
        file = model_file(self.run)
        card, known = read_card(file), digest(self.run)
        self._hold(read_card(file) == card)
        return card, known

    def _hold(self, same: bool) -> None:
        if not same:
            raise ModelError("was written anew while it was read", file=model_file(self.run), cure="Start again")

    @cached_property
    def needs_sam(self) -> bool:
        """Whether SAM's embedding is needed."""
        card = self.card
        if card.method != AUTOSAM:
            return RIVALS[card.method].needs == "embedding"
        if self.decoder == "sam":
            return True
        shape, config = card.embedding_shape, card.prompt_encoder_config
        g = build_prompt_encoder(
            card.prompt_encoder, embedding_shape=shape, size=card.size, initialise=False, config=config
        )
        return g.needs_embedding

    @cached_property
    def own_rule(self) -> PixelRule | None:
        """The segmenter's own rule for its pixels; it is loaded only where it has one."""
        adapted = runs_sam(self.card.method)
        return self.segmenter.rule if adapted else None

    def content(self) -> str:
        """Returns what a graph of all parts depends on: the trained weights, the SAM's, the decoder, the code."""
        card, known = self._seen
        return f"{known} {card.sam_fingerprint} code {Sam.code_version} decoder {self.decoder}"


def make_masker(parts: Parts, engine: str, precision: str, on: torch.device) -> tuple[Masker, str | None]:
    """Returns what makes the masks, and the identity of what encodes; None where no encoder runs.

    With OpenVINO and ONNX Runtime the whole model is one graph. Where that graph and the self-test's result are in the
    cache, neither the SAM nor the segmenter is loaded.

    Raises:
        UsageError: for an unknown engine or precision, or what was asked for by name cannot be used here.
        ModelError: where the checkpoint or the SAM's weights are missing, damaged or of another model.
    """
    fitting = candidates(engine, precision, on)
    chosen, rule, together = _choose(parts, fitting)
    compiles = chosen in ON_REQUEST
    if chosen.name != REFERENCE.name and not compiles:
        try:
            return _graph(parts, chosen, rule, on, together if chosen.name == "openvino" else 1)
        except AutoSAMError:
            raise
        except Exception as fault:
            # Conversion fails in as many ways as there are versions; torch gives the same masks, only slower.
            if engine != "auto":
                raise
            log.warning("%s cannot run this model here (%s); using %s", chosen, first_line(fault), fitting[0])
            chosen = fitting[0]
    segmenter = parts.segmenter
    if segmenter.sam is None:
        segmenter.to(on)
        return TorchMasker(segmenter, None, on, chosen.precision, compiles=compiles), None
    encoder = build_encoder(segmenter.sam, chosen, on)
    segmenter.to(on)
    masker = TorchMasker(segmenter, Embedder(encoder), on, encoder.engine.precision, compiles=compiles)
    return masker, encoder.identity


def _choose(parts: Parts, fitting: list[Engine]) -> tuple[Engine, PixelRule | None, int]:
    """Returns the engine, SAM's pixel rule where one is needed, and how many images it encodes at a time."""
    if not parts.needs_sam:
        # Without an encoder there is nothing to measure that would take longer than the measurement.
        native = [each for each in fitting if each.name == "openvino" and _runs(each)]
        return (native or fitting)[0], None, 1
    if parts.sam is None:
        known = kept(parts.card.sam, parts.card.sam_fingerprint, Sam.code_version, fitting)
        if known is not None:
            return known.engine, known.rule, known.together
    sam = parts.segmenter.sam
    if sam is None:
        raise AssertionError("a segmenter that needs a SAM has one")
    found = choose(sam, fitting)
    return found.engine, sam.rule, found.together


def _graph(
    parts: Parts, engine: Engine, rule: PixelRule | None, on: torch.device, together: int
) -> tuple[Masker, str | None]:
    masker = GraphMasker(
        parts.content(),
        lambda: parts.segmenter,
        size=parts.card.size,
        rule=rule,
        mapping=parts.card.mapping,
        engine=engine,
        on=on,
        own=parts.own_rule,
        together=together,
    )
    card = parts.card
    encoder = f"{card.sam} {card.sam_fingerprint} code {Sam.code_version} {described(engine, on)}"
    return masker, encoder if parts.needs_sam else None


def _runs(engine: Engine) -> bool:
    return engine.precision == "float32" or has_bfloat16()
