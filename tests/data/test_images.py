"""Every encoding of an image or mask reads to the same pixels; every toxic file is refused by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from autosam.core.errors import DataError
from autosam.data.header import PIXEL_LIMIT
from autosam.data.images import content_hash, orientation, pixels_of, read_image, read_mask

RNG = np.random.default_rng(3)
GRAY = RNG.integers(0, 256, (7, 5)).astype(np.uint8)
RGB = RNG.integers(0, 256, (7, 5, 3)).astype(np.uint8)
LABELS = RNG.integers(0, 3, (7, 5)).astype(np.uint8)


def _save(path: Path, array: np.ndarray, mode: str | None = None, **options: Any) -> Path:
    picture = Image.fromarray(array)
    (picture if mode is None else picture.convert(mode)).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.tiff"])
@pytest.mark.parametrize("array", [GRAY, RGB], ids=["gray", "rgb"])
def test_lossless_images_come_back(tmp_path: Path, name: str, array: np.ndarray) -> None:
    np.testing.assert_array_equal(read_image(_save(tmp_path / name, array)), array)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff(tmp_path: Path, compression: str) -> None:
    np.testing.assert_array_equal(read_image(_save(tmp_path / "a.tif", RGB, compression=compression)), RGB)


@pytest.mark.parametrize("shape", [(2, 2, 3), (1, 20000, 3), (1, 1, 3)])
def test_odd_sizes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = RNG.integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(read_image(_save(tmp_path / "a.png", array)), array)


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "P", "LA", "1", "YCbCr"])
def test_colour_modes_are_gray_or_rgb(tmp_path: Path, mode: str) -> None:
    suffix = ".tif" if mode in ("CMYK", "YCbCr") else ".png"
    image = read_image(_save(tmp_path / f"a{suffix}", RGB, mode))
    assert image.dtype == np.uint8
    assert image.shape in ((7, 5), (7, 5, 3))


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I;16B", "I", "F"])
def test_a_picture_in_memory_has_the_pixels_of_its_file(tmp_path: Path, mode: str) -> None:
    deep = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4", "F": "<f4"}
    if mode in deep:
        array = (RNG.integers(0, 60_000, (7, 5)) + 300).astype(deep[mode])
        picture = Image.frombytes(mode, (5, 7), array.tobytes())
    else:
        array = None
        picture = (
            Image.fromarray(RGB).convert("P").convert("PA") if mode == "PA" else Image.fromarray(RGB).convert(mode)
        )
    found = pixels_of(picture)
    assert found.flags.c_contiguous and found.dtype.isnative
    if array is not None:
        np.testing.assert_array_equal(found, array)
    if mode not in ("PA", "I;16B"):
        file = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr", "F", "I") else "a.png")
        picture.save(file)
        with Image.open(file) as opened:
            np.testing.assert_array_equal(pixels_of(opened), read_image(file))
        np.testing.assert_array_equal(found, read_image(file))


def test_a_picture_in_memory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = _save(tmp_path / "cut.png", RGB)
    file.write_bytes(file.read_bytes()[:60])
    with Image.open(file) as picture, pytest.raises(DataError, match=r"cut\.png"):
        pixels_of(picture)
    with pytest.raises(DataError, match="NaN"):
        pixels_of(Image.fromarray(np.full((4, 4), np.nan, np.float32)))


def test_alpha_is_ignored(tmp_path: Path) -> None:
    alpha = RNG.integers(0, 256, (7, 5, 1)).astype(np.uint8)
    file = _save(tmp_path / "a.png", np.concatenate([RGB, alpha], axis=2))
    np.testing.assert_array_equal(read_image(file), RGB)


def test_cmyk_jpeg_and_gif(tmp_path: Path) -> None:
    assert read_image(_save(tmp_path / "a.jpg", RGB, "CMYK")).shape == (7, 5, 3)
    frames = [Image.fromarray(np.full((4, 4), v, np.uint8)) for v in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif").mean() == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    "dtype", [np.uint16, np.int16, np.int32, np.uint32, np.int8, np.float16, np.float32, np.float64]
)
def test_deep_gray_tiff_keeps_its_values(tmp_path: Path, dtype: Any) -> None:
    array = (RNG.random((7, 5)) * 100).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array)
    image = read_image(tmp_path / "a.tif")
    assert image.ndim == 2
    np.testing.assert_allclose(image, array, rtol=1e-3)


def test_deep_gray_png(tmp_path: Path) -> None:
    array = RNG.integers(0, 65536, (7, 5)).astype(np.uint16)
    np.testing.assert_array_equal(read_image(_save(tmp_path / "a.png", array)), array)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), array)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_deep_colour_tiff(tmp_path: Path, planar: str, compression: str | None) -> None:
    deep = RGB.astype(np.uint16) * 257
    stored = deep if planar == "contig" else np.moveaxis(deep, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, compression=compression)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), RGB)


DEEP = ("uint8", "uint16", "int16", "int32", "uint32", "float32")


@pytest.mark.parametrize("dtype", DEEP)
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"bigtiff": True}], ids=["strips", "tiles", "big"])
def test_both_orders_of_bytes_give_the_same_values(
    tmp_path: Path, dtype: str, compression: str | None, layout: dict[str, Any]
) -> None:
    array = (RNG.random((21, 37)) * 250).astype(dtype)
    for order in "<>":
        file = tmp_path / "a.tif"
        tifffile.imwrite(file, array, byteorder=order, compression=compression, metadata=None, **layout)
        np.testing.assert_array_equal(read_image(file), array)
        if dtype != "float32":
            np.testing.assert_array_equal(read_mask(file), array)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_samples_whose_zero_is_white_come_as_stored(tmp_path: Path, dtype: str, order: Any) -> None:
    array = (RNG.random((7, 5)) * 30_000).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite", byteorder=order)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), array)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_deep_cmyk_has_the_colours_of_shallow_cmyk(tmp_path: Path, order: Any, compression: str | None) -> None:
    ink, file = RNG.integers(0, 256, (7, 5, 4)).astype(np.uint8), tmp_path / "a.tif"
    options: Any = {"photometric": "separated", "byteorder": order, "compression": compression, "metadata": None}
    tifffile.imwrite(file, ink, **options)
    shallow = read_image(file)
    tifffile.imwrite(file, ink.astype(np.uint16) * 257, **options)
    np.testing.assert_array_equal(read_image(file), shallow)


def test_colours_that_are_no_rgb_are_refused(tmp_path: Path) -> None:
    planes = RNG.integers(0, 65536, (4, 7, 5)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="separated", planarconfig="separate")
    with pytest.raises(DataError, match=r"a\.tif: its colours \(SEPARATED, 16 bits.*Save it as gray or RGB"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "deep.tif"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_one_rule(tmp_path: Path, name: str, turn: int) -> None:
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :8] = 250
    upright[:8, 8:16] = 120
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    # What shows a file of each orientation upright, by the Exif standard.
    show = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    picture = Image.fromarray(upright)
    stored = picture if turn == 1 else picture.transpose(show[undo[turn]])
    file = tmp_path / name
    if name == "deep.tif":
        tifffile.imwrite(file, np.asarray(stored).astype(np.float64), extratags=[(274, 3, 1, turn, True)])
    else:
        exif = Image.Exif()
        exif[0x0112] = turn
        stored.save(file, exif=exif, **({"quality": 100} if name == "a.jpg" else {}))
    assert orientation(file) == turn
    for read in (read_image, read_mask):
        np.testing.assert_allclose(np.asarray(read(file), float), upright, atol=6)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    _save(tmp_path / "a.png", RGB)
    wrong = (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read_image(wrong), RGB)


def test_masks_of_every_encoding_agree(tmp_path: Path) -> None:
    palette = Image.fromarray(LABELS, "P")
    palette.putpalette([255, 0, 0, 0, 0, 255, 9, 9, 9])
    palette.save(tmp_path / "palette.png")
    palette.save(tmp_path / "two_bits.png", bits=2)
    palette.save(tmp_path / "palette.gif")
    palette.save(tmp_path / "palette.bmp")
    _save(tmp_path / "gray.png", LABELS)
    _save(tmp_path / "deep.png", LABELS.astype(np.uint16))
    _save(tmp_path / "rgb.bmp", np.repeat(LABELS[:, :, None], 3, 2))
    _save(tmp_path / "rgba.png", np.dstack([LABELS, LABELS, LABELS, np.full_like(LABELS, 255)]))
    for dtype in (np.float64, np.float32, np.int32, np.uint64):
        tifffile.imwrite(tmp_path / f"{dtype.__name__}.tif", LABELS.astype(dtype))
    for file in sorted(tmp_path.iterdir()):
        mask = read_mask(file)
        assert mask.dtype.kind in "iu", file
        np.testing.assert_array_equal(mask, LABELS, err_msg=file.name)


def test_a_palette_of_grays_is_read_as_its_indices_only_where_they_rise(tmp_path: Path) -> None:
    rising, file = Image.fromarray(LABELS, "P"), tmp_path / "a.png"
    rising.putpalette([40, 40, 40, 90, 90, 90, 200, 200, 200])
    rising.save(file)
    np.testing.assert_array_equal(read_mask(file), LABELS)
    falling = Image.fromarray(LABELS, "P")
    falling.putpalette([200, 200, 200, 90, 90, 90, 0, 0, 0])
    falling.save(file)
    np.testing.assert_array_equal(read_mask(file), np.array([200, 90, 0])[LABELS])


def _bmp(path: Path, indices: np.ndarray, grays: list[int], bits: int, *, rle: bool, old: bool) -> Path:
    """Writes a BMP of 4 or 8 bits a pixel under a palette of grays."""
    high, wide = indices.shape
    rows = []
    for row in indices[::-1]:
        pairs = np.append(row, [0] * (wide % 2)).reshape(-1, 2)
        packed = row.tobytes() if bits == 8 else (pairs[:, 0] << 4 | pairs[:, 1]).astype(np.uint8).tobytes()
        runs = b"".join(bytes((1, value << (8 - bits))) for value in row.tolist()) + b"\0\0"
        rows.append(runs if rle else packed + b"\0" * (-len(packed) % 4))
    data = b"".join(rows) + (b"\0\1" if rle else b"")
    if old:
        palette = b"".join(bytes([gray] * 3) for gray in grays)
        head = struct.pack("<IHHHH", 12, wide, high, 1, bits)
    else:
        palette = b"".join(bytes([gray] * 3) + b"\0" for gray in grays)
        kind = {4: 2, 8: 1}[bits] if rle else 0
        head = struct.pack("<IiiHHIIiiII", 40, wide, high, 1, bits, kind, len(data), 0, 0, len(grays), 0)
    start = 14 + len(head) + len(palette)
    path.write_bytes(b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + palette + data)
    return path


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("rle", [False, True])
@pytest.mark.parametrize("grays", [[0, 255], [0, 1], [0, 1, 2], list(range(16)), [0, 128, 255]], ids=str)
def test_a_bmp_has_the_bits_that_its_header_says(tmp_path: Path, bits: int, rle: bool, grays: list[int]) -> None:
    indices = RNG.integers(0, len(grays), (9, 13)).astype(np.uint8)
    file = _bmp(tmp_path / "a.bmp", indices, grays, bits, rle=rle, old=False)
    np.testing.assert_array_equal(read_mask(file), indices)
    image = read_image(file)
    np.testing.assert_array_equal(image if image.ndim == 2 else image[:, :, 1], np.array(grays, np.uint8)[indices])


def test_a_bmp_of_an_old_header_has_its_bits_too(tmp_path: Path) -> None:
    indices = RNG.integers(0, 16, (9, 13)).astype(np.uint8)
    file = _bmp(tmp_path / "a.bmp", indices, list(range(16)), 4, rle=False, old=True)
    np.testing.assert_array_equal(read_mask(file), indices)


def test_a_palette_whose_black_is_no_background_is_refused(tmp_path: Path) -> None:
    picture, file = Image.fromarray(LABELS, "P"), tmp_path / "a.png"
    picture.putpalette([255, 0, 0, 0, 0, 0, 0, 0, 255])
    picture.save(file)
    with pytest.raises(DataError, match=r"a\.png: .*palette paints label 0"):
        read_mask(file)


def _gray_png(path: Path, labels: np.ndarray, bits: int) -> Path:
    high, wide = labels.shape
    spread = np.unpackbits(labels[:, :, None], axis=2)[:, :, -bits:].reshape(high, -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in spread)
    return _png(path, wide, high, zlib.compress(rows), bits)


def _png(path: Path, wide: int, high: int, data: bytes, bits: int = 8) -> Path:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", wide, high, bits, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_labels_of_few_bits_are_not_spread(tmp_path: Path, bits: int) -> None:
    labels = np.minimum(LABELS, 2**bits - 1)
    np.testing.assert_array_equal(read_mask(_gray_png(tmp_path / "a.png", labels, bits)), labels)


def test_masks_that_are_not_label_maps(tmp_path: Path) -> None:
    _save(tmp_path / "colour.png", RGB)
    _save(tmp_path / "alpha.png", np.dstack([np.zeros_like(RGB), GRAY]))
    tifffile.imwrite(tmp_path / "fraction.tif", np.full((3, 3), 0.5, np.float32))
    for name, word in (("colour.png", "colour"), ("alpha.png", "alpha"), ("fraction.tif", "fractions")):
        with pytest.raises(DataError, match=word) as caught:
            read_mask(tmp_path / name)
        assert caught.value.file == str(tmp_path / name)
        assert caught.value.cure


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.tif", "lzw.tif"])
def test_cut_files_are_refused(tmp_path: Path, name: str) -> None:
    options = {"compression": "tiff_lzw"} if name == "lzw.tif" else {}
    whole = _save(tmp_path / name, RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8), **options).read_bytes()
    for share in (0.0, 0.001, 0.01, 0.1, 0.5, 0.9):
        cut = tmp_path / f"cut_{name}"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DataError, match=f"cut_{name}"):
            read_image(cut)


def test_cut_deep_tiff_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RNG.random((64, 64)))
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.tif"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "empty"), (b"hello, I am no picture\n", "text"), (b"PK\x03\x04....", "zip"), (b"\x1f\x8b....", "gzip"),
     (b"\x00" * 128 + b"DICM", "DICOM"), (b"\x00\x01\x02" * 9, "unknown")],
)  # fmt: skip
def test_other_files_are_named(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=word) as caught:
        read_image(tmp_path / "a.jpg")
    assert caught.value.cure


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(DataError):
            read_image(path)


def test_bombs_are_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object, **__: object) -> None:
        raise AssertionError("decoding was begun")

    _png(tmp_path / "wide.png", 60000, 60000, zlib.compress(b"\0" * 1000))
    _png(tmp_path / "past_pillow.png", 12000, 15000, zlib.compress(b"\0" * 1000))
    _png(tmp_path / "thin.png", 10000, 10000, zlib.compress(b"\0" * 1000))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(DataError, match="not decoded"):
            read_image(file)
    assert PIXEL_LIMIT < 12000 * 15000


def test_tiff_whose_data_outgrows_its_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.zeros((64, 64)), compression="zlib", rowsperstrip=64)
    bomb = zlib.compress(b"\0" * 5_000_000)
    end = file.stat().st_size
    with tifffile.TiffFile(file, mode="r+") as tiff:
        tags = tiff.pages.first.tags
        tags["StripOffsets"].overwrite([end + 64])
        tags["StripByteCounts"].overwrite([len(bomb)])
    file.write_bytes(file.read_bytes()[:end].ljust(end + 64, b"\0") + bomb)
    with pytest.raises(DataError, match="not decoded"):
        read_image(file)


def test_stacks_are_refused_and_pyramids_read(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((4, 8, 8), np.uint8), photometric="minisblack")
    with pytest.raises(DataError, match="4 pages") as caught:
        read_image(tmp_path / "stack.tif")
    assert "Save each page" in str(caught.value.cure)
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as writer:
        writer.write(GRAY, photometric="minisblack")
        writer.write(GRAY[:3, :2], photometric="minisblack", subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "pyramid.tif"), GRAY)


def test_many_channels_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 6), np.uint8), photometric="minisblack", planarconfig="contig")
    with pytest.raises(DataError, match="6 channels"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_explained(tmp_path: Path, value: float) -> None:
    array = np.zeros((4, 4), np.float32)
    array[1, 1] = value
    tifffile.imwrite(tmp_path / "a.tif", array)
    for read in (read_image, read_mask):
        with pytest.raises(DataError, match="NaN"):
            read(tmp_path / "a.tif")


def test_content_hash_sees_values_shape_and_type() -> None:
    base = content_hash(RGB)
    assert base == content_hash(np.asfortranarray(RGB)) == content_hash(RGB[::-1][::-1])
    assert content_hash(GRAY.astype(">u2")) == content_hash(GRAY.astype("<u2"))
    changed = RGB.copy()
    changed[0, 0, 0] ^= 1
    others = {content_hash(array) for array in (changed, RGB.reshape(5, 7, 3), RGB.astype(np.int16))}
    assert len(others | {base}) == 4
