"""MoNuSeg: nuclei in H&E-stained tissue of several organs, the challenge of MICCAI 2018."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autosam.benchmarks.aperio import read_polygons
from autosam.benchmarks.benchmark import Benchmark, Copy, Item, Labels, Split
from autosam.benchmarks.common_views import STANDARD, reference_code
from autosam.benchmarks.layout import check_suffix, files_by_stem, incomplete, listed, locate, paired, rebuilt
from autosam.benchmarks.official_views import NUCLEI
from autosam.benchmarks.polygons import rasterise
from autosam.core.errors import DataError
from autosam.data.walk import children

IMAGES = frozenset({".tif", ".jpg", ".jpeg", ".png"})
TRUTHS = frozenset({".xml"})
TEST = "MoNuSegTestData"

_SOURCE = "the data page of the MoNuSeg challenge on grand-challenge.org"
_LAYOUT = (
    "'MoNuSeg 2018 Training Data/Tissue Images/*.tif' with 'MoNuSeg 2018 Training Data/Annotations/*.xml' (30), and "
    "'MoNuSegTestData/*.tif' with 'MoNuSegTestData/*.xml' (14)"
)
_MOST_OUTSIDE = 0.1


def find(root: Path) -> Copy:
    """Reads both official folders, each where its archive unpacks to; the training part may be missing.

    Raises:
        DataError: on missing folders, annotations or images, and on other suffixes.
    """
    tissue = locate(root, "Tissue Images")
    train: list[Item] = []
    if tissue is not None:
        annotations = tissue.with_name("Annotations")
        if not annotations.is_dir():
            raise incomplete(
                tissue.parent, "the folder 'Annotations' is missing beside 'Tissue Images'", _LAYOUT, _SOURCE
            )
        train = _items(
            files_by_stem(tissue, IMAGES, ".tif"), files_by_stem(annotations, TRUTHS, ".xml"), tissue.parent, "train"
        )
    folder = locate(root, TEST)
    if folder is None:
        raise incomplete(root, f"the folder of test images, {TEST!r}, is missing", _LAYOUT, _SOURCE)
    images: dict[str, Path] = {}
    truths: dict[str, Path] = {}
    for file in children(folder)[1]:
        check_suffix(file, IMAGES | TRUTHS, ".tif or .xml")
        side = truths if file.suffix.lower() in TRUTHS else images
        if file.stem in side:
            raise DataError(f"{side[file.stem].name} and {file.name} are one name twice", file=folder, cure="Keep one")
        side[file.stem] = file
    test = _items(images, truths, folder, "test")
    if not test:
        raise incomplete(folder, "it has no test image", _LAYOUT, _SOURCE)
    return Copy(root, tuple(train), tuple(test), rebuilt(root))


def read_truth(file: Path, size: tuple[int, int]) -> tuple[Labels, tuple[str, ...]]:
    """Returns the nuclei (H, W) int32 numbered in the order of their polygons, and which polygons gave none.

    A polygon without area, or one that lies beside the image or under others altogether, is left out and said.

    Raises:
        DataError: where no polygon is left, or more than a tenth lie beside the image, so that it is another image's.
    """
    polygons = read_polygons(file)
    drawn = rasterise(polygons, *size)
    high, wide = size
    if len(drawn.outside) > _MOST_OUTSIDE * len(polygons):
        raise DataError(
            f"{len(drawn.outside)} of {len(polygons)} polygons lie outside the image of {wide} x {high} pixels "
            f"(region {listed(map(str, drawn.outside))})",
            file=file,
            cure="It belongs to another image, or the image was cut or resized: put both official files in their place",
        )
    if not drawn.labels.any():
        raise DataError(
            f"it has no polygon with an area ({len(polygons)} regions)",
            file=file,
            cure=f"Put the official annotation in its place, from {_SOURCE}",
        )
    reasons = (("empty", drawn.empty), ("outside the image", drawn.outside), ("under others", drawn.hidden))
    notes = [
        f"{file.name}: {len(numbers)} of {len(polygons)} polygons {why}, left out (region {listed(map(str, numbers))})"
        for why, numbers in reasons
        if numbers
    ]
    return drawn.labels.astype(np.int32, copy=False), tuple(notes)


def _items(images: dict[str, Path], truths: dict[str, Path], folder: Path, split: str) -> list[Item]:
    return [Item(stem, split, image, truth) for stem, image, truth in paired(images, truths, folder, ".xml annotation")]


MONUSEG = Benchmark(
    name="monuseg",
    title="MoNuSeg",
    licence="CC BY-NC-SA 4.0",
    citation="Kumar et al. A multi-organ nucleus segmentation challenge. IEEE Transactions on Medical Imaging 39, 2020",
    source=_SOURCE,
    layout=_LAYOUT,
    protocol="aggregated Jaccard index (AJI) per image; also panoptic quality (PQ)",
    train=Split("train", 30),
    splits=(Split("test", 14),),
    unions=(),
    kind="instances",
    foreground="> 0",
    image_suffix=".tif",
    truth_suffix=".xml",
    find=find,
    read_truth=read_truth,
    views={view.name: view for view in (STANDARD, NUCLEI, reference_code(512))},
    training={"augment": "histology"},
)
