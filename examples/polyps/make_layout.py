"""Puts a training and a validation folder of Kvasir polyps into the folders of PraNet's split.

    python examples/polyps/make_layout.py KVASIR OUT
    autosam benchmark polyps --data OUT --train --view all --out SCORES

KVASIR holds `train/images`, `train/masks`, `val/images` and `val/masks`. The first two become TrainDataset, the others
TestDataset/Kvasir. The layout is no copy of PraNet's split, and `REBUILT.txt` makes every table say so.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autosam.core.errors import AutoSAMError
from autosam.core.files import write_bytes, write_text
from autosam.data.folder import find_pairs
from autosam.inference.claim import claim

PARTS = {"train": ("TrainDataset", "image", "mask"), "val": ("TestDataset/Kvasir", "images", "masks")}
SAID = "polyps of Kvasir alone, re-encoded and resized by their source, split otherwise than by PraNet"


def make(kvasir: Path, out: Path) -> dict[str, int]:
    """Writes the layout and returns how many pairs each folder has.

    Raises:
        DataError: where images and masks do not pair.
        UsageError: where `out` holds something.
    """
    with claim(out):
        counts = {}
        for part, (folder, images, masks) in PARTS.items():
            pairs = find_pairs(kvasir / part).pairs
            for pair in pairs:
                for side, file in ((images, pair.image), (masks, pair.mask)):
                    if file is not None:
                        write_bytes(out / folder / side / f"{pair.id}{file.suffix}", file.read_bytes())
            counts[folder] = len(pairs)
        write_text(out / "REBUILT.txt", f"{SAID}\n")
    return counts


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kvasir", type=Path, help="the folder of train and val")
    parser.add_argument("out", type=Path, help="the folder to write the layout into; new or empty")
    arguments = parser.parse_args()
    try:
        for folder, count in make(arguments.kvasir, arguments.out).items():
            print(f"{arguments.out / folder}: {count} pairs")
    except AutoSAMError as fault:
        raise SystemExit(str(fault)) from None


if __name__ == "__main__":
    main()
