from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from autosam.inference.graphs import GraphCache
from autosam.inference.openvino_encoder import Graph, convert, openvino


class Precise(nn.Module):
    full_precision = True

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.convolution(x)
        return made


class PreciseConvolution(nn.Conv2d):
    full_precision = True


class Whole(nn.Module):
    """Reaches its first part in two ways, as a graph of a segmenter reaches its SAM."""

    def __init__(self) -> None:
        super().__init__()
        self.known = nn.ModuleDict({"first": Precise()})
        self.first = self.known["first"]
        self.second = nn.Conv2d(4, 4, 1)
        self.third = PreciseConvolution(4, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.third(self.second(self.first(x)))
        return made


def test_a_graph_that_another_process_removes_meanwhile_is_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path))
    real, calls = GraphCache.get, []

    def get(cache: GraphCache, key: str, make: Callable[[Path], object]) -> Path:
        place = real(cache, key, make)
        calls.append(key)
        if len(calls) < 3:
            cache.prune(0)
        return place

    monkeypatch.setattr(GraphCache, "get", get)
    graph = Graph("whole", [(1, 3, 8, 8)], lambda: Whole().eval(), "float32")
    assert graph(np.zeros((1, 3, 8, 8), np.float32))[0].shape == (1, 4, 6, 6)
    assert len(calls) == 4, "converted, removed; converted, compiled, removed; ..."


def test_a_module_that_cannot_be_converted_is_tried_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path))
    tries = []

    def module() -> nn.Module:
        tries.append(1)
        raise RuntimeError("no such operation")

    with pytest.raises(RuntimeError, match="no such operation"):
        Graph("none", [(1, 3, 8, 8)], module, "float32")
    assert len(tries) == 1


def test_a_part_that_asks_for_float32_is_marked_and_no_other(tmp_path: Path) -> None:
    convert(Whole(), [(1, 3, 8, 8)], tmp_path / "graph.xml")
    graph = openvino().Core().read_model(str(tmp_path / "graph.xml"))
    convolutions = {op.get_friendly_name(): op for op in graph.get_ops() if op.get_type_name() == "Convolution"}
    marked = {
        name.split("/")[0]: "DisablePrecisionConversion_0" in list(op.get_rt_info())
        for name, op in convolutions.items()
    }
    assert marked == {"__module.first.convolution": True, "__module.second": False, "__module.third": True}
