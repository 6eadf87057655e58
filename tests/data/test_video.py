"""Clips read in order and in time; what is cut, damaged or no clip is told."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosam.core.errors import DataError, UsageError
from autosam.data.clips import find_clips
from autosam.data.container import container_of, missing_bytes
from autosam.data.video import ClipFrame, frame_rate, open_clip

Maker = Callable[..., Path]
KINDS = [
    ("a.mp4", "libx264", {"movflags": "faststart"}),
    ("a.mov", "mpeg4", {"movflags": "faststart"}),
    ("a.avi", "mpeg4", {}),
    ("a.mkv", "libx264", {}),
    ("a.webm", "libvpx", {}),
]
COUNT = 30


def _plain(count: int = COUNT, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """Frame t is gray of 8 t, with noise in one half that makes every packet large."""
    pictures = np.empty((count, *size, 3), np.uint8)
    pictures[:] = (8 * np.arange(count))[:, None, None, None]
    pictures[:, size[0] // 2 :] = np.random.default_rng(0).integers(0, 256, (count, size[0] - size[0] // 2, size[1], 3))
    return pictures


def _read(file: Path, rate: Fraction | None = None) -> tuple[list[ClipFrame], str]:
    frames: list[ClipFrame] = []
    try:
        with open_clip(file, rate) as clip:
            frames.extend(clip)
    except DataError as fault:
        return frames, fault.message
    return frames, ""


@pytest.mark.parametrize(("name", "codec", "options"), KINDS)
def test_frames_come_in_order_with_their_times(
    name: str, codec: str, options: dict[str, str], make_clip: Maker, tmp_path: Path
) -> None:
    file = make_clip(tmp_path / name, _plain(), codec=codec, options=options, rate=Fraction(15))
    frames, fault = _read(file)
    assert fault == ""
    assert [frame.number for frame in frames] == list(range(COUNT))
    assert [frame.name for frame in frames][:2] == ["000000", "000001"]
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(COUNT) / 15, atol=1e-3)
    gray = [float(frame.image[4:20].mean()) for frame in frames if frame.image is not None]
    np.testing.assert_allclose(gray, 8 * np.arange(COUNT), atol=4)
    with open_clip(file) as clip:
        assert clip.rate == 15
        assert clip.count in (COUNT, None)


def test_a_lossless_clip_of_an_odd_size_comes_back_to_the_bit(make_clip: Maker, tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (3, 47, 63, 3), dtype=np.uint8)
    frames, fault = _read(make_clip(tmp_path / "a.mkv", pictures, codec="ffv1", pixels="bgr0"))
    assert fault == ""
    assert np.array_equal([frame.image for frame in frames], pictures)


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_turned_clip_is_turned_upright(degrees: int, make_clip: Maker, tmp_path: Path) -> None:
    pictures = np.zeros((2, 48, 64, 3), np.uint8)
    pictures[:, :24, :32] = 255
    frames, _ = _read(make_clip(tmp_path / "a.mp4", pictures, turned=degrees))
    wanted = np.rot90(pictures[0], degrees // 90)
    assert frames[0].image is not None
    assert frames[0].image.shape == wanted.shape
    assert np.abs(frames[0].image.astype(int) - wanted).mean() < 8


@pytest.mark.parametrize(("name", "codec", "options"), KINDS[:4])
def test_of_a_cut_clip_what_is_there_is_read_and_the_rest_told(
    name: str, codec: str, options: dict[str, str], make_clip: Maker, tmp_path: Path
) -> None:
    file = make_clip(tmp_path / name, _plain(), codec=codec, options=options)
    assert missing_bytes(file, container_of(file)) == 0
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 6 // 10])
    assert missing_bytes(file, container_of(file)) > 0
    frames, fault = _read(file)
    assert 5 < len(frames) < COUNT
    assert name in fault
    assert "bytes are missing" in fault
    assert f"{len(frames)} frames were decoded" in fault


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.mp4", "a.mov"])
@pytest.mark.parametrize(("first", "rate"), [(75, Fraction(15)), (0, Fraction(2, 5))])
def test_a_late_beginning_or_a_long_last_frame_is_no_loss(
    name: str, first: int, rate: Fraction, tmp_path: Path
) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream("libvpx" if name == "a.webm" else "libx264", rate=rate)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = 1 / rate
        for number, picture in enumerate(_plain(6)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = first + number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames, fault = _read(tmp_path / name)
    assert fault == ""
    np.testing.assert_allclose(
        [frame.time for frame in frames], [float(t / rate) for t in range(first, first + 6)], atol=1e-3
    )


def test_a_cut_clip_without_its_index_is_told(make_clip: Maker, tmp_path: Path) -> None:
    file = make_clip(tmp_path / "a.mp4", _plain())
    file.write_bytes(file.read_bytes()[:-200])
    frames, fault = _read(file)
    assert frames == []
    assert "bytes are missing" in fault


def test_a_clip_that_loses_its_frames_midway_is_told(make_clip: Maker, tmp_path: Path) -> None:
    file = make_clip(tmp_path / "a.mkv", _plain(80))
    data = bytearray(file.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 400] = bytes(400)
    file.write_bytes(data)
    frames, fault = _read(file)
    assert len([frame for frame in frames if frame.image is not None]) < 80
    assert fault or any(frame.error for frame in frames)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.mp4", b"", "empty"),
        ("a.mp4", b"#EXTM3U\nhttp://example.org/a.ts\n", "this is text"),
        ("a.avi", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "this is text"),
        ("a.mkv", b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image"),
        ("a.mov", bytes(range(256)), "unknown kind"),
        ("a.mp4", b"\x00\x00\x00\x14ftypisom" + bytes(300), "no frame can be decoded"),
    ],
)
def test_what_is_no_clip_is_named(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    frames, fault = _read(file)
    assert frames == []
    assert said in fault
    assert str(file) in fault


def test_a_name_that_looks_like_an_address_is_a_file(
    make_clip: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(tmp_path / "plain.mp4", _plain(2)).rename(tmp_path / "concat:a|b.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(_read(Path("concat:a|b.mp4"))[0]) == 2


def test_frames_too_large_are_refused(make_clip: Maker, tmp_path: Path) -> None:
    file = make_clip(tmp_path / "a.avi", _plain(3), codec="mjpeg", pixels="yuvj420p")
    data = bytearray(file.read_bytes())
    at = -1
    while (at := data.find(b"\xff\xc0\x00\x11\x08", at + 1)) >= 0:
        data[at + 5 : at + 9] = (30_000).to_bytes(2, "big") * 2
    file.write_bytes(data)
    frames, fault = _read(file)
    assert frames == []
    assert fault


def test_a_folder_is_in_natural_order_and_a_bad_frame_keeps_its_place(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "frame3.jpg").write_text("no picture")
    (tmp_path / "notes.txt").write_text("none")
    frames, fault = _read(tmp_path, Fraction(4))
    assert fault == ""
    assert [frame.name for frame in frames] == ["frame1", "frame2", "frame3", "frame10"]
    assert [frame.time for frame in frames] == [0, 0.25, 0.5, 0.75]
    assert [frame.image is None for frame in frames] == [False, False, True, False]
    assert "frame3.jpg" in frames[2].error
    assert [frame.time for frame in _read(tmp_path)[0]] == [None] * 4


def test_clips_are_found_and_named(make_clip: Maker, tmp_path: Path) -> None:
    for name in ("seq2/1.png", "seq10/1.png", "case/images/1.png", "case/masks/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "case" / "b.mp4").touch()
    (tmp_path / "case" / "b.avi").touch()
    found = dict(find_clips([tmp_path, tmp_path / "case" / "b.avi"]))
    assert list(found) == ["case/b.avi", "case/b.mp4", "case/images", "seq2", "seq10"]
    assert list(dict(find_clips([tmp_path / "seq2", tmp_path / "case" / "b.mp4"]))) == ["seq2", "b"]
    (tmp_path / "empty").mkdir()
    for wrong in ("empty", "nowhere"):
        with pytest.raises(DataError, match=wrong):
            find_clips([tmp_path / wrong])


def test_what_a_prediction_wrote_is_no_clip(tmp_path: Path) -> None:
    for name in ("scene/1.png", "out/masks/scene/1.png", "out/overlays/scene.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "out" / "predict.json").write_text('{"card": "1", "model": "2", "threshold": 0.5}')
    assert list(dict(find_clips([tmp_path]))) == ["scene"]


def test_a_rate_that_cannot_be_is_refused() -> None:
    assert frame_rate(None) is None
    assert frame_rate(29.97) == Fraction(2997, 100)
    for wrong in (0, -1, float("nan"), 1e6):
        with pytest.raises(UsageError):
            frame_rate(wrong)
