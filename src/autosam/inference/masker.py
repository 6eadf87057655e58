"""A frame in, mask logits out, on one engine or another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.letterbox import Frame, PixelRule
from autosam.core.precision import computing
from autosam.core.probability import Mapping
from autosam.core.prompt import ImageEmbedding
from autosam.inference.engine import Engine
from autosam.inference.openvino_encoder import Graph
from autosam.models.segmenter import Masks, Segmenter


class Masker(Protocol):
    """What a prediction needs of a model.

    Attributes:
        frame_size: side of the frame that serves the SAM and g alike: the larger of their inputs.
        mapping: how its logits become a probability.
    """

    frame_size: int
    mapping: Mapping

    def __call__(self, frame: Frame) -> Masks:
        """Returns the masks (1, 1, h, w) of one frame."""
        ...


class TorchMasker:
    """A segmenter in torch, on the embedding that some engine made.

    Args:
        segmenter: what makes the logits; put into eval mode by every call.
        embed: gives a frame's embedding; None where the segmenter needs none.
        device: where g, h and the mask decoder run.
        precision: theirs.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        embed: Callable[[Frame], ImageEmbedding] | None,
        device: torch.device,
        precision: str = "float32",
    ) -> None:
        self.segmenter = segmenter
        self.embed = embed
        self.device = device
        self.precision = precision
        self.frame_size = frame_size(segmenter.size, None if segmenter.sam is None else segmenter.sam.rule)
        self.mapping = segmenter.mapping

    def __call__(self, frame: Frame) -> Masks:
        """See `Masker`."""
        return self.decode(frame, self.encode(frame))

    @torch.inference_mode()
    def encode(self, frame: Frame) -> ImageEmbedding | None:
        """Returns a frame's embedding; None where the segmenter needs none."""
        return None if self.embed is None else self.embed(frame).to(self.device)

    @torch.inference_mode()
    def decode(self, frame: Frame, embedding: ImageEmbedding | None) -> Masks:
        """Returns the masks (1, 1, h, w) of a frame and its embedding: g's prompt, and what the decoder makes of it."""
        self.segmenter.train(False)
        with computing(self.precision, self.device):
            return self.segmenter(frame.rgb(self.segmenter.size)[None].to(self.device), embedding)


Run = Callable[..., list[npt.NDArray[np.float32]]]


class GraphMasker:
    """g, h, SAM's encoder and its mask decoder as one graph of OpenVINO or ONNX Runtime.

    Args:
        content: everything that the graph is made of, as text.
        segmenter: gives the segmenter where the graph is not in the cache.
        size: side of g's input.
        rule: how SAM wants its pixels; None for a segmenter without SAM.
        mapping: how the logits become a probability.
        engine: what runs it.
        on: the device.
    """

    def __init__(
        self,
        content: str,
        segmenter: Callable[[], Segmenter],
        *,
        size: int,
        rule: PixelRule | None,
        mapping: Mapping,
        engine: Engine,
        on: torch.device,
    ) -> None:
        shapes = [(1, 3, size, size)] + ([] if rule is None else [(1, 3, rule.size, rule.size)])
        self._graph = _graph(f"{content} whole 1", shapes, lambda: _Whole(segmenter()), engine, on)
        self._size, self._rule = size, rule
        self.frame_size = frame_size(size, rule)
        self.mapping = mapping

    def __call__(self, frame: Frame) -> Masks:
        """See `Masker`."""
        inputs = [frame.rgb(self._size)[None].numpy()]
        if self._rule is not None:
            inputs.append(frame.pixels(self._rule)[None].numpy())
        return Masks(*(torch.from_numpy(value) for value in self._graph(*inputs)))


def _graph(
    content: str,
    shapes: Sequence[tuple[int, ...]],
    module: Callable[[], torch.nn.Module],
    engine: Engine,
    on: torch.device,
) -> Run:
    if engine.name == "openvino":
        return Graph(content, shapes, module, engine.precision)
    from autosam.inference.onnx_encoder import OnnxGraph

    return OnnxGraph(content, shapes, module, on)


class _Whole(torch.nn.Module):
    """A segmenter with its SAM's encoder: (image[, pixels]) -> (logits, dense[, surrogate])."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter.train(False)
        self.sam = segmenter.sam

    def forward(self, image: torch.Tensor, pixels: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        embedding = None if self.sam is None or pixels is None else self.sam.encode(pixels)
        masks = self.segmenter(image, embedding)
        return tuple(part for part in (masks.logits, masks.dense, masks.surrogate) if part is not None)


def frame_size(size: int, rule: PixelRule | None) -> int:
    """Returns the side of the frame that serves g's input and SAM's alike: the larger of them."""
    return max(size, 0 if rule is None else rule.size)
