"""Small copies of every benchmark in its official layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

Maker = Callable[[Path], Path]
HIGH, WIDE = 40, 52


def picture(seed: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (HIGH, WIDE, 3), np.uint8)


def objects(seed: int) -> npt.NDArray[np.uint8]:
    """Two rectangles, numbered."""
    labels = np.zeros((HIGH, WIDE), np.uint8)
    top = 2 + seed % 7
    labels[top : top + 12, 3:18] = 1
    labels[20 : 34 - seed % 5, 28:46] = 2
    return labels


def save(file: Path, pixels: npt.NDArray[np.uint8]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def regions(polygons: list[list[tuple[float, float]]]) -> str:
    body = "".join(
        f'<Region Id="{n}"><Vertices>{"".join(f"""<Vertex X="{x}" Y="{y}" Z="0"/>""" for x, y in polygon)}</Vertices>'
        "</Region>"
        for n, polygon in enumerate(polygons, start=1)
    )
    return (
        f'<Annotations MicronsPerPixel="0.25"><Annotation Id="1"><Regions>{body}</Regions></Annotation></Annotations>'
    )


def outlines(seed: int) -> list[list[tuple[float, float]]]:
    top = 2 + seed % 7
    low = 34 - seed % 5
    return [
        [(3, top), (18, top), (18, top + 12), (3, top + 12)],
        [(28, 20), (46, 20), (46, low), (28, low)],
    ]


def make_glas(root: Path) -> Path:
    rows = ["name,patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)"]
    for index, name in enumerate(("train_1", "train_2", "train_10", "testA_1", "testA_2", "testB_1")):
        save(root / f"{name}.bmp", picture(index))
        save(root / f"{name}_anno.bmp", objects(index))
        rows.append(f"{name},{index // 2}, benign, healthy")
    (root / "Grade.csv").write_text("\r".join(rows))
    return root


def make_monuseg(root: Path) -> Path:
    train, test = root / "MoNuSeg 2018 Training Data", root / "MoNuSegTestData"
    places = [(train / "Tissue Images", train / "Annotations", f"TCGA-{n}") for n in (1, 2, 3)]
    places += [(test, test, f"TCGA-{n}") for n in (4, 5)]
    for index, (images, truths, name) in enumerate(places):
        save(images / f"{name}.tif", picture(index))
        truths.mkdir(parents=True, exist_ok=True)
        (truths / f"{name}.xml").write_text(regions(outlines(index)))
    return root


def make_polyps(root: Path) -> Path:
    for index, name in enumerate(("1", "2", "10")):
        save(root / "TrainDataset" / "image" / f"{name}.png", picture(index))
        save(root / "TrainDataset" / "mask" / f"{name}.png", (objects(index) > 0) * np.uint8(255))
    for index, (place, name) in enumerate((("Kvasir", "a"), ("Kvasir", "b"), ("CVC-300", "a")), start=3):
        save(root / "TestDataset" / place / "images" / f"{name}.png", picture(index))
        save(root / "TestDataset" / place / "masks" / f"{name}.png", (objects(index) > 0) * np.uint8(255))
    return root


def make_sunseg(root: Path) -> Path:
    clips = [("TrainDataset", "case1"), ("TestEasyDataset/Seen", "case2_1"), ("TestEasyDataset/Unseen", "case3")]
    clips += [("TestHardDataset/Unseen", "case4")]
    for number, (place, clip) in enumerate(clips):
        for frame in range(1, 5):
            stem, seed = f"case_M_2018_a{1 + frame // 4}_ayy_image{frame:04d}", 10 * number + frame
            save(root / place / "Frame" / clip / f"{stem}.jpg", picture(seed))
            save(root / place / "GT" / clip / f"{stem}.png", (objects(seed) > 0) * np.uint8(255))
    return root


MAKERS: dict[str, Maker] = {"glas": make_glas, "monuseg": make_monuseg, "polyps": make_polyps, "sunseg": make_sunseg}


@pytest.fixture(scope="session")
def make() -> dict[str, Maker]:
    """What writes a small copy of a benchmark, by its name."""
    return MAKERS


@pytest.fixture
def xml() -> Callable[[list[list[tuple[float, float]]]], str]:
    """An Aperio XML of polygons."""
    return regions


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path_factory.mktemp("cache")))
