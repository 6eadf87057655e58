from __future__ import annotations

import pytest
import torch

from autosam.models.frozen_sam import load_sam
from autosam.models.tensors import load_tensors
from autosam.models.tiny_vit_weights import tiny_vit_shape
from autosam.models.weights import installed
from bench.plain_tiny_vit import PlainTinyViT


def test_plain_torch_makes_our_embedding() -> None:
    file = installed("litemedsam")
    if file is None:
        pytest.skip("needs the weights: autosam fetch litemedsam")
    tensors = load_tensors(file)
    pixels = torch.rand(1, 3, 256, 256)
    embedding = PlainTinyViT(tiny_vit_shape(tensors), tensors)(pixels)
    torch.testing.assert_close(embedding, load_sam("litemedsam").encode(pixels).main, rtol=1e-4, atol=1e-4)
