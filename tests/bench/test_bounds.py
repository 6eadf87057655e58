from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from autosam.models.tiny_vit_blocks import ExactConv2d
from bench import machine, page
from bench.bounds import counted, kind_of, product_pace, softmax_pace
from bench.profile import WORK, Profile, Profiles, keep_profiles, least_seconds, read_profiles
from bench.result import Row, keep


class Parts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 16)
        self.exact = ExactConv2d(3, 4, 1)
        self.rest = nn.Conv2d(4, 4, 3, padding=1, groups=4)

    def forward(self, tokens: torch.Tensor, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        q = self.linear(tokens)[:, None]
        return scaled_dot_product_attention(q, q, q), self.rest(self.exact(image))


def test_a_call_is_counted_by_kind_of_work() -> None:
    products, exact, weighed = counted(Parts().eval(), [torch.rand(1, 64, 8), torch.rand(1, 3, 10, 10)])
    expected = {"linear layers": 64 * 8 * 16, "attention": 2 * 64 * 64 * 16, "convolutions": 100 * (3 * 4 + 9 * 4)}
    assert {kind: round(giga * 1e9) for kind, giga in products.items()} == expected
    assert round(exact * 1e9) == 100 * 3 * 4, "what stays in float32"
    assert round(weighed * 1e9) == 64 * 64


@pytest.mark.parametrize(
    ("node_type", "name", "kind"),
    [
        ("FullyConnected", "layers.0.attn/aten::linear/Add", "linear layers"),
        ("Subgraph", "layers.0.attn/aten::scaled_dot_product_attention/ScaledDotProductAttention", "attention"),
        ("Softmax", "layers.0.attn/aten::softmax/Softmax", "attention"),
        ("Transpose", "layers.0.attn/aten::transpose/Transpose", "moves"),
        ("Convolution", "neck.conv2/aten::_convolution/Convolution", "convolutions"),
        ("GroupConvolution", "conv2/aten::_convolution/GroupConvolution", "depth-wise convolutions"),
        ("Subgraph", "mlp/aten::add/Add", "norms, sums and the rest"),
    ],
)
def test_an_operation_is_of_one_kind(node_type: str, name: str, kind: str) -> None:
    assert kind_of(SimpleNamespace(node_type=node_type, node_name=name)) == kind


def test_paces_are_of_this_machine() -> None:
    assert product_pace(torch.float32) > 0.1
    assert softmax_pace() > 0.001


@pytest.mark.parametrize(("held", "wanted"), [(True, "1.50 s"), (False, "-")])
def test_the_page_holds_a_graph_to_what_its_floor_asks_for(
    held: bool, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "has_floors", lambda: held)
    work = dict.fromkeys(WORK, 0.25)
    graph = Profile("a path", 1.5, work, {"linear layers": 90.0, "convolutions": 20.0}, 10.0, 2.0, "bfloat16")
    paces = {"float32": [40.0, 50.0, 60.0], "bfloat16": [90.0, 100.0, 500.0], "softmax": [1.0, 2.0, 2.5]}
    assert least_seconds(graph, {"float32": 50.0, "bfloat16": 100.0, "softmax": 2.0}) == (0.2 + 1.0, 1.0)
    keep_profiles(Profiles([graph], paces))
    keep("image", [Row("a path", "theirs", "s", [8.0, 9.0, 10.0], [2.0, 3.0, 2.0], 4.0, 6.0)])
    kept = read_profiles(machine.kind())
    assert kept is not None and kept[1] == Profiles([graph], paces)
    page.write()
    text = Path("docs/speed.md").read_text()
    assert "100 (90 to 500) in bfloat16" in text
    assert f"| a path | {wanted} | 1.50 s | 2.20 s: 1.20 + 1.00 | 0.25 s (90 G) | 0.25 s | 0.25 s (20 G) |" in text
