"""Puts sequences of colonoscopy frames into the folders of SUN-SEG.

    python examples/sunseg/make_layout.py CLIPS OUT
    autosam benchmark sunseg --data OUT --train --view all --out SCORES

CLIPS holds `Frame/NAME/*` and `GT/NAME/*`, a folder for each sequence, frames named in order. Of the sequences, in the
order of their names, two thirds become TrainDataset, and the rest is divided between TestEasyDataset/Unseen and
TestHardDataset/Unseen; nobody has said which are hard. The layout is no copy of SUN-SEG, and `REBUILT.txt` makes every
table say so.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autosam.core.errors import AutoSAMError, DataError
from autosam.core.files import write_bytes, write_text
from autosam.data.walk import children
from autosam.inference.claim import claim

TRAIN, EASY, HARD = "TrainDataset", "TestEasyDataset/Unseen", "TestHardDataset/Unseen"
FEWEST = 4
SAID = "other sequences than SUN-SEG's, sparsely sampled; which are easy and which hard was decided by their names"


def place(names: list[str]) -> dict[str, str]:
    """Returns the folder of each sequence.

    Raises:
        DataError: on fewer than four.
    """
    if len(names) < FEWEST:
        raise DataError(f"{len(names)} sequences cannot be divided into training, easy and hard", cure="Add some")
    train = len(names) - max(2, len(names) // 3)
    easy = train + (len(names) - train + 1) // 2
    return {name: TRAIN if i < train else EASY if i < easy else HARD for i, name in enumerate(names)}


def make(clips: Path, out: Path) -> dict[str, str]:
    """Writes the layout and returns the folder of each sequence.

    Raises:
        DataError: where there are too few sequences.
        UsageError: where `out` holds something.
    """
    with claim(out):
        folders = place([folder.name for folder in children(clips / "Frame")[0]])
        for name, folder in folders.items():
            for side in ("Frame", "GT"):
                for file in children(clips / side / name)[1]:
                    write_bytes(out / folder / side / name / file.name, file.read_bytes())
        write_text(out / "REBUILT.txt", f"{SAID}\n")
    return folders


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="the folder of Frame and GT")
    parser.add_argument("out", type=Path, help="the folder to write the layout into; new or empty")
    arguments = parser.parse_args()
    try:
        folders = make(arguments.clips, arguments.out)
        for folder in (TRAIN, EASY, HARD):
            print(f"{arguments.out / folder}: {', '.join(name for name, at in folders.items() if at == folder)}")
    except AutoSAMError as fault:
        raise SystemExit(str(fault)) from None


if __name__ == "__main__":
    main()
