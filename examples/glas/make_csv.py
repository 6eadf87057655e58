"""Writes train.csv, testA.csv and testB.csv (image, mask, group) for a folder of GlaS in its official naming.

    python examples/glas/make_csv.py GLAS OUT
    autosam train OUT/train.csv --foreground "> 0" --out RUN

The folder holds `train_N.bmp` (or .jpg, .png, .tif), `train_N_anno.bmp` (or another), `testA_*`, `testB_*` and
`Grade.csv`. A mask's values number the glands, hence `--foreground "> 0"`. The group is the patient, so that a
validation split never straddles one. GlaS's own test parts share patients with its training part.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

from autosam.core.errors import AutoSAMError, DataError
from autosam.core.files import write_text

PARTS = ("train", "testA", "testB")
SUFFIXES = (".bmp", ".png", ".tif", ".tiff", ".jpg", ".jpeg")


def patients(file: Path) -> dict[str, str]:
    """Returns the patient of each image of a `Grade.csv`, whose lines may end in CR, LF or both.

    Raises:
        DataError: where the file, or one of its columns `name` and `patient ID`, is missing.
    """
    if not file.is_file():
        raise DataError(
            "the table of patients is missing", file=file, cure="It comes with GlaS; put it beside the images"
        )
    rows = csv.DictReader(file.read_text("utf-8-sig").splitlines(), skipinitialspace=True)
    columns = {name.strip().lower(): name for name in rows.fieldnames or ()}
    if not {"name", "patient id"} <= columns.keys():
        raise DataError("the columns name and patient ID are missing", file=file, cure="Use GlaS's own Grade.csv")
    return {row[columns["name"]].strip(): row[columns["patient id"]].strip() for row in rows if row[columns["name"]]}


def rows(glas: Path, part: str) -> list[tuple[str, str, str]]:
    """Returns (image, mask, patient) of each image of a part, by its number; the paths are absolute.

    Raises:
        DataError: where an image has no mask or no patient.
    """
    patient = patients(glas / "Grade.csv")
    table: list[tuple[str, str, str]] = []
    for image in _images(glas.resolve(), part):
        mask = _mask(image)
        if image.stem not in patient:
            raise DataError(f"{image.stem} is not in Grade.csv", file=image, cure="Add its line: name,patient ID")
        table.append((str(image), str(mask), f"patient {patient[image.stem]}"))
    return table


def write_table(file: Path, table: list[tuple[str, str, str]]) -> None:
    """Writes a CSV of image, mask and group.

    Raises:
        DataError: where the file is there already with something else in it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "mask", "group"))
    writer.writerows(table)
    if file.exists() and file.read_text("utf-8") != text.getvalue():
        raise DataError("it is there already, with something else in it", file=file, cure="Name another folder")
    write_text(file, text.getvalue())


def _images(glas: Path, part: str) -> list[Path]:
    """Returns the images of a part in the order of their numbers; masks and anything else are left out."""
    start = f"{part}_"
    numbered = {
        int(file.stem[len(start) :]): file
        for file in glas.iterdir()
        if file.stem.startswith(start) and file.stem[len(start) :].isdecimal() and file.suffix.lower() in SUFFIXES
    }
    return [numbered[number] for number in sorted(numbered)]


def _mask(image: Path) -> Path:
    for suffix in SUFFIXES:
        mask = image.with_name(f"{image.stem}_anno{suffix}")
        if mask.is_file():
            return mask
    raise DataError("the image has no mask", file=image, cure=f"Put {image.stem}_anno{image.suffix} beside it")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("glas", type=Path, help="the folder of GlaS")
    parser.add_argument("out", type=Path, help="the folder to write the tables into")
    arguments = parser.parse_args()
    try:
        for part in PARTS:
            table = rows(arguments.glas, part)
            if table:
                write_table(arguments.out / f"{part}.csv", table)
                print(f"{len(table)} images in {arguments.out / part}.csv")
    except AutoSAMError as fault:
        raise SystemExit(str(fault)) from None


if __name__ == "__main__":
    main()
