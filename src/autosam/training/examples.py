"""Training examples: every image in several augmented views, their embeddings made once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch

from autosam.core.ahead import ahead
from autosam.core.letterbox import Frame, Letterbox, PixelRule
from autosam.core.progress import Progress
from autosam.core.prompt import ImageEmbedding
from autosam.data.augment import IDENTITY, Augmentation, View, apply, draw
from autosam.data.dataset import Source
from autosam.inference.embed import Embedder
from autosam.inference.masker import TorchMasker
from autosam.inference.tiles import frames_of
from autosam.training.passes import Index

_MEMORY = 2 << 30


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step needs.

    Attributes:
        ids: the cases.
        image: (B, 3, s, s) float32, as `Frame.seen` gives it: RGB in 0..1, or pixels by the segmenter's own rule.
        target: (B, 1, s, s) float32, 0 or 1.
        valid: (B, 1, s, s) float32, 1 where a pixel of the image is.
        embedding: SAM's embedding, in half precision where all of it comes from the cache; None for a segmenter without
            SAM.
    """

    ids: tuple[str, ...]
    image: torch.Tensor
    target: torch.Tensor
    valid: torch.Tensor
    embedding: ImageEmbedding | None

    def parts(self, most: int) -> list[Batch]:
        """Returns the same examples in batches of at most `most`; itself where that is enough."""
        if len(self.ids) <= most:
            return [self]
        cuts = [slice(start, start + most) for start in range(0, len(self.ids), most)]
        return [
            Batch(
                self.ids[cut],
                self.image[cut],
                self.target[cut],
                self.valid[cut],
                None if self.embedding is None else self.embedding.part(cut),
            )
            for cut in cuts
        ]


class Examples:
    """The views of a data set as a segmenter sees them.

    Args:
        data: the training cases.
        augmentation: from which views are drawn.
        frame_size: side of the frame that SAM's and g's inputs are made of.
        size: side of g's input.
        embed: encodes a frame; None for a segmenter without SAM.
        seed: with a case's index and a view's number it gives the view.
        rule: the segmenter's own rule for its pixels.
        live: whether no view comes twice, so that none is kept in memory.
    """

    def __init__(
        self,
        data: Source,
        augmentation: Augmentation,
        *,
        frame_size: int,
        size: int,
        embed: Embedder | None,
        seed: int,
        rule: PixelRule | None = None,
        live: bool = False,
    ) -> None:
        self.data = data
        self.augmentation = augmentation
        self.frame_size = frame_size
        self.size = size
        self.embed = embed
        self.seed = seed
        self.rule = rule
        self.live = live
        self._frames: dict[Index, tuple[Frame, str | None]] = {}
        self._room = _MEMORY
        self._remembering = Lock()

    @property
    def workers(self) -> int:
        """How many images are encoded at a time: as many as the encoder leaves threads for."""
        return 1 if self.embed is None else max(1, torch.get_num_threads() // self.embed.encode.threads)

    def on(self, data: Source, *, live: bool) -> Examples:
        """Returns the views of other cases, made in the same way; where they are live, none of them is cached."""
        other = copy.copy(self)
        other.data, other.live, other._frames, other._room = data, live, {}, _MEMORY
        if live and other.embed is not None:
            other.embed = Embedder(other.embed.encode)
        return other

    def view(self, index: Index) -> View:
        """Returns the view of (case, number); number 0 is the image as it is."""
        case, number = index
        if number == 0:
            return IDENTITY
        return draw(self.augmentation, np.random.default_rng([self.seed, case, number]))

    def files(self, ids: Sequence[str]) -> list[str]:
        """Returns the image files of some cases."""
        cases = {name: case for case, name in enumerate(self.data.ids)}
        return [str(self.data.file(cases[name])) for name in ids]

    def frame(self, index: Index) -> Frame:
        """Returns the augmented frame of (case, number), with its mask."""
        sample = self.data.read(index[0])
        mask = None if sample.mask is None else sample.mask.astype(np.bool_)
        box = Letterbox(self.frame_size, *sample.size)
        return apply(self.view(index), box.frame(sample.rgb(), mask))

    def fill(self, indices: Sequence[Index], progress: Progress, check: Callable[[], None]) -> None:
        """Makes the embeddings of all `indices` that the cache lacks; `check` may raise between two of them.

        `workers` images are encoded at a time, and the next are read and augmented meanwhile.
        """

        def framed(index: Index) -> tuple[Index, Frame]:
            return index, self.frame(index)

        def encoded(made: tuple[Index, Frame]) -> None:
            self._embedding(*made)

        with (
            closing(ahead(framed, indices, alone=True)) as frames,
            closing(ahead(encoded, frames, workers=self.workers, alone=True)) as done,
        ):
            for _ in done:
                check()
                progress.advance()

    def batch(self, indices: Sequence[Index]) -> Batch:
        """Returns the batch of some (case, number)."""
        made = [self._example(index) for index in indices]
        frames = [frame for frame, _ in made]
        embeddings = [embedding for _, embedding in made if embedding is not None]
        return Batch(
            ids=tuple(self.data.ids[case] for case, _ in indices),
            image=torch.stack([frame.seen(self.size, self.rule) for frame in frames]),
            target=torch.stack([_plane(frame.mask) for frame in frames]),
            valid=torch.stack([_plane(frame.valid) for frame in frames]),
            embedding=_join(embeddings) if embeddings else None,
        )

    def _example(self, index: Index) -> tuple[Frame, ImageEmbedding | None]:
        if index in self._frames:
            frame, key = self._frames[index]
            if self.embed is None:
                return frame, None
            kept = self.embed.cache.get(key) if self.embed.cache is not None and key is not None else None
            if kept is not None:
                return frame, kept
        full = self.frame(index)
        return full.resized(self.size), self._embedding(index, full)

    def _embedding(self, index: Index, full: Frame) -> ImageEmbedding | None:
        cached = self.embed is not None and self.embed.cache is not None
        key = self.embed.key(full) if self.embed is not None and cached else None
        self._remember(index, full.resized(self.size), key, keep=cached or (self.embed is None and not self.live))
        return None if self.embed is None else self.embed(full, key)

    def _remember(self, index: Index, frame: Frame, key: str | None, *, keep: bool) -> None:
        room = frame.image.nbytes + 2 * frame.valid.nbytes
        with self._remembering:
            if keep and index not in self._frames and room <= self._room:
                self._frames[index] = (frame, key)
                self._room -= room


def fill_plain(
    data: Source,
    masker: TorchMasker,
    tile: int | None,
    workers: int,
    progress: Progress,
    check: Callable[[], None],
) -> None:
    """Makes the embeddings of cases as they are, which validation asks for; `check` may raise between two of them."""

    def one(case: int) -> None:
        sample = data.read(case)
        for _, _, frame in frames_of(sample.rgb(), tile, masker.frame_size):
            masker.encode(frame)

    for _ in ahead(one, range(len(data)), workers=workers, alone=True):
        check()
        progress.advance()


def _plane(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None) -> torch.Tensor:
    if mask is None:
        raise ValueError("a training example needs a mask")
    return torch.from_numpy(mask)[None].to(torch.float32)


def _join(embeddings: Sequence[ImageEmbedding]) -> ImageEmbedding:
    fine = zip(*(each.fine for each in embeddings), strict=True)
    return ImageEmbedding(torch.cat([each.main for each in embeddings]), tuple(torch.cat(level) for level in fine))
