"""A model in two halves: a frame to its dense prompt Z, and Z to the masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol, cast

import torch

from autosam.core.errors import UsageError
from autosam.core.letterbox import Frame, PixelRule
from autosam.core.precision import DTYPES, computing
from autosam.core.prompt import ImageEmbedding
from autosam.inference.compiled import Run, compiled
from autosam.inference.engine import Engine
from autosam.inference.traced import FirstHalf, SecondHalf, graph_inputs
from autosam.models.segmenter import Masks, Prompting, Segmenter


class Halves(Protocol):
    """What can be done between g and the decoder."""

    def prompt(self, frame: Frame) -> tuple[torch.Tensor, ImageEmbedding | None]:
        """Returns g's dense prompt Z (1, C, h', w') of a frame, and what the decoder needs beside it."""
        ...

    def answer(self, dense: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns the masks (1, 1, h, w) for a Z and what came with it."""
        ...


class TorchHalves:
    """The halves of a segmenter in torch; the arguments are those of `TorchMasker`.

    Raises:
        UsageError: where the segmenter has no dense prompt.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        embed: Callable[[Frame], ImageEmbedding] | None,
        device: torch.device,
        precision: str,
    ) -> None:
        self._segmenter = prompting(segmenter)
        self._embed, self._device, self._precision = embed, device, precision

    @torch.inference_mode()
    def prompt(self, frame: Frame) -> tuple[torch.Tensor, ImageEmbedding | None]:
        """See `Halves`."""
        self._segmenter.train(False)
        embedding = None if self._embed is None else self._embed(frame).to(self._device, DTYPES[self._precision])
        image = frame.rgb(self._segmenter.size)[None].to(self._device)
        with computing(self._precision, self._device):
            return self._segmenter.prompt(image, embedding), embedding

    @torch.inference_mode()
    def answer(self, dense: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """See `Halves`."""
        with computing(self._precision, self._device):
            return self._segmenter.answer(dense, embedding)


class GraphHalves:
    """The halves as two graphs, converted when they are first run.

    The arguments are those of `GraphMasker`.
    """

    def __init__(
        self,
        content: str,
        segmenter: Callable[[], Segmenter],
        *,
        size: int,
        rule: PixelRule | None,
        engine: Engine,
        on: torch.device,
    ) -> None:
        self._content, self._segmenter = content, segmenter
        self._size, self._rule, self._engine, self._on = size, rule, engine, on

    def prompt(self, frame: Frame) -> tuple[torch.Tensor, ImageEmbedding | None]:
        """See `Halves`."""
        dense, *embedding = map(torch.from_numpy, self._prompt(*graph_inputs(frame, self._size, self._rule)))
        return dense, ImageEmbedding(embedding[0], tuple(embedding[1:])) if embedding else None

    def answer(self, dense: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """See `Halves`."""
        inputs = [dense, *([] if embedding is None else [embedding.main, *embedding.fine])]
        shapes = [tuple(one.shape) for one in inputs]
        if self._answer is None:
            self._answer = compiled(f"{self._content} answer 1", shapes, self._second, self._engine, self._on)
        logits, *surrogate = map(torch.from_numpy, self._answer(*(one.numpy() for one in inputs)))
        return Masks(logits, dense, surrogate[0] if surrogate else None)

    _answer: Run | None = None

    @cached_property
    def _prompt(self) -> Run:
        shapes = [(1, 3, self._size, self._size)]
        shapes += [] if self._rule is None else [(1, 3, self._rule.size, self._rule.size)]
        return compiled(f"{self._content} prompt 1", shapes, self._first, self._engine, self._on)

    def _first(self) -> torch.nn.Module:
        return FirstHalf(prompting(self._segmenter()))

    def _second(self) -> torch.nn.Module:
        return SecondHalf(prompting(self._segmenter()))


def prompting(segmenter: Segmenter) -> Prompting:
    """Returns a segmenter whose halves can be run apart.

    Raises:
        UsageError: where it has no dense prompt.
    """
    if not (hasattr(segmenter, "prompt") and hasattr(segmenter, "answer")):
        raise no_prompt()
    return cast(Prompting, segmenter)


def no_prompt() -> UsageError:
    """Returns what a user is told who averages the prompt of a model without one."""
    return UsageError("this model has no prompt that could be averaged over frames", cure="Leave --temporal out")
