"""Training examples: every image in several augmented views, their embeddings made once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from autosam.core.ahead import ahead
from autosam.core.letterbox import Frame, Letterbox
from autosam.core.progress import Progress
from autosam.core.prompt import ImageEmbedding
from autosam.data.augment import IDENTITY, Augmentation, View, apply, draw
from autosam.data.dataset import Source
from autosam.inference.embed import Embedder

Index = tuple[int, int]

_MEMORY = 2 << 30


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step needs.

    Attributes:
        ids: the cases.
        image: (B, 3, s, s) float32 RGB in 0..1.
        target: (B, 1, s, s) float32, 0 or 1.
        valid: (B, 1, s, s) float32, 1 where a pixel of the image is.
        embedding: SAM's embedding; None for a segmenter without SAM.
    """

    ids: tuple[str, ...]
    image: torch.Tensor
    target: torch.Tensor
    valid: torch.Tensor
    embedding: ImageEmbedding | None


class Examples:
    """The views of a data set as a segmenter sees them.

    Args:
        data: the training cases.
        augmentation: from which views are drawn.
        frame_size: side of the frame that SAM's and g's inputs are made of.
        size: side of g's input.
        embed: encodes a frame; None for a segmenter without SAM.
        seed: with a case's index and a view's number it gives the view.
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
    ) -> None:
        self.data = data
        self.augmentation = augmentation
        self.frame_size = frame_size
        self.size = size
        self.embed = embed
        self.seed = seed
        self._frames: dict[Index, tuple[Frame, str | None]] = {}
        self._room = _MEMORY

    def on(self, data: Source) -> Examples:
        """Returns the views of other cases, made in the same way."""
        other = copy.copy(self)
        other.data, other._frames, other._room = data, {}, _MEMORY
        return other

    def view(self, index: Index) -> View:
        """Returns the view of (case, number); number 0 is the image as it is."""
        case, number = index
        if number == 0:
            return IDENTITY
        return draw(self.augmentation, np.random.default_rng([self.seed, case, number]))

    def frame(self, index: Index) -> Frame:
        """Returns the augmented frame of (case, number), with its mask."""
        sample = self.data.read(index[0])
        mask = None if sample.mask is None else sample.mask.astype(np.bool_)
        box = Letterbox(self.frame_size, *sample.size)
        return apply(self.view(index), box.frame(sample.rgb(), mask))

    def fill(self, indices: Sequence[Index], progress: Progress, check: Callable[[], None]) -> None:
        """Makes the embeddings of all `indices` that the cache lacks; `check` may raise between two of them."""
        for index, frame in zip(indices, ahead(self.frame, indices), strict=True):
            check()
            self._embedding(index, frame)
            progress.advance()

    def batch(self, indices: Sequence[Index]) -> Batch:
        """Returns the batch of some (case, number)."""
        made = [self._example(index) for index in indices]
        frames = [frame for frame, _ in made]
        embeddings = [embedding for _, embedding in made if embedding is not None]
        return Batch(
            ids=tuple(self.data.ids[case] for case, _ in indices),
            image=torch.stack([frame.rgb(self.size) for frame in frames]),
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
                return frame, kept.to("cpu", torch.float32)
        full = self.frame(index)
        return full.resized(self.size), self._embedding(index, full)

    def _embedding(self, index: Index, full: Frame) -> ImageEmbedding | None:
        cached = self.embed is not None and self.embed.cache is not None
        key = self.embed.key(full) if self.embed is not None and cached else None
        self._remember(index, full.resized(self.size), key, keep=cached or self.embed is None)
        return None if self.embed is None else self.embed(full, key)

    def _remember(self, index: Index, frame: Frame, key: str | None, *, keep: bool) -> None:
        room = frame.image.nbytes + 2 * frame.valid.nbytes
        if keep and index not in self._frames and room <= self._room:
            self._frames[index] = (frame, key)
            self._room -= room


def order(cases: int, views: int, epoch: int, seed: int) -> list[Index]:
    """Returns the order of an epoch: every case once, in a view that differs from epoch to epoch.

    It depends on nothing but its arguments, so that a resumed training needs no state of a generator. Live training
    (`views` 0) numbers its views by the epoch and never sees one twice.
    """
    rng = np.random.default_rng([seed, 1, epoch])
    cases_in_order = rng.permutation(cases).tolist()
    if views == 0:
        return [(case, epoch + 1) for case in cases_in_order]
    lap, turn = divmod(epoch, views)
    shift = np.random.default_rng([seed, 2, lap]).integers(views, size=cases)
    return [(case, int((turn + shift[case]) % views)) for case in cases_in_order]


def _plane(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None) -> torch.Tensor:
    if mask is None:
        raise ValueError("a training example needs a mask")
    return torch.from_numpy(mask)[None].to(torch.float32)


def _join(embeddings: Sequence[ImageEmbedding]) -> ImageEmbedding:
    fine = zip(*(each.fine for each in embeddings), strict=True)
    return ImageEmbedding(torch.cat([each.main for each in embeddings]), tuple(torch.cat(level) for level in fine))
