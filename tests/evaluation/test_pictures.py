from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from autosam.evaluation.pictures import SIDE, outlined, photograph


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 200), (1000, 900)])
def test_the_busiest_image_is_drawn(size: tuple[int, int]) -> None:
    # Noise is as long as its pixels, or longer, as a JPEG.
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*size, 3), np.uint8)
    mask, truth = rng.random((2, *size)) < 0.5
    for picture in (photograph("noise", rgb), outlined("noise", rgb, mask, truth)):
        shown = Image.open(BytesIO(picture.data))
        assert shown.format == "JPEG"
        assert shown.size == (picture.width, picture.height)
        assert max(shown.size) == min(SIDE, max(size))
        assert np.asarray(shown).shape == (picture.height, picture.width, 3)
