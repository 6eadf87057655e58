from __future__ import annotations

import pytest
import torch

from autosam.models import tiny_vit_blocks
from autosam.models.tiny_vit_blocks import HEAD_WIDTH, MLP, Attention, Block, Bottleneck


def test_strips_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 4, 12, 12)
    modules = [
        Bottleneck(4, 8, 4, side=12, residual=True),
        Bottleneck(4, 8, 6, side=12),
        Bottleneck(4, 8, 6, side=12, stride=2),
        MLP(12),
    ]
    for module in modules:
        whole = module(x)
        for most in (1, 400, 700, 1500):
            with monkeypatch.context() as patch:
                patch.setattr(tiny_vit_blocks, "_MOST_HIDDEN", most)
                torch.testing.assert_close(module(x), whole, rtol=1e-5, atol=1e-5)


def test_a_block_keeps_the_shape_of_its_map_and_lets_windows_see_no_more_than_the_convolution_joins() -> None:
    torch.manual_seed(0)
    block = Block(32, 6, 3).eval()
    image = torch.randn(1, 32, 6, 6)
    other = image.clone()
    other[..., 5, 5] = torch.randn(1, 32)
    changed = (block(other) - block(image)).abs().amax(1)[0] > 1e-6
    # The last window reaches from row and column 3 on, and the convolution one pixel further.
    assert changed[2:, 2:].all()
    assert not changed[:2].any() and not changed[:, :2].any()


def test_attention_is_that_of_its_formula_in_every_window() -> None:
    torch.manual_seed(0)
    attention = Attention(64, 4, 2).eval()
    torch.nn.init.normal_(attention.bias)
    tokens = torch.randn(2, 4, 4, 64)
    out = attention(tokens)
    for image in range(2):
        for top in (0, 2):
            for left in (0, 2):
                window = attention.norm(tokens[image, top : top + 2, left : left + 2].reshape(4, 64))
                qkv = attention.qkv(window).view(4, 2, 3, 32)
                heads = []
                for head in range(2):
                    q, k, v = qkv[:, head].unbind(1)
                    heads.append((q @ k.T / 32**0.5 + attention.bias[0, head]).softmax(-1) @ v)
                slow = attention.proj(torch.cat(heads, -1)).view(2, 2, 64)
                fast = out[image, top : top + 2, left : left + 2]
                torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-5)


def test_what_no_residual_corrects_is_float32_under_bfloat16() -> None:
    torch.manual_seed(0)
    block, merge = Block(HEAD_WIDTH, 8, 4), Bottleneck(HEAD_WIDTH, 2 * HEAD_WIDTH, 2 * HEAD_WIDTH, side=8, stride=2)
    image = torch.randn(1, HEAD_WIDTH, 8, 8)
    with torch.no_grad():
        plain = merge(image)
        with torch.autocast("cpu", torch.bfloat16):
            assert merge(image).dtype == torch.float32
            torch.testing.assert_close(merge(image), plain)
            local = block.local_conv(image.to(torch.bfloat16))
        assert local.dtype == torch.float32
        torch.testing.assert_close(local, block.local_conv(image.to(torch.bfloat16).to(torch.float32)))
