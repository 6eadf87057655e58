"""The image encoder beside transformers' own, on the same tensors."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers.models.sam.configuration_sam import SamVisionConfig
from transformers.models.sam.modeling_sam import SamVisionEncoder

from autosam.models.relative_attention import attend, attend_in_pieces
from autosam.models.sam_names import SamShape
from autosam.models.vit import VisionTransformer

SHAPES = {
    "windows that need padding": SamShape(64, 8, 32, 2, 2, 64, 3, (1,), 32, 64),
    "windows that fit": SamShape(64, 8, 24, 3, 3, 48, 4, (0, 2), 16, 64),
    "a window larger than the grid": SamShape(48, 8, 32, 2, 4, 64, 14, (1,), 32, 64),
    "no windows": SamShape(80, 16, 16, 2, 1, 32, 5, (0, 1), 8, 64),
}


def theirs(shape: SamShape, attention: str = "eager") -> SamVisionEncoder:
    config = SamVisionConfig(
        image_size=shape.image_size,
        patch_size=shape.patch_size,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        mlp_dim=shape.mlp_dim,
        window_size=shape.window_size,
        global_attn_indexes=list(shape.global_attn_indexes),
        output_channels=shape.prompt_width,
        num_pos_feats=shape.prompt_width // 2,
    )
    config._attn_implementation = attention
    return SamVisionEncoder(config).eval()


def pair(shape: SamShape) -> tuple[VisionTransformer, SamVisionEncoder, torch.Tensor]:
    reference, ours = theirs(shape), VisionTransformer(shape).eval()
    # Positions and norms start at zero and one in both: only drawn weights tell the formulas apart.
    drawn = {name: 0.3 * torch.randn_like(value) for name, value in reference.state_dict().items()}
    reference.load_state_dict(drawn)
    ours.load_state_dict(drawn)
    return ours, reference, torch.randn(2, 3, shape.image_size, shape.image_size)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_it_is_transformers_own_on_the_same_tensors(shape: SamShape) -> None:
    ours, reference, pixels = pair(shape)
    with torch.no_grad():
        expected = reference(pixels).last_hidden_state
        torch.testing.assert_close(ours(pixels), expected, rtol=1e-4, atol=1e-4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            traced = torch.jit.trace(ours, pixels, check_trace=False)
        torch.testing.assert_close(traced(pixels), expected, rtol=1e-4, atol=1e-4)


def test_a_gradient_reaches_the_pixels_and_the_weights() -> None:
    ours, reference, pixels = pair(SHAPES["windows that need padding"])
    first, second = pixels.clone().requires_grad_(), pixels.clone().requires_grad_()
    ours(first).square().sum().backward()
    reference(second).last_hidden_state.square().sum().backward()
    assert first.grad is not None and second.grad is not None
    scale = float(second.grad.abs().max())
    torch.testing.assert_close(first.grad / scale, second.grad / scale, rtol=1e-3, atol=1e-5)
    expected = dict(reference.named_parameters())
    for name, parameter in ours.named_parameters():
        wanted = expected[name].grad
        assert parameter.grad is not None and wanted is not None
        scale = float(wanted.abs().max())
        torch.testing.assert_close(parameter.grad / scale, wanted / scale, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("piece_bytes", [1, 2000, 30_000, 1 << 24])
def test_pieces_of_any_size_are_the_whole(piece_bytes: int) -> None:
    side, shape = 6, (3, 2, 36, 8)
    q, k, v = (torch.randn(shape) for _ in range(3))
    down, across = torch.randn(3, 2, 36, side), torch.randn(3, 2, 36, side)
    bias = (down[..., :, None] + across[..., None, :]).flatten(3)
    written_out = (q @ k.transpose(-1, -2) / 8**0.5 + bias).softmax(-1) @ v
    torch.testing.assert_close(attend(q, k, v, down, across), written_out)
    torch.testing.assert_close(attend_in_pieces(q, k, v, down, across, piece_bytes), written_out)
    for one in (down, across):
        one.requires_grad_()
    trained = attend_in_pieces(q, k, v, down, across, piece_bytes)
    torch.testing.assert_close(trained, written_out)
    wanted = torch.autograd.grad(attend(q, k, v, down, across).square().sum(), (down, across))
    torch.testing.assert_close(torch.autograd.grad(trained.square().sum(), (down, across)), wanted)
    with torch.no_grad():
        torch.testing.assert_close(attend_in_pieces(q, k, v, down, across, piece_bytes), written_out)


class Largest(TorchDispatchMode):
    """Notes the elements of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else [made]:
            if isinstance(one, torch.Tensor):
                self.elements = max(self.elements, one.untyped_storage().nbytes() // one.element_size())
        return made


def test_no_tensor_holds_a_value_for_every_pair_of_positions() -> None:
    shape = SamShape(512, 8, 16, 1, 2, 32, 14, (0,), 8, 64)
    pairs = shape.num_attention_heads * 64**4
    ours, pixels = VisionTransformer(shape), torch.randn(1, 3, 512, 512)
    with torch.no_grad(), Largest() as largest:
        ours(pixels)
    assert 64**2 * 16 <= largest.elements <= pairs // 5
