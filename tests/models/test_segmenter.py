"""AutoSAM's own segmenter."""

from __future__ import annotations

import pytest
import torch

from autosam.core.prompt import ImageEmbedding
from autosam.models.prompt_encoder import build_prompt_encoder
from autosam.models.sam import tiny_sam
from autosam.models.segmenter import SamSegmenter
from autosam.models.surrogate import Surrogate


@pytest.mark.parametrize(("images", "inspected"), [(1, 1), (2, 1), (4, 2), (5, 3)])
def test_in_training_h_sees_half_of_a_batch_and_g_all_of_it(images: int, inspected: int) -> None:
    sam = tiny_sam()
    g = build_prompt_encoder("sam-features", embedding_shape=sam.embedding_shape, size=32)
    segmenter = SamSegmenter(sam, g, Surrogate(sam.embedding_shape[0]))
    image, embedding = torch.rand(images, 3, 32, 32), ImageEmbedding(torch.randn(images, *sam.embedding_shape))
    seen = {}
    for training in (True, False):
        segmenter.parts.train(training)
        seen[training] = segmenter(image, embedding)
        assert len(seen[training].logits) == images
    half, whole = seen[True].surrogate, seen[False].surrogate
    assert half is not None and whole is not None
    assert len(whole) == images
    torch.testing.assert_close(half, whole[:inspected])
