"""A segmenter in torch: in which precision it is asked, whole and in halves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from autosam.core.letterbox import Letterbox
from autosam.core.precision import DTYPES, PRECISIONS
from autosam.core.prompt import ImageEmbedding
from autosam.inference.halves import TorchHalves
from autosam.inference.masker import TorchMasker
from autosam.models.card import Card
from autosam.models.checkpoint import build
from autosam.models.sam import tiny_sam
from autosam.models.segmenter import Masks

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_embedding_enters_in_the_precision_of_the_products_as_in_training(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam = tiny_sam()
    segmenter = build(Card("tiny-random", sam.fingerprint(), "sam-features", 64, sam.embedding_shape), sam)
    entered = []

    def embed(_: object) -> ImageEmbedding:
        return ImageEmbedding(torch.randn(1, *sam.embedding_shape))

    def noted(image: torch.Tensor, embedding: ImageEmbedding) -> Any:
        entered.append(embedding.main.dtype)
        return torch.zeros(1, *sam.embedding_shape)

    frame = Letterbox(64, 64, 64).frame(np.zeros((64, 64, 3), np.uint8))
    monkeypatch.setattr(segmenter, "prompt", noted)
    whole = TorchMasker(segmenter, embed, CPU, precision)(frame)
    TorchHalves(segmenter, embed, CPU, precision).prompt(frame)
    assert entered == [DTYPES[precision]] * 2
    assert isinstance(whole, Masks) and bool(torch.isfinite(whole.logits).all())
