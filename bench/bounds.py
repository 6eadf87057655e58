"""What bounds a new image: a graph's time by kind of work, and its products beside what the machine multiplies.

    python -m bench.bounds [--sam sam-vit-base] [--size 512] [--calls 7]

OpenVINO's own times of the operations of four graphs: HarDNet-85 and the light g with SAM, the surrogate decoder
without it, and the light g with LiteMedSAM. After each call a product of two large matrices, in either precision, and
a softmax are timed, because what a machine does in a second changes with what else runs on it. Four minutes on two
cores.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

import autosam
from autosam.core.precision import DTYPES
from autosam.inference.masker import TorchMasker
from autosam.inference.openvino_encoder import convert, has_bfloat16, hints_of, openvino
from autosam.inference.traced import Whole
from autosam.models.segmenter import Segmenter
from bench.image import LIGHT, PAPER, SURROGATE, masker, path_of
from bench.lite import AUTO_OVER_PLAIN
from bench.made import any_sam, make_run
from bench.profile import SOFTMAX, WORK, Profile, Profiles, keep_profiles, least_seconds

ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_SIDE = 4096
# What a core's cache holds, and often enough to be timed.
_ROWS, _TIMES = 128, 100
_LINEAR, _ATTENTION, _CONVOLUTIONS, _DEPTH_WISE, _MOVES, _REST = WORK
_BY_TYPE = {
    **dict.fromkeys(("FullyConnected", "MatMul"), _LINEAR),
    **dict.fromkeys(("Convolution", "ConvolutionBackpropData", "Deconvolution"), _CONVOLUTIONS),
    "GroupConvolution": _DEPTH_WISE,
    **dict.fromkeys(
        ("Transpose", "Reorder", "Concat", "Pad", "Slice", "StridedSlice", "Split", "VariadicSplit"), _MOVES
    ),
}
_BY_OPERATION = {
    **dict.fromkeys((torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm), _LINEAR),
    ATTENTION: _ATTENTION,
    torch.ops.aten.convolution: _CONVOLUTIONS,
}


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="sam-vit-base")
    parser.add_argument("--size", type=int, default=512, help="side of g's input")
    parser.add_argument("--calls", type=int, default=7)
    given = parser.parse_args()
    precision = "bfloat16" if has_bfloat16() else "float32"
    paces: dict[str, list[float]] = {of: [] for of in dict.fromkeys(("float32", precision, SOFTMAX))}
    graphs = []
    for path, sam, g, size, decoder in (
        (path_of(PAPER, given.size, given.sam), given.sam, "hardnet85", given.size, "sam"),
        (path_of(LIGHT, given.size, given.sam), given.sam, "sam-features", given.size, "sam"),
        (path_of(SURROGATE, given.size, given.sam), given.sam, "hardnet85", given.size, "surrogate"),
        (AUTO_OVER_PLAIN, "litemedsam", "sam-features", None, "sam"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            graphs.append(measure(path, drawn(sam, g, size, decoder, Path(folder)), precision, given.calls, paces))
    keep_profiles(Profiles(graphs, paces))


def drawn(name: str, g: str, size: int | None, decoder: str, folder: Path) -> Segmenter:
    """Returns a segmenter whose g and h are drawn."""
    sam, source, _ = any_sam(name)
    model = autosam.load(make_run(sam, g, folder, size), sam=source, engine="torch", decoder=decoder)
    made = masker(model)
    assert isinstance(made, TorchMasker)
    return made.segmenter


def measure(path: str, segmenter: Segmenter, precision: str, calls: int, paces: dict[str, list[float]]) -> Profile:
    """Returns the profile of a segmenter as one graph of OpenVINO, and adds to the machine's paces."""
    rule, size, whole = (None if segmenter.sam is None else segmenter.sam.rule), segmenter.size, Whole(segmenter)
    shapes = [(1, 3, size, size)] + ([] if rule is None else [(1, 3, rule.size, rule.size)])
    inputs = [torch.rand(shape, generator=torch.Generator().manual_seed(0)) for shape in shapes]
    products, exact, weighed = counted(whole, inputs)
    seconds: list[float] = []
    operations: dict[tuple[str, str], list[float]] = defaultdict(list)
    call, made = compiled(whole, shapes, precision)
    for number in range(calls + 1):
        started = time.perf_counter()
        call([one.numpy() for one in inputs])
        taken = time.perf_counter() - started
        for of, pace in paces.items():
            pace.append(softmax_pace() if of == SOFTMAX else product_pace(DTYPES[of]))
        if number > 0:
            seconds.append(taken)
            for operation in made():
                operations[operation.node_name, kind_of(operation)].append(operation.real_time.total_seconds())
    work = dict.fromkeys(WORK, 0.0)
    for (_, kind), times in operations.items():
        work[kind] += statistics.median(times)
    found = Profile(path, statistics.median(seconds), work, products, exact, weighed, precision)
    least = least_seconds(found, {of: statistics.median(pace) for of, pace in paces.items()})
    shares = ", ".join(f"{kind} {part:.3f} s" for kind, part in work.items())
    print(
        f"{path}: {found.seconds:.3f} s, its products alone {least[0]:.3f} s, its softmaxes {least[1]:.3f} s; {shares}",
        flush=True,
    )
    return found


