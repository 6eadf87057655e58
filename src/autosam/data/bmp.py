"""BMP: gray palettes that Pillow takes for fewer bits a pixel than the header says."""

from __future__ import annotations

from PIL import ImageFile, ImagePalette

_OLD_HEADER = 12


def mend_palette(picture: ImageFile.ImageFile, head: bytes) -> None:
    """Lets a BMP that was opened and not yet loaded keep its indices and its palette, where Pillow would misread them.

    A palette of black and white makes it read one bit a pixel, one of 0, 1, 2, ... eight, whatever the header says.

    Args:
        picture: what Pillow opened; changed in place.
        head: the file's first bytes, 30 at least.
    """
    bits = int.from_bytes(head[24:26] if head[14] == _OLD_HEADER else head[28:30], "little")
    if (picture.mode, bits) not in (("1", 4), ("1", 8), ("L", 4)):
        return
    grays = (0, 255) if picture.mode == "1" else range(256)
    # Pillow has no public way to correct what it made of a header.
    picture._mode = "P"
    picture.palette = ImagePalette.raw("RGB", bytes(gray for gray in grays for _ in range(3)))
    codec, extents, offset, arguments = picture.tile[0]
    raw = "P;4" if bits == 4 and codec == "raw" else "P"
    rest = arguments[1:] if isinstance(arguments, tuple) else ()
    picture.tile = [ImageFile._Tile(codec, extents, offset, (raw, *rest))]
