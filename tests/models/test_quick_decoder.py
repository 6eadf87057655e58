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
