"""GlaS: glands in H&E-stained colon tissue, the challenge of MICCAI 2015."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
from scipy import ndimage

from autosam.benchmarks.benchmark import Benchmark, Copy, Item, Labels, Split, Union
from autosam.benchmarks.common_views import STANDARD, reference_code
from autosam.benchmarks.layout import check_suffix, incomplete, listed, paired, rebuilt
from autosam.benchmarks.official_views import GLANDS
from autosam.core.errors import DataError
from autosam.core.words import counted
from autosam.data.images import read_mask
from autosam.data.walk import children

IMAGES = frozenset({".bmp", ".jpg", ".jpeg", ".png"})
TRUTHS = frozenset({".bmp", ".png"})
SPLITS = {"train": ("train", 85), "testA": ("A", 60), "testB": ("B", 20)}

_NAME = re.compile(r"(train|testA|testB)_(\d+)(_anno)?")
_SOURCE = "the GlaS contest page of the Tissue Image Analytics Centre, University of Warwick"
_LAYOUT = (
    "train_1.bmp to train_85.bmp, testA_1.bmp to testA_60.bmp, testB_1.bmp to testB_20.bmp, NAME_anno.bmp and Grade.csv"
)


def find(root: Path) -> Copy:
    """Reads a folder of GlaS in its official naming; an archive's own folder above it may be there.

    Raises:
        DataError: on names, suffixes or pairs that are not GlaS's, and on a Grade.csv that does not fit.
    """
    folder = _folder(root)
    images: dict[str, Path] = {}
    truths: dict[str, Path] = {}
    for file in children(folder)[1]:
        match = _NAME.fullmatch(file.stem)
        if match is None:
            continue
        check_suffix(file, TRUTHS if match[3] else IMAGES, ".bmp")
        most = SPLITS[match[1]][1]
        if not 1 <= int(match[2]) <= most:
            raise DataError(
                f"there is no such image in GlaS: {match[1]} has the numbers 1 to {most}",
                file=file,
                cure=f"Take away what is not of GlaS. The official layout is {_LAYOUT}",
            )
        side, name = (truths if match[3] else images), f"{match[1]}_{int(match[2])}"
        if name in side:
            raise DataError(f"{side[name].name} and {file.name} are one name twice", file=folder, cure="Keep one")
        side[name] = file
    pairs = paired(images, truths, folder, "_anno mask")
    patients, notes = _patients(folder, [name for name, _, _ in pairs])
    items = [
        Item(name, SPLITS[name.split("_")[0]][0], image, truth, patients.get(name)) for name, image, truth in pairs
    ]
    test = sorted((item for item in items if item.split != "train"), key=lambda item: item.split)
    if not test:
        raise incomplete(root, "it has no image of testA or testB", _LAYOUT, _SOURCE)
    return Copy(root, tuple(item for item in items if item.split == "train"), tuple(test), (*notes, *rebuilt(root)))


def read_truth(file: Path, size: tuple[int, int]) -> tuple[Labels, tuple[str, ...]]:
    """Returns the numbered glands (H, W) of an `_anno` file.

    Raises:
        DataError: where it cannot be read, or is black and white so that glands are not told apart.
    """
    labels = read_mask(file)
    if set(np.unique(labels)) == {0, 255} and ndimage.label(labels, np.ones((3, 3)))[1] > 1:
        raise DataError(
            "it is black and white, and GlaS numbers its glands 1, 2, 3, ...",
            file=file,
            cure=f"Put the official _anno file in its place, from {_SOURCE}",
        )
    return labels, ()


def _folder(root: Path) -> Path:
    if not root.is_dir():
        raise DataError("there is no such folder", file=root, cure="Give --data the folder of GlaS")
    places = [root, *children(root)[0]]
    found = [place for place in places if any(_NAME.fullmatch(file.stem) for file in children(place)[1])]
    if not found:
        raise incomplete(root, "it has no image in the naming of GlaS", _LAYOUT, _SOURCE)
    if len(found) > 1 and found[0] != root:
        raise DataError(f"GlaS is there several times: {listed(p.name for p in found)}", file=root, cure="Give one")
    return found[0]


def _patients(folder: Path, names: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns the patient of each image; Grade.csv ends its lines in CR and begins most cells with a space."""
    file = folder / "Grade.csv"
    if not file.is_file():
        return {}, ("Grade.csv is missing: patients are unknown, and intervals are over images",)
    rows = csv.DictReader(file.read_text("utf-8-sig", errors="replace").splitlines(), skipinitialspace=True)
    columns = {" ".join((name or "").lower().split()): name for name in rows.fieldnames or ()}
    if not {"name", "patient id"} <= columns.keys():
        raise DataError(
            f"the columns 'name' and 'patient ID' are not both there, but {listed(map(repr, columns))}",
            file=file,
            cure=f"Put the official Grade.csv in its place, from {_SOURCE}",
        )
    patients = {
        row[columns["name"]].strip(): f"patient {row[columns['patient id']].strip()}"
        for row in rows
        if row[columns["name"]] and row[columns["patient id"]]
    }
    without = [name for name in names if name not in patients]
    if without:
        raise DataError(
            f"{counted(len(without), 'image has', 'images have')} no patient in it: {listed(without)}",
            file=file,
            cure=f"Put the official Grade.csv in its place, from {_SOURCE}",
        )
    return patients, ()


GLAS = Benchmark(
    name="glas",
    title="GlaS",
    licence="research use; see the contest's page",
    citation="Sirinukunwattana et al. Gland segmentation in colon histology images: The GlaS challenge contest. "
    "Medical Image Analysis 35, 2017",
    source=_SOURCE,
    layout=_LAYOUT,
    protocol="object F1, object Dice and object Hausdorff distance, for test A and test B apart; train and test share "
    "patients",
    train=Split("train", 85),
    splits=(Split("A", 60), Split("B", 20)),
    unions=(Union("A+B", ("A", "B")),),
    kind="instances",
    foreground="> 0",
    image_suffix=".bmp",
    truth_suffix=".bmp",
    find=find,
    read_truth=read_truth,
    views={view.name: view for view in (STANDARD, GLANDS, reference_code(256))},
    training={"augment": "histology"},
)
