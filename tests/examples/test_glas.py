from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from autosam.core.errors import DataError

Load = Callable[[str], ModuleType]
HEADER = "name,patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)"
LINES = (
    HEADER,
    "train_1,2, benign, adenomatous",
    "train_2,5, benign, healthy",
    "train_10,2,a,b",
    "testA_1,4,a,b",
)


@pytest.fixture(params=["\n", "\r", "\r\n"], ids=["LF", "CR", "CRLF"])
def glas(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "glas"
    folder.mkdir()
    for name, image, mask in (("train_1", "bmp", "bmp"), ("train_2", "jpg", "png"), ("train_10", "bmp", "png")):
        (folder / f"{name}.{image}").touch()
        (folder / f"{name}_anno.{mask}").touch()
    for name in ("testA_1.bmp", "testA_1_anno.bmp", "notes.txt", "train_x.bmp"):
        (folder / name).touch()
    (folder / "Grade.csv").write_bytes(request.param.join(LINES).encode())
    return folder


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_image_has_its_mask_and_patient(glas: Path, example: Load) -> None:
    rows = example("glas/make_csv.py").rows(glas, "train")
    assert [(Path(i).name, Path(m).name, g) for i, m, g in rows] == [
        ("train_1.bmp", "train_1_anno.bmp", "patient 2"),
        ("train_2.jpg", "train_2_anno.png", "patient 5"),
        ("train_10.bmp", "train_10_anno.png", "patient 2"),
    ]
    assert all(Path(file).is_absolute() and Path(file).is_file() for row in rows for file in row[:2])


def test_the_command_writes_the_parts_that_are_there(
    glas: Path, tmp_path: Path, example: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = example("glas/make_csv.py")
    monkeypatch.setattr("sys.argv", ["make_csv.py", str(glas), str(tmp_path / "out")])
    script.main()
    script.main()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["testA.csv", "train.csv"]
    assert list(read(tmp_path / "out" / "testA.csv")[0]) == ["image", "mask", "group"]


def test_a_table_with_something_else_is_not_overwritten(tmp_path: Path, example: Load) -> None:
    script = example("glas/make_csv.py")
    script.write_table(tmp_path / "train.csv", [("a", "b", "c")])
    with pytest.raises(DataError, match="already"):
        script.write_table(tmp_path / "train.csv", [("a", "b", "d")])
    assert read(tmp_path / "train.csv") == [{"image": "a", "mask": "b", "group": "c"}]


@pytest.mark.parametrize(("gone", "said"), [("Grade.csv", "Grade.csv"), ("train_2_anno.png", "Put train_2_anno")])
def test_what_is_missing_is_named(glas: Path, gone: str, said: str, example: Load) -> None:
    (glas / gone).unlink()
    with pytest.raises(DataError, match=re.escape(said)):
        example("glas/make_csv.py").rows(glas, "train")


def test_an_image_without_a_patient_is_named(glas: Path, example: Load) -> None:
    (glas / "Grade.csv").write_text(HEADER + "\ntrain_1,2,a,b\n")
    with pytest.raises(DataError, match=r"train_2 is not in Grade\.csv"):
        example("glas/make_csv.py").rows(glas, "train")
