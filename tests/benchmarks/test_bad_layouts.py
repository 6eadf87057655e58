"""Copies that are wrong in one way each, and what the command says of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from autosam.cli.main import app

Makers = dict[str, Callable[[Path], Path]]
Xml = Callable[[list[list[tuple[float, float]]]], str]
TEST = "MoNuSegTestData"
TRAIN = "MoNuSeg 2018 Training Data"
SQUARE = [(2.0, 2.0), (20.0, 2.0), (20.0, 20.0), (2.0, 20.0)]


def run(name: str, root: Path, out: Path, *flags: str) -> tuple[int, str, str]:
    (out / "masks").mkdir(parents=True, exist_ok=True)
    arguments = [name, "--data", root, "--predictions", out / "masks", "--out", out / "scores", "--quiet", *flags]
    result = CliRunner().invoke(app, ["benchmark", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def missing_xml(root: Path, xml: Xml) -> None:
    (root / TEST / "TCGA-4.xml").unlink()


def no_annotations(root: Path, xml: Xml) -> None:
    shutil.rmtree(root / TRAIN / "Annotations")


def no_test(root: Path, xml: Xml) -> None:
    shutil.rmtree(root / TEST)


def swapped_xml(root: Path, xml: Xml) -> None:
    shutil.copy(root / TEST / "TCGA-4.xml", root / TEST / "TCGA-5.xml")


def outside(root: Path, xml: Xml) -> None:
    (root / TEST / "TCGA-4.xml").write_text(xml([SQUARE, [(x + 500, y) for x, y in SQUARE]]))


def only_empty(root: Path, xml: Xml) -> None:
    (root / TEST / "TCGA-4.xml").write_text(xml([[], [(1, 1), (2, 2)]]))


def svs(root: Path, xml: Xml) -> None:
    (root / TEST / "TCGA-4.tif").rename(root / TEST / "TCGA-4.svs")


def cut_xml(root: Path, xml: Xml) -> None:
    file = root / TEST / "TCGA-4.xml"
    file.write_text(file.read_text()[:100])


def no_gt(root: Path, xml: Xml) -> None:
    shutil.rmtree(root / "TestHardDataset/Unseen/GT/case4")


def no_frame(root: Path, xml: Xml) -> None:
    next((root / "TestEasyDataset/Seen/Frame/case2_1").iterdir()).unlink()


def half_of_easy(root: Path, xml: Xml) -> None:
    (root / "TestEasyDataset/Seen").rename(root / "TestEasyDataset/seen-clips")
    shutil.rmtree(root / "TestEasyDataset/Unseen")


def no_masks(root: Path, xml: Xml) -> None:
    shutil.rmtree(root / "TestDataset/Kvasir/masks")


def unknown_set(root: Path, xml: Xml) -> None:
    (root / "TestDataset/CVC-300").rename(root / "TestDataset/PICCOLO")


def labels_for_mask(root: Path, xml: Xml) -> None:
    mask = np.zeros((40, 52), np.uint8)
    mask[3:9, 4:9] = 2
    Image.fromarray(mask).save(root / "TestDataset/Kvasir/masks/a.png")


def other_size(root: Path, xml: Xml) -> None:
    Image.new("L", (50, 40)).save(root / "TestDataset/Kvasir/masks/a.png")


def more_than_official(root: Path, xml: Xml) -> None:
    for number in range(60):
        for side, mode in (("images", "RGB"), ("masks", "L")):
            Image.new(mode, (8, 8), number).save(root / "TestDataset/CVC-300" / side / f"more{number}.png")


def in_both(root: Path, xml: Xml) -> None:
    for side, name in (("image", "images"), ("mask", "masks")):
        shutil.copy(root / f"TrainDataset/{side}/1.png", root / f"TestDataset/CVC-300/{name}/copied.png")


def no_such_number(root: Path, xml: Xml) -> None:
    for end in ("", "_anno"):
        (root / f"testB_1{end}.bmp").rename(root / f"testB_21{end}.bmp")


def no_anno(root: Path, xml: Xml) -> None:
    (root / "testA_1_anno.bmp").unlink()


def black_and_white(root: Path, xml: Xml) -> None:
    file = root / "testA_1_anno.bmp"
    Image.fromarray((np.asarray(Image.open(file)) > 0) * np.uint8(255)).save(file)


def other_table(root: Path, xml: Xml) -> None:
    (root / "Grade.csv").write_text("name,grade\ntestA_1,benign\n")


def heic(root: Path, xml: Xml) -> None:
    (root / "testA_1.bmp").rename(root / "testA_1.heic")


def twice(root: Path, xml: Xml) -> None:
    shutil.copy(root / "testA_1.bmp", root / "testA_1.png")


REFUSED = [
    ("monuseg", missing_xml, "1 of 2 images have no .xml annotation: TCGA-4.tif"),
    ("monuseg", no_annotations, "'Annotations' is missing beside 'Tissue Images'"),
    ("monuseg", no_test, "'MoNuSegTestData', is missing. The official layout is"),
    ("monuseg", swapped_xml, "TCGA-5.xml: it is the same as TCGA-4.xml, the truth of another image"),
    ("monuseg", outside, "1 of 2 polygons lie outside the image of 52 x 40 pixels (region 2)"),
    ("monuseg", only_empty, "no polygon with an area (2 regions)"),
    ("monuseg", svs, ".svs is not what the benchmark comes with"),
    ("monuseg", cut_xml, "it is no whole XML"),
    ("sunseg", no_gt, "clips without both sides: case4 has no GT"),
    ("sunseg", no_frame, "1 of 4 GTs have no image"),
    ("sunseg", half_of_easy, "the folders 'Seen' and 'Unseen' are missing"),
    ("polyps", no_masks, "the folder 'masks' is missing"),
    ("polyps", unknown_set, "PICCOLO is no test set of this benchmark"),
    ("polyps", labels_for_mask, "its values go up to 2"),
    ("polyps", other_size, "the truth is 50 x 40 pixels, its image a.png 52 x 40"),
    ("polyps", more_than_official, "more than the official test images: CVC-300 61 of 60 images"),
    ("polyps", in_both, "1 test images stand in the training part by content: CVC-300/copied = train/1"),
    ("glas", no_such_number, "testB has the numbers 1 to 20"),
    ("glas", no_anno, "1 of 6 images have no _anno mask: testA_1.bmp"),
    ("glas", black_and_white, "black and white, and GlaS numbers its glands"),
    ("glas", other_table, "the columns 'name' and 'patient ID' are not both there"),
    ("glas", heic, ".heic is not what the benchmark comes with"),
    ("glas", twice, "testA_1.bmp and testA_1.png are one name twice"),
]


@pytest.mark.parametrize(("name", "spoil", "said"), REFUSED, ids=[spoil.__name__ for _, spoil, _ in REFUSED])
def test_it_is_refused_with_its_cure(
    name: str, spoil: Callable[[Path, Xml], None], said: str, make: Makers, xml: Xml, tmp_path: Path
) -> None:
    root = make[name](tmp_path / "data")
    spoil(root, xml)
    code, out, err = run(name, root, tmp_path)
    assert code == 3, out
    assert said in err
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert ". " in err.split(said)[1]


def test_allowed_duplicates_are_in_every_table(make: Makers, xml: Xml, tmp_path: Path) -> None:
    root = make["polyps"](tmp_path / "data")
    in_both(root, xml)
    code, out, _ = run("polyps", root, tmp_path, "--allow-duplicates", "--view", "all")
    assert code == 4
    assert out.count("DUPLICATES: 1 test images stand in the training part") == 3


def test_a_polygon_left_out_is_told_in_every_table(make: Makers, xml: Xml, tmp_path: Path) -> None:
    root = make["monuseg"](tmp_path / "data")
    (root / TEST / "TCGA-4.xml").write_text(xml([SQUARE, []]))
    code, out, _ = run("monuseg", root, tmp_path, "--view", "all")
    assert code == 4
    assert out.count("NOTE: TCGA-4.xml: 1 of 2 polygons empty, left out (region 2)") == 3


def test_other_formats_under_official_names_are_marked(make: Makers, tmp_path: Path) -> None:
    root = make["glas"](tmp_path / "data")
    Image.open(root / "testA_1.bmp").save(root / "testA_1.jpg")
    (root / "testA_1.bmp").unlink()
    code, out, _ = run("glas", root, tmp_path)
    assert code == 4
    assert "RE-ENCODED: 1 image and 0 masks of 6 are of another format; official are .bmp and .bmp" in out


def test_no_grades_are_a_note(make: Makers, tmp_path: Path) -> None:
    root = make["glas"](tmp_path / "data")
    (root / "Grade.csv").unlink()
    code, out, _ = run("glas", root, tmp_path)
    assert code == 4
    assert "NOTE: Grade.csv is missing" in out
