"""How images come to the networks: the encoder, its cache, the views of the training cases, and validation's masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from autosam.core.checks import look_up
from autosam.core.files import cache_folder
from autosam.core.progress import Progress
from autosam.core.words import counted
from autosam.data.augment import AUGMENTATIONS
from autosam.data.embeddings import CACHE_BYTES, EmbeddingCache
from autosam.inference.embed import Embedder
from autosam.inference.engine import Encoder, make_encoder
from autosam.inference.masker import TorchMasker
from autosam.inference.predict import Predictor
from autosam.training.cases import Cases
from autosam.training.examples import Examples, fill_plain
from autosam.training.networks import Networks
from autosam.training.run_config import Plan
from autosam.training.tiling import Tiling
from autosam.training.views import views_in_words

# Of the time for everything: an engine that is a little faster is not worth the time that the views need.
SELF_TEST_SHARE = 0.1


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

    def on(self, tiling: Tiling, views: int) -> Encoding:
        """Returns the same of a tiling's cases in so many cached views; 0 for live."""
        return replace(
            self,
            predictor=Predictor(self.masker, tile=tiling.tile),
            examples=self.examples.on(tiling.cases, live=views == 0),
        )

    def fill(self, cases: Cases, tiling: Tiling, views: int, progress: Progress, check: Callable[[], None]) -> None:
        """Makes the embeddings that the cache lacks, of the training cases in so many views and of validation's.

        Args:
            cases: those that are validated on.
            tiling: those that are trained on.
            views: 0 for live.
            progress: told of each.
            check: called before each; ends the work by raising.
        """
        if self.encoder is None:
            return
        if views:
            wanted = [(case, view) for view in range(views) for case in range(len(tiling.cases))]
            made = f"embeddings of {counted(len(tiling.cases), tiling.noun)} in {views_in_words(views)}"
            progress.start(made, len(wanted))
            self.examples.fill(wanted, progress, check)
        if len(cases.val):
            progress.start(f"embeddings of {counted(len(cases.val), 'validation image')}", len(cases.val))
            fill_plain(cases.val, self.masker, tiling.tile, self.examples.workers, progress, check)


def make_encoding(networks: Networks, cases: Cases, encoder: Encoder | None) -> Encoding:
    """Returns the encoding of whole images in the views that were asked for; brings the networks to their device."""
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
