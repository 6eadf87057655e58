"""What runs a frozen SAM's image encoder, and at which precision."""

from __future__ import annotations

import contextlib
import logging
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

from autosam.core.checks import look_up
from autosam.core.errors import UsageError
from autosam.core.letterbox import PixelRule
from autosam.core.precision import PRECISIONS, computing
from autosam.core.prompt import ImageEmbedding
from autosam.inference.torch_compile import compiled_by_torch
from autosam.models.frozen_sam import FrozenSam

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine at a precision.

    Attributes:
        name: "torch", "openvino", "onnxruntime", or "torch-compile".
        precision: "float32" or "bfloat16".
    """

    name: str
    precision: str

    def __str__(self) -> str:
        return f"{self.name} {self.precision}"


REFERENCE = Engine("torch", "float32")
# In the order in which a self-test tries them; the first is what the others are held against.
ENGINES = (
    REFERENCE,
    Engine("torch", "bfloat16"),
    Engine("openvino", "bfloat16"),
    Engine("openvino", "float32"),
    Engine("onnxruntime", "float32"),
)
ON_REQUEST = (Engine("torch-compile", "float32"), Engine("torch-compile", "bfloat16"))
"""What runs only where it is asked for by name: it compiles before its first image, in every process anew."""


class Encoder(Protocol):
    """An image encoder on an engine.

    Attributes:
        rule: how it wants its pixels.
        engine: what runs it.
        identity: everything that its numbers depend on besides the pixels and `threads`: SAM's weights, the encoder's
            code, engine, version, precision. Part of every key of the embedding cache.
        threads: that work on one image. The last bit of a sum depends on how it is shared out, so that this too is part
            of every key, and of a training's plan.
    """

    rule: PixelRule
    engine: Engine
    identity: str
    threads: int

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """Returns the embedding of (B, 3, S, S) scaled pixels, in float32 on the SAM's device.

        Images are encoded one by one on a CPU, so that an embedding's bits do not depend on its batch. Several threads
        may call it at a time.
        """
        ...


class TorchEncoder:
    """The SAM's own encoder in torch.

    Args:
        sam: the frozen SAM; it is moved to the device.
        device: where it runs.
        engine: "torch" or "torch-compile", in a precision.
        threads: that work on one image on a CPU; torch's own number where None.
    """

    def __init__(
        self, sam: FrozenSam, device: torch.device, engine: Engine = REFERENCE, threads: int | None = None
    ) -> None:
        sam = sam.to(device)
        self._encode = compiled_by_torch(sam.encode) if engine in ON_REQUEST else sam.encode
        self._device = device
        self.rule = sam.rule
        self.engine = engine
        self.threads = threads or torch.get_num_threads()
        self.identity = identity(sam, f"{engine.name} {torch.__version__} {device.type} {engine.precision}")

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """See `Encoder`."""
        if len(pixels) > 1:
            return one_by_one(self, pixels)
        with computing(self.engine.precision, self._device), working(self.threads):
            return self._encode(pixels.to(self._device)).to(self._device, torch.float32)


def one_by_one(encode: Callable[[torch.Tensor], ImageEmbedding], pixels: torch.Tensor) -> ImageEmbedding:
    """Returns the embedding of a batch, each image encoded by itself."""
    single = [encode(one[None]) for one in pixels]
    fine = zip(*(each.fine for each in single), strict=True)
    return ImageEmbedding(torch.cat([each.main for each in single]), tuple(torch.cat(level) for level in fine))


def identity(sam: FrozenSam, engine: str) -> str:
    """Returns the identity of an encoder of `sam` on an engine that `engine` describes to the version."""
    return f"{sam.name} {sam.fingerprint()} code {sam.code_version} {engine}"


def device(name: str = "auto") -> torch.device:
    """Returns the device of a name: auto (CUDA, then Apple's GPU, then the CPU), cpu, cuda, cuda:N, mps.

    Raises:
        UsageError: where there is no such device on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, colon, number = name.partition(":")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    count = look_up(kind, {"cpu": 1, "cuda": torch.cuda.device_count() if cuda else 0, "mps": int(mps)}, "device")
    known = not colon or (re.fullmatch("[0-9]{1,3}", number) is not None and int(number) < count)
    if not count or not known:
        raise UsageError(
            f"no device {name} is usable here", cure="`autosam doctor` lists the devices; --device cpu works everywhere"
        )
    return torch.device(kind, int(number)) if colon else torch.device(kind)


def candidates(engine: str, precision: str, on: torch.device) -> list[Engine]:
    """Returns the engines that a choice leaves, those that cannot run here left out of what "auto" means.

    Args:
        engine: "auto" or the name of one.
        precision: "auto" or one of `PRECISIONS`. For torch "auto" is float32: the reference.
        on: the device; others than the CPU run in torch, compiled or not, and in ONNX Runtime where it is asked for and
            has CUDA.

    Raises:
        UsageError: for an unknown name, or where nothing fits the choice.
    """
    names = dict.fromkeys(["auto", *(each.name for each in (*ENGINES, *ON_REQUEST))])
    look_up(engine, names, "engine")
    look_up(precision, dict.fromkeys(["auto", *PRECISIONS]), "precision")
    if engine.startswith("torch") or (engine == "auto" and on.type != "cpu"):
        name = "torch" if engine == "auto" else engine
        return [Engine(name, "float32" if precision == "auto" else precision)]
    if on.type != "cpu" and (engine, on.type) != ("onnxruntime", "cuda"):
        raise UsageError(f"the engine {engine} runs on the CPU only", cure="Use --device cpu or --engine torch")
    fitting = [each for each in ENGINES if engine in ("auto", each.name) and precision in ("auto", each.precision)]
    if not fitting:
        raise UsageError(f"{engine} does not run in {precision}", cure="Leave --precision away")
    return fitting


def make_encoder(
    sam: FrozenSam,
    engine: str = "auto",
    on: torch.device | None = None,
    precision: str = "auto",
    threads: int | None = None,
    most: float = math.inf,
) -> Encoder:
    """Returns the encoder of a SAM on an engine.

    Args:
        sam: the frozen SAM.
        engine: "torch", "torch-compile", "openvino", "onnxruntime", or "auto": on a CPU the one that a short
            self-test found fastest for this SAM; torch on any other device.
        on: the device; the CPU where None.
        precision: "float32", "bfloat16", or "auto": what the self-test found fastest.
        threads: that work on one image; where None, what the self-test found fastest for many images.
        most: seconds that the self-test may take.

    Raises:
        UsageError: for an unknown engine or precision, or what was asked for by name cannot be used here.
    """
    from autosam.inference.selftest import choose

    on = on or torch.device("cpu")
    fitting = candidates(engine, precision, on)
    if len(fitting) == 1:
        return build_encoder(sam, fitting[0], on, threads)
    found = choose(sam, fitting, most)
    try:
        return build_encoder(sam, found.engine, on, threads or torch.get_num_threads() // found.together)
    except Exception as fault:
        # Conversion fails in as many ways as there are versions; torch gives the same masks, only slower.
        if engine != "auto":
            raise
        log.warning("%s cannot run %s here (%s); using %s", found.engine, sam.name, first_line(fault), fitting[0])
        return build_encoder(sam, fitting[0], on)


def build_encoder(sam: FrozenSam, engine: Engine, on: torch.device, threads: int | None = None) -> Encoder:
    """Returns the encoder of a SAM on one engine; `threads` work on one image, all where None.

    Raises:
        UsageError: where the engine is not installed or does not run in its precision here.
    """
    if engine.name == "openvino":
        from autosam.inference.openvino_encoder import OpenVinoEncoder

        return OpenVinoEncoder(sam, engine.precision, threads)
    if engine.name == "onnxruntime":
        from autosam.inference.onnx_encoder import OnnxEncoder

        return OnnxEncoder(sam, on, threads)
    return TorchEncoder(sam, on, engine, threads)


@contextlib.contextmanager
def working(threads: int) -> Iterator[None]:
    """Lets torch work with so many threads in the calling thread."""
    before = torch.get_num_threads()
    if before == threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def first_line(fault: Exception) -> str:
    """Returns the first line of what a library says of its fault."""
    return (str(fault).splitlines() or [type(fault).__name__])[0]
