"""OpenVINO graphs of torch modules on a CPU, and a SAM's image encoder as one."""

from __future__ import annotations

import hashlib
import platform
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.errors import UsageError
from autosam.core.prompt import ImageEmbedding
from autosam.inference.cpu import cpu_features, cpu_name
from autosam.inference.engine import Engine, identity, one_by_one
from autosam.inference.graphs import GraphCache
from autosam.models.frozen_sam import FrozenSam

_HINT = {"float32": "f32", "bfloat16": "bf16"}
_TRIES = 3
_FIRST = threading.Lock()
_FILE, _COMPILED = "graph.xml", "compiled.blob"
# To keep what a larger graph was compiled to would take its weights' size in memory once more.
_KEPT_BYTES = 512 << 20


def openvino() -> Any:
    """Returns the module openvino.

    With its telemetry package in the way it uses a stub that sends nothing: no network call is made unasked.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino as module

    # OpenVINO makes its table of types when it is first asked. Two threads that both come first can wait for each other
    # forever: one inside without Python's lock, the other at the door with it.
    with _FIRST:
        module.Type.f32.to_dtype()
    return module


def has_bfloat16() -> bool:
    """Says whether OpenVINO multiplies bfloat16 on this CPU in its own instructions."""
    return "BF16" in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class Graph:
    """A torch module of fixed input shapes, compiled for this CPU; any number of threads may call it.

    The converted graph is kept in the cache, where a second start finds it and needs no torch module. So is what it was
    compiled to on this CPU, but for very large graphs: loading that is quicker than compiling.

    Args:
        content: everything that the graph was made of besides the shapes, hashed into its key.
        shapes: of the inputs, all float32.
        module: gives the torch module where the graph must be converted.
        precision: "float32" or "bfloat16".
        streams: how many calls are worked on at a time, each by its share of torch's number of threads.

    Raises:
        UsageError: for bfloat16 on a CPU without it.
    """

    def __init__(
        self,
        content: str,
        shapes: Sequence[tuple[int, ...]],
        module: Callable[[], torch.nn.Module],
        precision: str,
        streams: int = 1,
    ) -> None:
        if precision == "bfloat16" and not has_bfloat16():
            raise UsageError("this CPU has no bfloat16 for OpenVINO", cure="Use --precision float32")
        key, hints = graph_key(content, shapes), hints_of(precision, streams)
        self._compiled = _compiled(key, lambda place: convert(module(), shapes, place / _FILE), hints)
        self._own = threading.local()

    def __call__(self, *inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Returns the outputs, in memory of their own."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        return [value.copy() for value in request.infer(list(inputs), share_inputs=True).to_tuple()]


def hints_of(precision: str, streams: int = 1) -> dict[str, str]:
    """Returns what OpenVINO is told to compile a graph by: its precision, all of torch's threads, so many streams."""
    return {
        "INFERENCE_PRECISION_HINT": _HINT[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
        "NUM_STREAMS": str(streams),
    }


def _compiled(key: str, make: Callable[[Path], object], hints: dict[str, str]) -> Any:
    """Returns the compiled model of a graph's key; `make` fills a folder with the graph where it is not kept."""
    cache, core = GraphCache(), openvino().Core()
    here = [
        key,
        openvino().__version__,
        cpu_name(),
        str(cpu_features()),
        platform.machine(),
        str(sorted(hints.items())),
    ]
    compiled = hashlib.sha256("\n".join(here).encode()).hexdigest()
    tries, found = 0, False
    while True:
        tries += 1
        try:
            if not cache.sound(compiled):
                graph = cache.get(key, make) / _FILE
                found = True
                size = graph.with_suffix(".bin").stat().st_size
                model = core.compile_model(str(graph), "CPU", hints)
                if size > _KEPT_BYTES:
                    return model
                cache.get(compiled, partial(_export, model))
                del model
            # Loaded by the first start too, so that no number depends on whether it was there.
            return core.import_model((cache.folder / compiled / _COMPILED).read_bytes(), "CPU", hints)
        except (FileNotFoundError, RuntimeError) as fault:
            # Another process may have made room in the cache meanwhile; OpenVINO has one kind of fault for everything.
            removed = isinstance(fault, FileNotFoundError) or (found and not cache.sound(key))
            if not removed or tries == _TRIES:
                raise


def _export(model: Any, place: Path) -> None:
    (place / _COMPILED).write_bytes(model.export_model().getbuffer())


def graph_key(content: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """Returns the key of a converted graph."""
    text = f"openvino {openvino().__version__} torch {torch.__version__} {content} {list(shapes)}"
    return hashlib.sha256(text.encode()).hexdigest()


class OpenVinoEncoder:
    """The SAM's encoder as one OpenVINO graph.

    Args:
        sam: the frozen SAM, on the CPU.
        precision: "float32" or "bfloat16".
        threads: that work on one image; all where None.

    Raises:
        UsageError: for bfloat16 on a CPU without it.
    """

    def __init__(self, sam: FrozenSam, precision: str = "float32", threads: int | None = None) -> None:
        size = sam.rule.size
        described = f"{sam.name} {sam.fingerprint()} code {sam.code_version} encoder"
        self.threads = threads or torch.get_num_threads()
        streams = max(1, torch.get_num_threads() // self.threads)
        self._graph = Graph(described, [(1, 3, size, size)], lambda: EncoderGraph(sam), precision, streams)
        self.rule = sam.rule
        self.engine = Engine("openvino", precision)
        self.identity = identity(sam, f"openvino {openvino().__version__} {precision}")

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """See `Encoder`."""
        if len(pixels) > 1:
            return one_by_one(self, pixels)
        return ImageEmbedding(torch.from_numpy(self._graph(pixels.numpy())[0]))


class EncoderGraph(torch.nn.Module):
    """The encoder as a graph of one tensor in and one out."""

    def __init__(self, sam: FrozenSam) -> None:
        super().__init__()
        self.sam = sam

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Returns the embedding (1, C, h, w) of pixels (1, 3, S, S)."""
        return self.sam.encode(pixels).main


def convert(module: torch.nn.Module, shapes: Sequence[tuple[int, ...]], file: Path) -> None:
    """Writes a torch module as a graph of OpenVINO, an .xml and a .bin beside it.

    Args:
        module: tensors in, a tensor or several out; put into eval mode.
        shapes: of its inputs, all float32.
        file: the .xml.
    """
    examples = tuple(torch.zeros(shape) for shape in shapes)
    with warnings.catch_warnings():
        # Shapes are fixed here, so what the tracer takes for constants is constant.
        warnings.simplefilter("ignore")
        # Given the module itself, OpenVINO traces it a way that takes five times as long.
        with torch.no_grad():
            traced = torch.jit.trace(module.eval(), examples, check_trace=False)  # type: ignore[no-untyped-call]
        graph = openvino().convert_model(
            traced, example_input=examples, input=[openvino().PartialShape(list(shape)) for shape in shapes]
        )
    # A part that is reached in two ways is named after either.
    parts = module.named_modules(remove_duplicate=False)
    precise = tuple(f"__module.{name}{end}" for name, part in parts if hasattr(part, "full_precision") for end in "./")
    for node in graph.get_ops():
        if node.get_friendly_name().startswith(precise):
            # What tells the CPU plugin to keep a node in float32 where the rest is in bfloat16.
            node.get_rt_info()["precise_0"] = ""
    openvino().save_model(graph, str(file), compress_to_fp16=False)
