"""What a training would be: counts, shapes, memory, and about how long it would take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autosam.core.words import counted
from autosam.training.cost import Cost
from autosam.training.passes import Passes
from autosam.training.views import views_in_words

GPU_RATE = 10e12
"""Operations a second of the GPU that the estimate names: about half of an A100's peak in float32 without TF32."""
# Convolutions and attention run at less than the pace of one large matrix product.
SHARE_OF_RATE = 0.4


@dataclass(frozen=True, slots=True)
class Planned:
    """What a bound of time would be spent on, as far as operations tell it.

    Attributes:
        views: cached views an image; 0 for live.
        val: images that are validated on.
        steps: optimiser steps.
        validations: how many.
        embedding_seconds: what is encoded before the first step, with nothing cached.
        step_seconds: all steps; live ones encode their images.
        validation_seconds: all validations.
        fits: whether there is time for the least steps of a training.
    """

    views: int
    val: int
    steps: int
    validations: int
    embedding_seconds: float
    step_seconds: float
    validation_seconds: float
    fits: bool

    def lines(self, passes: Passes, together: str, here: str) -> list[str]:
        """Returns it in words, a line a fact; `together` and `here` are what a whole rehearsal says of both."""
        epochs = counted(round(passes.images(self.steps) / passes.cases), "epoch")
        parts = [
            f"{_duration(self.embedding_seconds)} of embeddings ({views_in_words(self.views)}, nothing cached)",
            f"{_duration(self.step_seconds)} of steps",
            f"{_duration(self.validation_seconds)} of validations on {counted(self.val, 'image')}",
        ]
        return [
            f"steps     about {passes.in_words(self.steps)}{together} ({epochs}), "
            f"{counted(self.validations, 'validation')}",
            f"time      {', '.join(parts)}"
            + f", {here}"
            + ("" if self.fits else f"; that is too long, but no training has fewer than {self.steps} steps"),
        ]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a training would be.

    Attributes:
        train: training images.
        val: images held out.
        passes: how the steps lie over them.
        encodings: images that SAM's encoder encodes in all; None where a bound of time decides.
        shapes: of what passes through, by name.
        weights: parameters by part.
        at_once: images that pass through the networks together.
        views: cached views an image; 0 for live.
        encode: cost of encoding one image.
        step: cost of a forward and backward pass of `at_once` images.
        fixed: bytes of weights, gradients, moments and average.
        cache: bytes of embeddings on disk.
        rate: operations a second measured on this machine's device.
        device: its name.
        planned: what a bound of time would be spent on; None without one.
        opened: images that were looked into with their masks, and were good.
    """

    train: int
    val: int
    passes: Passes
    encodings: int | None
    shapes: dict[str, tuple[int, ...]]
    weights: dict[str, int]
    at_once: int
    views: int
    encode: Cost
    step: Cost
    fixed: int
    cache: int
    rate: float
    device: str
    planned: Planned | None = None
    opened: int = 0

    @property
    def steps(self) -> int | None:
        """Optimiser steps; None where a bound of time decides."""
        return self.passes.steps

    @property
    def memory(self) -> int:
        """Bytes on the device at the most."""
        return self.fixed + max(self.encode.peak, self.step.peak)

    @property
    def operations(self) -> float | None:
        """Operations of the whole training; None where a bound of time decides."""
        if self.steps is None or self.encodings is None:
            return None
        passes = self.passes.images(self.steps) / self.at_once
        return self.encodings * float(self.encode.operations) + passes * self.step.operations

    def plain(self) -> dict[str, Any]:
        """Returns all of it as plain values."""
        known = asdict(self)
        del known["passes"]
        hours = None if self.operations is None else self.operations / SHARE_OF_RATE / 3600
        return {
            **known,
            "steps": self.steps,
            "epoch_steps": self.passes.epoch_steps,
            "step_images": self.passes.largest(),
            "memory": self.memory,
            "operations": self.operations,
            "hours_here": None if hours is None else hours / self.rate,
            "hours_gpu": None if self.operations is None else self.operations / GPU_RATE / 3600,
        }

    def table(self) -> str:
        """Returns it in words, a line a fact."""
        together = "" if self.at_once == self.passes.largest() else f", {self.at_once} at once"
        views = (
            f"{counted(self.views, 'cached view')} an image" if self.views else "a new view at every step, encoded live"
        )
        lines = [f"images    {self.train} to train on, {self.val} held out; {views}"]
        if self.opened:
            lines.append(f"images    {self.opened} of them opened with their masks, and good")
        place = (
            f"on this machine ({self.device}, {SHARE_OF_RATE:.0%} of the {self.rate / 1e12:.2g} TFLOP/s that a matrix "
            "product has here)"
        )
        if self.planned is not None:
            lines += self.planned.lines(self.passes, together, place)
        elif self.steps is not None:
            passed = f"{self.passes.epoch_steps:.4g} a pass; {counted(self.encodings or 0, 'image')} encoded"
            lines.append(f"steps     {self.passes.in_words(self.steps)}{together}; {passed}")
        lines += [f"shapes    {name} {' x '.join(map(str, shape))}" for name, shape in self.shapes.items()]
        lines += [f"weights   {name} {count / 1e6:.2f} M" for name, count in self.weights.items()]
        lines += [
            f"memory    {_size(self.memory)} on the device at most: {_size(self.fixed)} weights, gradients, moments, "
            f"average; then {_size(self.encode.peak)} to encode an image, {_size(self.step.peak)} in a pass",
            f"disk      {_size(self.cache)} of cached embeddings" if self.views else "disk      no cached embeddings",
            f"work      {self.encode.operations / 1e9:,.1f} GFLOP to encode an image, "
            f"{self.step.operations / 1e9:,.1f} GFLOP a pass forward and backward",
        ]
        if self.operations is not None:
            here = self.operations / (SHARE_OF_RATE * self.rate)
            lines += [
                f"time      {_duration(self.operations / GPU_RATE)} on a GPU that sustains {GPU_RATE / 1e12:g} TFLOP/s",
                f"time      {_duration(here)} {place}",
            ]
        lines.append("Memory is an upper bound without a compiler; times are estimates from the operations alone.")
        return "\n".join(lines)


def _size(count: float) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} minutes" if seconds < 5400 else f"about {seconds / 3600:,.1f} hours"
