"""The reordered decoder against transformers' own, value and gradient."""

from __future__ import annotations

import pytest
import torch

from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.sam import tiny_sam


@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_transformers_decoder_to_rounding(batch: int) -> None:
    sam = tiny_sam()
    shape = (batch, *sam.embedding_shape)
    embedding, weight = ImageEmbedding(torch.randn(shape)), torch.randn(batch, 1, 4 * shape[2], 4 * shape[3])
    dense = torch.randn(shape)
    quick, plain = dense.clone().requires_grad_(), dense.clone().requires_grad_()
    logits = sam.decode(embedding, Prompt(quick))
    wanted = sam.decode_with_quality(embedding, Prompt(plain))[0]
    torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-4)
    (logits * weight).sum().backward()
    (wanted * weight).sum().backward()
    torch.testing.assert_close(quick.grad, plain.grad, rtol=1e-3, atol=1e-4)


def test_in_bfloat16_the_positions_stay_in_it_and_the_gradient_keeps_its_direction() -> None:
    sam = tiny_sam()
    shape = (2, *sam.embedding_shape)
    embedding, weight = ImageEmbedding(torch.randn(shape)), torch.randn(2, 1, 4 * shape[2], 4 * shape[3])
    dense = torch.randn(shape)
    exact, rounded = dense.clone().requires_grad_(), dense.clone().requires_grad_()
    (sam.decode(embedding, Prompt(exact)) * weight).sum().backward()
    with torch.autocast("cpu", torch.bfloat16):
        logits = sam.decode(embedding.last(torch.device("cpu"), torch.bfloat16), Prompt(rounded.to(torch.bfloat16)))
    assert logits.dtype == torch.bfloat16
    (logits.float() * weight).sum().backward()
    assert exact.grad is not None
    assert rounded.grad is not None
    assert torch.cosine_similarity(exact.grad.flatten(), rounded.grad.flatten(), 0) > 0.99
