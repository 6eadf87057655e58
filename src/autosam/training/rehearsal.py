"""What a training would be: counts, shapes, memory, and about how long it would take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autosam.core.words import counted
from autosam.training.cost import Cost
from autosam.training.passes import Passes

GPU_RATE = 10e12
"""Operations a second of the GPU that the estimate names: about half of an A100's peak in float32 without TF32."""
# Convolutions and attention run at less than the pace of one large matrix product.
SHARE_OF_RATE = 0.4


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
        if self.steps is None:
            each = counted(self.passes.largest(), "image")
            lines.append(f"steps     as many as the bound of time allows, each of {each}{together}")
        else:
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
                f"time      {_duration(here)} on this machine ({self.device}, {SHARE_OF_RATE:.0%} of the "
                f"{self.rate / 1e12:.2g} TFLOP/s that a matrix product has here)",
            ]
        lines.append("Memory is an upper bound without a compiler; times are estimates from the operations alone.")
        return "\n".join(lines)


def _size(count: float) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} minutes" if seconds < 5400 else f"about {seconds / 3600:,.1f} hours"
