"""Turns the MNI152 template into folders of axial slices with their white matter, split so that neighbours don't leak.

    python examples/mni152/prepare.py OUT [--template FOLDER]

The template (ICBM 2009a, symmetric, 1 mm) comes with `autosam fetch demo-data`. Neighbouring slices look alike, so that
a random split would let the test slices be seen in training: the slices are cut into blocks instead, every third of
which is for testing, and those between two blocks are left out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from PIL import Image

from autosam.core.errors import DataError
from autosam.core.files import cache_folder, write_atomically

# A millimetre further a slice looks nearly the same.
STEP = 2
T1 = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
WHITE_MATTER = "mni_icbm152_wm_tal_nlin_sym_09a_converted.nii.gz"


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring slices that go to one side of the split.

    Attributes:
        name: unique; the prefix of its slices' file names, by which `--group` keeps them together.
        part: "train" or "test".
        slices: their indices along the body's axis, at 1 mm.
    """

    name: str
    part: str
    slices: range


def blocks(slices: range, *, length: int = 8, gap: int = 4) -> list[Block]:
    """Cuts `slices` into blocks of `length` with `gap` slices left out between them; every third is for testing."""
    cut = [range(start, min(start + length, slices.stop)) for start in slices[:: length + gap]]
    return [Block(f"block{n:02d}", "test" if n % 3 == 1 else "train", part) for n, part in enumerate(cut)]


def axial(volume: npt.NDArray[np.uint8], index: int) -> npt.NDArray[np.uint8]:
    """Returns an axial slice of a volume (x to the right, y to the front, z up) as a radiologist looks at it.

    The face is at the top of the picture (rows, columns), the right side of the body at its left.
    """
    return np.ascontiguousarray(volume[::-1, ::-1, index].T)


def with_white_matter(white: npt.NDArray[np.bool_], share: float = 0.02) -> range:
    """Returns the slices from the first to the last in which at least `share` of the pixels is white matter."""
    enough = np.flatnonzero(white.mean(axis=(0, 1)) >= share)
    return range(int(enough[0]), int(enough[-1]) + 1)


def read(file: Path) -> npt.NDArray[np.uint8]:
    """Returns a volume of 0..255 with its axes to the right, to the front and up.

    Raises:
        DataError: where the file is not there.
    """
    if not file.is_file():
        raise DataError("the template is not there", file=file, cure="Run: autosam fetch demo-data")
    volume = nibabel.as_closest_canonical(nibabel.load(file))  # type: ignore[no-untyped-call]
    return np.asarray(volume.dataobj, np.uint8)


def prepare(template: Path, out: Path) -> dict[str, int]:
    """Writes `out`/{train,test}/{images,masks}/*.png and returns the number of slices of each part."""
    image = read(template / T1)
    white = read(template / WHITE_MATTER) > 127
    count = {"train": 0, "test": 0}
    for block in blocks(with_white_matter(white)):
        for index in block.slices[::STEP]:
            name = f"{block.name}_z{index:03d}.png"
            _write(out / block.part / "images" / name, axial(image, index))
            _write(out / block.part / "masks" / name, axial(white.astype(np.uint8) * 255, index))
            count[block.part] += 1
    return count


def _write(file: Path, pixels: npt.NDArray[np.uint8]) -> None:
    write_atomically(file, lambda stream: Image.fromarray(pixels).save(stream, format="PNG"))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder to write train and test into")
    parser.add_argument("--template", type=Path, default=cache_folder() / "demo", help="the folder of the template")
    arguments = parser.parse_args()
    try:
        count = prepare(arguments.template, arguments.out)
    except DataError as fault:
        raise SystemExit(str(fault)) from None
    print(f"{count['train']} slices to train on, {count['test']} to test on, in {arguments.out}")


if __name__ == "__main__":
    main()
