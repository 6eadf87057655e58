"""Puts images with numbered nuclei into MoNuSeg's official layout: .tif images and Aperio XML of polygons.

    python examples/monuseg/make_layout.py NUCLEI OUT
    autosam benchmark monuseg --data OUT --train --view all --out SCORES

NUCLEI holds `images/NAME.*` and `instances/NAME.png`, whose values number the nuclei. Every fifth image, by name,
becomes a test image. Each polygon follows the edges of its nucleus's pixels, so that drawing it gives them again. The
layout is no copy of the challenge's data, and `REBUILT.txt` makes every table say so.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import find_objects

from autosam.core.errors import AutoSAMError, DataError
from autosam.core.files import write_bytes, write_text
from autosam.data.images import read_image, read_mask
from autosam.data.walk import children
from autosam.inference.claim import claim

TRAIN = Path("MoNuSeg 2018 Training Data")
TEST = Path("MoNuSegTestData")
EVERY = 5
SAID = "images re-encoded, polygons made from numbered masks, test images taken from the training part of MoNuSeg"

Point = tuple[int, int]


def outline(mask: npt.NDArray[np.bool_]) -> list[Point]:
    """Returns one polygon of x, y along the edges of a mask's pixels.

    Several pieces, and holes, are joined by lines that are gone twice, which the even-odd rule does not see.
    """
    padded = np.pad(mask, 1)
    ways: dict[Point, list[Point]] = defaultdict(list)
    # The inside lies to the right of every way.
    for down, right, start, end in (
        (-1, 0, (0, 0), (1, 0)),
        (0, 1, (1, 0), (1, 1)),
        (1, 0, (1, 1), (0, 1)),
        (0, -1, (0, 1), (0, 0)),
    ):
        beside = np.roll(padded, (-down, -right), (0, 1))[1:-1, 1:-1]
        for y, x in np.argwhere(mask & ~beside).tolist():
            ways[x + start[0], y + start[1]].append((x + end[0], y + end[1]))
    polygon: list[Point] = []
    while ways:
        loop = [next(iter(ways))]
        while loop[-1] in ways:
            here = loop[-1]
            loop.append(ways[here].pop())
            if not ways[here]:
                del ways[here]
        polygon += loop if not polygon else [*loop, polygon[0]]
    return _corners(polygon)


def _corners(polygon: list[Point]) -> list[Point]:
    """Returns a polygon without the points that lie on a line between their neighbours."""
    polygon = [b for a, b in zip(polygon[-1:] + polygon[:-1], polygon, strict=True) if a != b]
    around = zip(polygon[-1:] + polygon[:-1], polygon, polygon[1:] + polygon[:1], strict=True)
    return [b for a, b, c in around if not (a[0] == b[0] == c[0] or a[1] == b[1] == c[1])]


def annotation(labels: npt.NDArray[np.integer]) -> str:
    """Returns the Aperio XML of numbered objects (H, W), in the order of their numbers."""
    regions = []
    for number, place in enumerate(find_objects(labels), start=1):
        if place is None:
            continue
        rows, columns = place
        points = outline(labels[place] == number)
        vertices = "".join(f'<Vertex X="{x + columns.start}" Y="{y + rows.start}" Z="0"/>' for x, y in points)
        regions.append(f"<Region Id={quoteattr(str(number))}><Vertices>{vertices}</Vertices></Region>")
    body = "\n".join(regions)
    return f'<Annotations>\n<Annotation Id="1"><Regions>\n{body}\n</Regions></Annotation>\n</Annotations>\n'


def make(nuclei: Path, out: Path) -> tuple[int, int]:
    """Writes the layout and returns how many training and test images it has.

    Raises:
        DataError: where an image has no numbered mask.
        UsageError: where `out` holds something.
    """
    with claim(out):
        images = children(nuclei / "images")[1]
        test = set(images[EVERY - 1 :: EVERY])
        for image in images:
            mask = nuclei / "instances" / f"{image.stem}.png"
            if not mask.is_file():
                raise DataError(
                    "the image has no numbered mask", file=image, cure=f"Put {mask.name} into {mask.parent}"
                )
            picture = out / (TEST if image in test else TRAIN / "Tissue Images") / f"{image.stem}.tif"
            annotated = out / (TEST if image in test else TRAIN / "Annotations") / f"{image.stem}.xml"
            stream = BytesIO()
            Image.fromarray(read_image(image)).save(stream, format="TIFF", compression="tiff_lzw")
            write_bytes(picture, stream.getvalue())
            write_text(annotated, annotation(read_mask(mask)))
        write_text(out / "REBUILT.txt", f"{SAID}\n")
    return len(images) - len(test), len(test)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nuclei", type=Path, help="the folder of images and instances")
    parser.add_argument("out", type=Path, help="the folder to write the layout into; new or empty")
    arguments = parser.parse_args()
    try:
        train, test = make(arguments.nuclei, arguments.out)
        print(f"{arguments.out}: {train} training and {test} test images")
    except AutoSAMError as fault:
        raise SystemExit(str(fault)) from None


if __name__ == "__main__":
    main()
