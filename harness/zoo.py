"""The toxic files: decompression bombs, damaged files, strangers, code in place of weights."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

MEBI = 1 << 20


def bombs() -> dict[str, bytes]:
    """Returns images by file name that are small on disk and would be enormous in memory."""
    dots, zeros = zlib.compress(bytes(8 * 9)), zlib.compress(bytes(200 * MEBI))
    bitmap = struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 1 << 16, 1 << 16, 1, 24, 0, 0, 0, 0, 0, 0)
    return {
        "claim.png": _png(60000, 60000, zlib.compress(b"\0")),
        "text.png": _png(8, 8, dots, (b"zTXt", b"Comment\0\0" + zeros)),
        "profile.png": _png(8, 8, dots, (b"iCCP", b"p\0\0" + zeros)),
        "claim.bmp": b"BM" + bitmap,
        "claim.gif": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
        + b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x4c\x01\x00;",
        "claim.jpg": _jpeg_of_size(65500, 65500),
        "claim.tif": _tiff(60000, 60000, 8, 1, 1, b"\0" * 64),
        "strips.tif": _tiff(64, 64, 16, 3, 8, zlib.compress(bytes(400 * MEBI))),
        "loop.tif": _tiff(8, 8, 8, 1, 1, bytes(64), loop=True),
        "tags.tif": _tiff(8, 8, 8, 1, 1, bytes(64), count=1 << 30),
        "zip.png": _zip_bomb(),
    }  # fmt: skip


def damaged(rng: random.Random) -> dict[str, bytes]:
    """Returns files by name that are cut, empty, or not what their names say."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    files = {
        "empty.png": b"",
        "text.jpg": b"This is no picture.\n" * 20,
        "webp.png": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(24),
        "scan.tif": bytes(128) + b"DICM" + bytes(200),
        "array.png": b"\x93NUMPY\x01\0" + bytes(120),
        "volume.png": b"\x1f\x8b\x08\0" + bytes(60),
        "signature.png": b"\x89PNG\r\n\x1a\n",
    }
    for name, kind in (
        ("cut.png", "PNG"),
        ("cut.jpg", "JPEG"),
        ("cut.tif", "TIFF"),
        ("cut.gif", "GIF"),
        ("cut.bmp", "BMP"),
    ):
        whole = encoded(pixels, kind)
        files[name] = whole[: rng.randrange(8, len(whole) * 3 // 4)]
    return files  # fmt: skip


def sound() -> dict[str, tuple[bytes, tuple[int, int]]]:
    """Returns unusual images by name that must be predicted, each with the height and width of its mask."""
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (21, 34, 3), dtype=np.uint8)
    deep = rng.integers(0, 65536, (21, 34), dtype=np.uint16)
    return {
        "dot.png": (encoded(rgb[:2, :2], "PNG"), (2, 2)),
        "one.png": (encoded(rgb[:1, :1], "PNG"), (1, 1)),
        "line.png": (encoded(np.tile(rgb[:1], (1, 589, 1))[:, :20000], "PNG"), (1, 20000)),
        "cmyk.jpg": (encoded(rgb, "JPEG", "CMYK"), (21, 34)),
        "gray.png": (encoded(rgb[..., 0], "PNG"), (21, 34)),
        "deep.png": (encoded(deep, "PNG"), (21, 34)),
        "deep.tif": (encoded(deep, "TIFF"), (21, 34)),
        "floats.tif": (encoded(deep.astype(np.float32) / 7, "TIFF"), (21, 34)),
        "palette.gif": (encoded(rgb, "GIF"), (21, 34)),
        "alpha.png": (encoded(np.dstack([rgb, rgb[..., :1]]), "PNG"), (21, 34)),
        "black.png": (encoded(rgb * 0, "PNG"), (21, 34)),
        "jpeg.png": (encoded(rgb, "JPEG"), (21, 34)),
    }


def encoded(pixels: np.ndarray, kind: str, mode: str | None = None, **options: object) -> bytes:
    """Returns pixels as a file's bytes."""
    picture, stream = Image.fromarray(pixels), io.BytesIO()
    (picture if mode is None else picture.convert(mode)).save(stream, kind, **options)
    return stream.getvalue()


class Trap:
    """Pickled code: unpickling it makes a file."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.sentinel),)


def pickles(sentinel: Path) -> dict[str, bytes]:
    """Returns weights by file name that make a folder `sentinel` if anything of them is run."""
    trap = pickle.dumps(Trap(sentinel))
    hidden = pickle.dumps({"state_dict": {"weight": Trap(sentinel)}}, protocol=2)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", trap)
        archive.writestr("archive/version", "3\n")
        archive.writestr("../../escaped.txt", "slipped")
    return {"bare.pth": trap, "hidden.pt": hidden, "zipped.pth": zipped.getvalue(), "named.safetensors": trap}


def broken_safetensors(whole: bytes, rng: random.Random) -> dict[str, bytes]:
    """Returns damaged copies of a safetensors file by what was done to them."""
    length = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    first, second = names[0], names[1]

    def rewritten(changes: dict[str, object]) -> bytes:
        raw = json.dumps({**header, **changes}).encode()
        return struct.pack("<Q", len(raw)) + raw + whole[8 + length :]

    return {
        "cut in the prefix": whole[: rng.randrange(8)],
        "cut in the header": whole[: rng.randrange(8, 8 + length)],
        "cut in the data": whole[: rng.randrange(8 + length, len(whole))],
        "cut by one byte": whole[:-1],
        "a byte too long": whole + b"\0",
        "a header of 2^60 bytes": struct.pack("<Q", 1 << 60) + whole[8:],
        "a header of 7 MB of brackets": struct.pack("<Q", 7 * MEBI) + b"[" * (7 * MEBI),
        "overlapping tensors": rewritten({first: header[second]}),
        "a shape of 2^62": rewritten({first: {**header[first], "shape": [1 << 31, 1 << 31]}}),
    }


def checkpoint() -> bytes:
    """Returns a small checkpoint as training writes it."""
    import torch

    from autosam.models.checkpoint import to_bytes

    card = {"format": 1, "sam": "tiny-random", "sam_fingerprint": "0", "prompt_encoder": "sam-features", "size": 32,
            "embedding_shape": [32, 8, 8]}  # fmt: skip
    return to_bytes({"g.weight": torch.arange(6.0).reshape(2, 3), "h.bias": torch.zeros(2)}, card)


def torch_file() -> bytes:
    """Returns small weights as torch saves them."""
    import torch

    stream = io.BytesIO()
    torch.save({"state_dict": {"module.weight": torch.arange(4.0)}}, stream)
    return stream.getvalue()


def repeated(count: int) -> bytes:
    """Returns weights as torch saves them, of one number that a view repeats `count` times."""
    import torch

    stream = io.BytesIO()
    torch.save({"weight": torch.zeros(1).expand(count)}, stream)
    return stream.getvalue()


def endless() -> bytes:
    """Returns weights as torch saves them, of a dictionary that holds itself."""
    import torch

    held: dict[str, object] = {"weight": torch.zeros(1)}
    held["model"] = held
    stream = io.BytesIO()
    torch.save(held, stream)
    return stream.getvalue()


def yaml_traps(sentinel: Path) -> dict[str, str]:
    """Returns configurations with code, with an expansion past all memory, and nested past all stacks."""
    laughs = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    return {
        "code.yaml": f'epochs: !!python/object/apply:os.mkdir ["{sentinel}"]\n',
        "name.yaml": "sam: !!python/name:os.system\n",
        "laughs.yaml": "\n".join(laughs) + "\nepochs: *a39\n",
        "deep.yaml": "epochs: " + "[" * 20000 + "\n",
        "binary.yaml": "\x00\x01\x02",
        "list.yaml": "- epochs\n- 2\n",
        "date.yaml": "epochs: 2026-99-99\n",
        "digits.yaml": f"seed: {'9' * 5000}\n",
        "long.yaml": "# " + "x" * (1 << 20) + "\n",
    }


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, pixels: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    between = b"".join(_chunk(kind, data) for kind, data in extra)
    return b"\x89PNG\r\n\x1a\n" + head + between + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _jpeg_of_size(width: int, height: int) -> bytes:
    raw = bytearray(encoded(np.zeros((8, 8), np.uint8), "JPEG"))
    place = raw.index(b"\xff\xc0")
    raw[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(raw)


def _tiff(
    width: int,
    height: int,
    bits: int,
    channels: int,
    compression: int,
    data: bytes,
    *,
    loop: bool = False,
    count: int = 0,
) -> bytes:
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, compression), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, channels), (278, 4, 1, height), (279, 4, 1, len(data)), (339, 3, 1, 1),
    ]  # fmt: skip
    if count:
        tags.append((65000, 1, count, 8))
    place = 8 + len(data) + len(data) % 2
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    folder = struct.pack("<H", len(tags)) + body + struct.pack("<I", place if loop else 0)
    return b"II*\0" + struct.pack("<I", place) + data + b"\0" * (len(data) % 2) + folder


def _zip_bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(64 * MEBI))
    return stream.getvalue()
