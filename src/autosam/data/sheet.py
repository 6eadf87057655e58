"""A sheet of pictures with their names, drawn with Pillow."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from autosam.core.files import write_bytes

_CELL, _GAP, _MARGIN = 300, 18, 30
_CAPTION, _HEAD = 46, 74
_PAPER, _BACK, _INK, _FAINT = (255, 255, 255), (238, 240, 243), (28, 32, 40), (112, 120, 132)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture of a sheet.

    Attributes:
        name: its first line.
        detail: its second line, fainter.
        rgb: (H, W, 3) uint8.
    """

    name: str
    detail: str
    rgb: npt.NDArray[np.uint8]


def draw_sheet(tiles: Sequence[Tile], heading: str, subheading: str, path: Path) -> None:
    """Writes the tiles as a PNG, up to four a row, each resized into its cell with its proportions kept.

    The cells have the middling proportions of the pictures.

    Raises:
        ResourceError: where the disk is full.
    """
    columns = min(4, max(2, math.ceil(math.sqrt(len(tiles)))))
    rows = math.ceil(len(tiles) / columns)
    wide = 2 * _MARGIN + columns * _CELL + (columns - 1) * _GAP
    tall = round(
        _CELL * min(1.2, max(0.5, float(np.median([tile.rgb.shape[0] / tile.rgb.shape[1] for tile in tiles]))))
    )
    high = 2 * _MARGIN + _HEAD + rows * (tall + _CAPTION) + (rows - 1) * _GAP
    sheet = Image.new("RGB", (wide, high), _PAPER)
    pen = ImageDraw.Draw(sheet)
    large, middle, small = (ImageFont.load_default(size) for size in (24, 16, 14))
    inner = wide - 2 * _MARGIN
    pen.text((_MARGIN, _MARGIN - 6), _shortened(heading, pen, large, inner), _INK, large)
    pen.text((_MARGIN, _MARGIN + 28), _shortened(subheading, pen, middle, inner), _FAINT, middle)
    for index, tile in enumerate(tiles):
        x = _MARGIN + index % columns * (_CELL + _GAP)
        y = _MARGIN + _HEAD + index // columns * (tall + _CAPTION + _GAP)
        pen.rectangle((x, y, x + _CELL - 1, y + tall - 1), _BACK)
        picture = _fitted(tile.rgb, tall)
        sheet.paste(picture, (x + (_CELL - picture.width) // 2, y + (tall - picture.height) // 2))
        pen.text((x, y + tall + 6), _shortened(tile.name, pen, middle, _CELL), _INK, middle)
        pen.text((x, y + tall + 26), _shortened(tile.detail, pen, small, _CELL), _FAINT, small)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    write_bytes(path, buffer.getvalue())


def _fitted(rgb: npt.NDArray[np.uint8], tall: int) -> Image.Image:
    picture = Image.fromarray(rgb)
    scale = min(_CELL / picture.width, tall / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS if scale < 4 else Image.Resampling.NEAREST)


def _shortened(
    text: str, pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    """Takes characters from the middle until the text fits a line: both ends of a name tell cases apart."""
    text = " ".join(text.splitlines())
    if pen.textlength(text, font) <= width:
        return text
    keep = len(text) - 1
    while keep > 2 and pen.textlength(_ends(text, keep), font) > width:
        keep -= 1
    return _ends(text, keep)


def _ends(text: str, keep: int) -> str:
    return f"{text[: keep - keep // 2]}...{text[len(text) - keep // 2 :]}"
