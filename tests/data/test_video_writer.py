"""Videos written: every size, the frames' own times, colours as they were."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from autosam.data.video import open_clip
from autosam.data.video_writer import LONGEST_SIDE, VideoWriter

av = pytest.importorskip("av")


def _write(file: Path, pictures: list[np.ndarray], rate: Fraction | None, times: list[float | None]) -> None:
    with file.open("wb") as stream:
        writer = VideoWriter(stream, file, rate)
        for picture, time in zip(pictures, times, strict=True):
            writer.add(picture, time)
        writer.close()


@pytest.mark.parametrize("size", [(48, 64), (47, 63), (1, 1), (3, 200), (LONGEST_SIDE + 100, 40)])
@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_any_size_plays(size: tuple[int, int], encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if encoder == "mpeg4":
        monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    colour = np.array([200, 40, 90], np.uint8)
    file = tmp_path / "a.mp4"
    _write(file, [np.broadcast_to(colour, (*size, 3))] * 4, Fraction(30000, 1001), [None] * 4)
    with open_clip(file) as clip:
        assert clip.rate == Fraction(30000, 1001)
        frames = list(clip)
    assert len(frames) == 4
    picture = frames[2].image
    assert picture is not None
    high, wide = picture.shape[:2]
    assert high % 2 == wide % 2 == 0
    if max(size) <= LONGEST_SIDE:
        assert 0 <= high - size[0] <= 1
        assert 0 <= wide - size[1] <= 1
    else:
        assert high == LONGEST_SIDE
    np.testing.assert_allclose(picture.mean((0, 1)), colour, atol=6)
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(4) * 1.001 / 30, atol=1e-4)


def test_uneven_times_are_kept_and_wrong_ones_mended(tmp_path: Path) -> None:
    times = [2.0, 2.04, 2.5, 2.5, 1.0, 1e12, 9.0]
    _write(tmp_path / "a.mp4", [np.zeros((16, 16, 3), np.uint8)] * len(times), Fraction(10), [*times])
    with open_clip(tmp_path / "a.mp4") as clip:
        found = [frame.time for frame in clip]
    np.testing.assert_allclose(found, [0, 0.04, 0.5, 0.6, 0.7, 0.8, 7], atol=1e-3)


def test_pictures_of_another_size_get_that_of_the_first(tmp_path: Path) -> None:
    pictures = [np.full((20, 30, 3), 90, np.uint8), np.full((61, 17, 3), 90, np.uint8)]
    _write(tmp_path / "a.mp4", pictures, None, [None, None])
    with open_clip(tmp_path / "a.mp4") as clip:
        assert [frame.image.shape for frame in clip if frame.image is not None] == [(20, 30, 3)] * 2