def compiled(
    whole: torch.nn.Module, shapes: Sequence[tuple[int, ...]], precision: str
) -> tuple[Callable[[list[npt.NDArray[np.float32]]], object], Callable[[], list[Any]]]:
    """Returns what calls a module as a graph on all threads, and what gives the times of its last call's operations."""
    hints = {**hints_of(precision), "PERF_COUNT": "YES"}
    with tempfile.TemporaryDirectory() as folder:
        convert(whole, shapes, Path(folder) / "graph.xml")
        request = openvino().Core().compile_model(str(Path(folder) / "graph.xml"), "CPU", hints).create_infer_request()
    return (lambda inputs: request.infer(inputs, share_inputs=True)), (lambda: request.profiling_info)


def kind_of(operation: Any) -> str:
    """Returns the kind of work that OpenVINO's operation is."""
    kind = _BY_TYPE.get(operation.node_type, _REST)
    attends = "scaled_dot_product_attention" in operation.node_name or ".attn/" in operation.node_name
    return _ATTENTION if attends and kind == _REST else kind


def counted(whole: torch.nn.Module, inputs: list[torch.Tensor]) -> tuple[dict[str, float], float, float]:
    """Returns what a call computes.

    Returns:
        G multiply-adds by kind of work; how many of all are in parts that stay in float32; and the G scores that
        attention weighs.
    """
    scores: list[int] = []

    def attention(q: torch.Size, k: torch.Size, v: torch.Size, *_: object, **__: object) -> int:
        # Torch counts this operation on a GPU alone.
        scores.append(math.prod(q[:-1]) * k[-2])
        return int(sdpa_flop_count(q, k, v))  # type: ignore[no-untyped-call]

    counting = FlopCounterMode(display=False, custom_mapping={ATTENTION: attention})
    with torch.inference_mode(), counting as counter:
        whole(*inputs)
    by_part = counter.get_flop_counts()
    products: dict[str, float] = defaultdict(float)
    for operation, count in by_part["Global"].items():
        products[_BY_OPERATION[operation]] += count / 2e9
    exact = {name for name, part in whole.named_modules() if hasattr(part, "full_precision")}
    outermost = [name for name in exact if not any(name.startswith(f"{other}.") for other in exact)]
    root = type(whole).__name__
    in_float32 = sum(sum(by_part[f"{root}.{name}"].values()) for name in outermost) / 2e9
    return dict(products), in_float32, sum(scores) / 1e9


def product_pace(dtype: torch.dtype) -> float:
    """Returns how many G multiply-adds a second torch's product of two large matrices has now."""
    a, b = (torch.rand(_SIDE, _SIDE).to(dtype) for _ in range(2))
    started = time.perf_counter()
    a @ b
    return _SIDE**3 / (time.perf_counter() - started) / 1e9


def softmax_pace() -> float:
    """Returns how many G values a second torch's softmax has now."""
    values = torch.rand(_ROWS, _SIDE)
    out = torch.empty_like(values)
    started = time.perf_counter()
    for _ in range(_TIMES):
        torch.softmax(values, -1, out=out)
    return _TIMES * values.numel() / (time.perf_counter() - started) / 1e9


if __name__ == "__main__":
    main()
