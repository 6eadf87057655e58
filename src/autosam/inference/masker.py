"""A frame in, mask logits out, on one engine or another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import torch

from autosam.core.letterbox import Frame, PixelRule
from autosam.core.precision import DTYPES, computing
from autosam.core.probability import Mapping
from autosam.core.prompt import ImageEmbedding
from autosam.inference.compiled import compiled, described
from autosam.inference.engine import Engine
from autosam.inference.halves import GraphHalves, Halves, TorchHalves
from autosam.inference.torch_compile import compiled_by_torch
from autosam.inference.traced import Whole, graph_inputs
from autosam.models.segmenter import Masks, Segmenter


class Masker(Protocol):
    """What a prediction needs of a model.

    Attributes:
        frame_size: side of the frame that serves the SAM and g alike: the larger of their inputs.
        mapping: how its logits become a probability.
        engine: what runs it: name, version, precision and device, and on a CPU the threads, among which sums are shared
            out.
    """

    frame_size: int
    mapping: Mapping
    engine: str

    def __call__(self, frame: Frame) -> Masks:
        """Returns the masks (1, 1, h, w) of one frame."""
        ...


@runtime_checkable
class Divisible(Protocol):
    """A masker whose model has a dense prompt."""

    def apart(self) -> Halves:
        """Returns the same model with what makes the dense prompt apart from what answers it.

        Raises:
            UsageError: where the model has no dense prompt.
        """
        ...


@runtime_checkable
class Shareable(Protocol):
    """A masker that can be made for several threads.

    Attributes:
        together: how many images at a time this machine does no slower than one after the other.
    """

    together: int

    def shared(self) -> Masker:
        """Returns the same model for `together` threads at a time, each image by its share of the cores."""
        ...


class TorchMasker:
    """A segmenter in torch, on the embedding that some engine made.

    Args:
        segmenter: what makes the logits; put into eval mode by every call.
        embed: gives a frame's embedding; None where the segmenter needs none.
        device: where g, h and the mask decoder run.
        precision: theirs.
        compiles: whether torch compiles them.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        embed: Callable[[Frame], ImageEmbedding] | None,
        device: torch.device,
        precision: str = "float32",
        *,
        compiles: bool = False,
    ) -> None:
        self.segmenter = segmenter
        self._masks = compiled_by_torch(segmenter) if compiles else segmenter
        self.embed = embed
        self.device = device
        self.precision = precision
        self.frame_size = frame_size(segmenter.size, None if segmenter.sam is None else segmenter.sam.rule)
        self.mapping = segmenter.mapping
        name = "torch-compile" if compiles else "torch"
        self.engine = f"{name} {torch.__version__} {precision}, {_place(device)}"

    def __call__(self, frame: Frame) -> Masks:
        """See `Masker`."""
        return self.decode(frame, self.encode(frame))

    @torch.inference_mode()
    def encode(self, frame: Frame) -> ImageEmbedding | None:
        """Returns a frame's embedding; None where the segmenter needs none."""
        return None if self.embed is None else self.embed(frame).to(self.device, DTYPES[self.precision])

    @torch.inference_mode()
    def decode(self, frame: Frame, embedding: ImageEmbedding | None) -> Masks:
        """Returns the masks (1, 1, h, w) of a frame and its embedding: g's prompt, and what the decoder makes of it."""
        self.segmenter.train(False)
        with computing(self.precision, self.device):
            seen = frame.seen(self.segmenter.size, self.segmenter.rule)[None]
            return self._masks(seen.to(self.device), embedding)

    def apart(self) -> Halves:
        """See `Divisible`."""
        return TorchHalves(self.segmenter, self.embed, self.device, self.precision)


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
        own: the segmenter's own rule for the pixels of its image.
        together: see `Shareable`.
        streams: how many calls are worked on at a time.
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
        own: PixelRule | None = None,
        together: int = 1,
        streams: int = 1,
    ) -> None:
        shapes = [(1, 3, size, size)] + ([] if rule is None else [(1, 3, rule.size, rule.size)])
        self._graph = compiled(f"{content} whole 1", shapes, lambda: Whole(segmenter()), engine, on, streams)
        self.together = together
        self._shared = partial(
            GraphMasker, content, segmenter,
            size=size, rule=rule, mapping=mapping, engine=engine, on=on, own=own, together=together, streams=together,
        )  # fmt: skip
        self._halves = partial(GraphHalves, content, segmenter, size=size, rule=rule, engine=engine, on=on)
        self.precision = engine.precision
        self.engine = f"{described(engine, on)}, {_place(on)}" + (f", {streams} at a time" if streams > 1 else "")
        self._size, self._rule, self._own = size, rule, own
        self.frame_size = frame_size(size, rule)
        self.mapping = mapping

    def __call__(self, frame: Frame) -> Masks:
        """See `Masker`."""
        inputs = graph_inputs(frame, self._size, self._rule, self._own)
        return Masks(*(torch.from_numpy(value) for value in self._graph(*inputs)))

    def apart(self) -> Halves:
        """See `Divisible`."""
        return self._halves()

    def shared(self) -> Masker:
        """See `Shareable`."""
        return self._shared()


def _place(on: torch.device) -> str:
    return f"cpu, {torch.get_num_threads()} threads" if on.type == "cpu" else on.type


def frame_size(size: int, rule: PixelRule | None) -> int:
    """Returns the side of the frame that serves g's input and SAM's alike: the larger of them."""
    return max(size, 0 if rule is None else rule.size)
