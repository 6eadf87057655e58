from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from autosam.core.errors import DataError

Load = Callable[[str], ModuleType]
SHAPE = (20, 30, 60)


@pytest.fixture
def template(tmp_path: Path, example: Load) -> Path:
    """A head in a box: gray everywhere, a white nose at the front, a spot at its right, white matter in the middle."""
    prepare = example("mni152/prepare.py")
    image = np.full(SHAPE, 40, np.uint8)
    image[9:11, -2:] = 255
    image[-1, 15] = 200
    white = np.zeros(SHAPE, np.uint8)
    white[5:15, 10:20, 5:50] = 255
    for name, volume in ((prepare.T1, image), (prepare.WHITE_MATTER, white)):
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / name)
    return tmp_path


def test_slices_are_upright_and_radiological(template: Path, tmp_path: Path, example: Load) -> None:
    prepare = example("mni152/prepare.py")
    count = prepare.prepare(template, tmp_path / "out")
    assert set(count) == {"train", "test"} and min(count.values()) > 0
    for part, number in count.items():
        files = sorted((tmp_path / "out" / part / "images").iterdir())
        assert len(files) == number
        for file in files:
            picture = np.asarray(Image.open(file))
            mask = np.asarray(Image.open(file.parents[1] / "masks" / file.name))
            assert picture.shape == mask.shape == (30, 20)
            assert (picture[:2, 9:11] == 255).all(), "the face is at the top"
            assert picture[14, 0] == 200, "the right side of the body is at the left"
            assert set(np.unique(mask)) == {0, 255} and (mask[10:20, 5:15] == 255).all()


def test_a_flipped_file_gives_the_same_slices(template: Path, tmp_path: Path, example: Load) -> None:
    prepare = example("mni152/prepare.py")
    straight = prepare.read(template / prepare.T1)
    flipped = nibabel.Nifti1Image(straight[::-1, :, ::-1], np.diag([-1.0, 1, -1, 1]))
    nibabel.save(flipped, tmp_path / "flipped.nii.gz")
    np.testing.assert_array_equal(prepare.read(tmp_path / "flipped.nii.gz"), straight)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 50), count=st.integers(1, 200), length=st.integers(1, 20), gap=st.integers(1, 10))
def test_blocks_never_touch(example: Load, start: int, count: int, length: int, gap: int) -> None:
    found = example("mni152/prepare.py").blocks(range(start, start + count), length=length, gap=gap)
    assert len({block.name for block in found}) == len(found)
    assert all(start <= block.slices.start < block.slices.stop <= start + count for block in found)
    for before, after in pairwise(found):
        assert after.slices.start - before.slices.stop >= gap
        assert not (before.part == after.part == "test")


def test_a_missing_template_names_the_cure(tmp_path: Path, example: Load) -> None:
    with pytest.raises(DataError, match="autosam fetch demo-data"):
        example("mni152/prepare.py").prepare(tmp_path, tmp_path / "out")
