"""What a training works with: its networks, and how images come to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from autosam.core.checks import look_up
from autosam.core.files import cache_folder
from autosam.core.probability import Mapping
from autosam.data.augment import AUGMENTATIONS
from autosam.data.embeddings import CACHE_BYTES, EmbeddingCache
from autosam.inference.embed import Embedder
from autosam.inference.engine import Encoder, make_encoder
from autosam.inference.engine import device as find_device
from autosam.inference.masker import TorchMasker
from autosam.inference.predict import Predictor
from autosam.models.frozen_sam import FrozenSam, load_sam
from autosam.models.segmenter import Segmenter
from autosam.training.build import make_segmenter
from autosam.training.cases import Cases
from autosam.training.config import TrainConfig
from autosam.training.examples import Examples
from autosam.training.losses import LOSSES
from autosam.training.run_config import Plan
from autosam.training.tiling import Tiling

# Of the time for everything: an engine that is a little faster is not worth the time that the views need.
SELF_TEST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Networks:
    """What is trained, and on what.

    Attributes:
        config: the choices that they are made by.
        device: where they run.
        sam: the frozen SAM; None for a method that needs none.
        mapping: how logits become a probability.
        segmenter: what is trained, with its first weights.
        shadow: the same architecture; it holds the averaged weights.
    """

    config: TrainConfig
    device: torch.device
    sam: FrozenSam | None
    mapping: Mapping
    segmenter: Segmenter
    shadow: Segmenter

    def begin_again(self) -> None:
        """Gives the segmenter its first weights back."""
        first = make_segmenter(self.config, self.sam, self.mapping).trained().state_dict()
        self.segmenter.trained().load_state_dict(first)


def make_networks(config: TrainConfig) -> Networks:
    """Returns the networks of the choices, on the CPU until there is something for them to do.

    Raises:
        UsageError: for choices that cannot be.
        ModelError: for weights that are missing or do not fit.
    """
    _, mapping = look_up(config.loss, LOSSES, "loss")
    device = find_device(config.device)
    sam = load_sam(config.sam) if config.has_sam else None
    segmenter, shadow = (make_segmenter(config, sam, mapping) for _ in range(2))
    return Networks(config, device, sam, mapping, segmenter, shadow)


def find_encoder(networks: Networks, plan: Plan | None, left: Callable[[], float]) -> Encoder | None:
    """Returns what encodes images for the segmenter: the plan's, or what this machine is fastest with; None for none.

    Raises:
        UsageError: for an engine that is not known or not installed.
    """
    # Not `networks.sam`: a method may run a SAM itself and need no embedding of it.
    sam, config = networks.segmenter.sam, networks.config
    if sam is None:
        return None
    if plan is None:
        return make_encoder(sam, config.engine, networks.device, config.precision, most=SELF_TEST_SHARE * left())
    return make_encoder(sam, plan.engine, networks.device, plan.precision, plan.encoder_threads or plan.threads)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How images come to the networks, in training and in validation.

    Attributes:
        encoder: of the SAM; None for a segmenter that needs no embedding.
        cache: of its embeddings.
        masker: makes masks by the averaged weights.
        predictor: predicts with it.
        examples: the views of the training cases.
    """

    encoder: Encoder | None
    cache: EmbeddingCache
    masker: TorchMasker
    predictor: Predictor
    examples: Examples

    def on(self, tiling: Tiling) -> Encoding:
        """Returns the same of a tiling's cases."""
        return replace(
            self, predictor=Predictor(self.masker, tile=tiling.tile), examples=self.examples.on(tiling.cases)
        )


def make_encoding(networks: Networks, cases: Cases, encoder: Encoder | None) -> Encoding:
    """Returns the encoding of whole images; brings the networks to their device."""
    config, segmenter = networks.config, networks.segmenter
    # No live view comes twice, so that none is cached.
    live = config.views == 0
    cache = EmbeddingCache(cache_folder() / "embeddings", CACHE_BYTES)
    for one in (segmenter, networks.shadow):
        one.to(networks.device)
    masker = TorchMasker(networks.shadow, None if encoder is None else Embedder(encoder, cache), networks.device)
    examples = Examples(
        cases.train,
        look_up(config.augment, AUGMENTATIONS, "augmentation"),
        frame_size=masker.frame_size,
        size=segmenter.size,
        embed=None if encoder is None else Embedder(encoder, None if live else cache),
        seed=config.seed,
        rule=segmenter.rule,
        live=live,
    )
    return Encoding(encoder, cache, masker, Predictor(masker), examples)
