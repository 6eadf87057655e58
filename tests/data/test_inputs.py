"""What prediction is given: every image once, by the name that its case has where the data are scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from autosam.core.errors import DataError
from autosam.data.folder import find_pairs
from autosam.data.inputs import find_images, notes_on
from autosam.data.walk import distinct
from tests.data.names import touch

LAYOUTS = {
    "images and masks": ("images/{}.png", "masks/{}.tif"),
    "other names": ("img/{}.jpg", "gt/{}.png"),
    "channels": ("images/{}_0000.png", "labels/{}.png"),
    "deep": ("images/deep/{}.png", "masks/deep/{}.png"),
    "patients": ("p1/images/{}.png", "p1/masks/{}.png"),
    "side by side": ("{}.png", "{}_anno.png"),
    "side by side, deep": ("p1/{}.png", "p1/{}_MASK.bmp"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ids_are_those_of_the_cases(layout: str, tmp_path: Path) -> None:
    for stem in ("a", "b10", "b9"):
        touch(tmp_path, *(place.format(stem) for place in LAYOUTS[layout]))
    touch(tmp_path, *(place.format("c").replace("p1/", "p2/") for place in LAYOUTS[layout]))
    pairs = find_pairs(tmp_path).pairs
    assert set(find_images([tmp_path])) == {(pair.id, pair.image) for pair in pairs}
    rows = "".join(f"{pair.image},{pair.mask}\n" for pair in pairs)
    table = tmp_path / "table.csv"
    table.write_text(f"image,mask\n{rows}")
    assert find_images([table]) == [(pair.id, pair.image) for pair in find_pairs(table).pairs]


def test_new_images_in_a_folder_that_does_not_pair_have_their_paths(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "images/new.png", "masks/a.png")
    assert [name for name, _ in find_images([tmp_path])] == ["images/a", "images/new"]
    assert [name for name, _ in find_images([tmp_path / "images"])] == ["a", "new"]


def test_masks_beside_their_images_are_left_out_unless_they_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a_mask.png", "new.png", "only_mask.png", "deep/b.jpg", "deep/b_GT.png", "deep/a_seg.png")
    assert [name for name, _ in find_images([tmp_path])] == ["a", "new", "only_mask", "deep/a_seg", "deep/b"]
    (note,) = notes_on([tmp_path])
    assert "a_mask.png, b_GT.png." in note
    assert notes_on([tmp_path / "a_mask.png"]) == []
    assert [name for name, _ in find_images([tmp_path / "a_mask.png"])] == ["a_mask"]


def test_formats_that_are_not_read_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.webp", "c.nii.gz", "d.DCM", "deep/e.czi", "notes.txt", "Thumbs.db", ".f.dcm")
    (note,) = notes_on([tmp_path])
    assert "4 files of formats that are not read are passed over: b.webp, c.nii.gz, d.DCM, ..." in note
    assert notes_on([tmp_path / "a.png"]) == []
    with pytest.raises(DataError, match=r"no image in this folder.*1 file of formats.*e\.czi"):
        find_images([tmp_path / "deep"])


def test_videos_among_images_are_told_and_are_clips_for_those_who_ask(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.mp4", "deep/c.AVI", "deep/d.mkv", "deep/e.webm", "f.webp")
    unread, videos = notes_on([tmp_path])
    assert videos.startswith("4 videos are passed over: b.mp4, c.AVI, d.mkv, ....")
    assert notes_on([tmp_path], clips=True) == [unread]
    assert notes_on([tmp_path / "b.mp4"]) == []


def test_formats_of_masks_are_no_matter_of_prediction(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "masks/a.nii.gz")
    assert notes_on([tmp_path]) == []


def test_tables_of_one_case_and_a_table_that_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "x/images/a.png", "x/masks/a.png", "y/images/a.png", "y/masks/a.png")
    for place in ("x", "y"):
        (tmp_path / place / f"{place}.csv").write_text("image,mask\nimages/a.png,masks/a.png\n")
    found = find_images([tmp_path / "x" / "x.csv", tmp_path / "y" / "y.csv"])
    assert [name for name, _ in found] == ["x/images/a", "y/images/a"]
    (tmp_path / "none.csv").write_text("picture\na.png\n")
    with pytest.raises(DataError, match="column named 'image'"):
        find_images([tmp_path / "none.csv"])


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    (tmp_path / "images" / "again").symlink_to(tmp_path / "images", target_is_directory=True)
    assert len(find_images([tmp_path / "images"])) == 1


def test_inputs_of_prediction(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "one/a.png",
        "one/a.jpg",
        "one/sub/b.TIF",
        "one/c.txt",
        "two/b.png",
        "two/a.bmp",
        "odd.dat",
        "one/a.png.bmp",
    )
    found = find_images(
        [tmp_path / "one", tmp_path / "two" / "b.png", tmp_path / "odd.dat", tmp_path / "one" / "a.jpg"]
    )
    assert dict(found) == {
        "one/a.png": tmp_path / "one/a.png",
        "a.jpg": tmp_path / "one/a.jpg",
        "a.png.bmp": tmp_path / "one/a.png.bmp",
        "sub/b": tmp_path / "one/sub/b.TIF",
        "b": tmp_path / "two/b.png",
        "odd.dat": tmp_path / "odd.dat",
    }
    both = find_images([tmp_path / "one", tmp_path / "two"])
    assert len({name for name, _ in both}) == len(both) == 6
    (tmp_path / "empty").mkdir()
    for missing in ("empty", "nowhere.png"):
        with pytest.raises(DataError):
            find_images([tmp_path / missing])


def test_masks_beside_images_are_nothing_to_predict(tmp_path: Path) -> None:
    for name in ("a/images/x.png", "a/masks/x.png", "labels/y.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [name for name, _ in find_images([tmp_path])] == ["a/x", "labels/y"]


def test_what_a_prediction_wrote_is_nothing_to_predict(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "out/masks/a.png", "out/overlays/a.png", "other/b.png", "broken/c.png")
    (tmp_path / "out" / "predict.json").write_text('{"card": "1", "model": "2", "threshold": 0.5}')
    (tmp_path / "other" / "predict.json").write_text('{"model": "of another program"}')
    (tmp_path / "broken" / "predict.json").write_text("{")
    assert [name for name, _ in find_images([tmp_path])] == ["a", "broken/c", "other/b"]
    with pytest.raises(DataError, match="predictions"):
        find_images([tmp_path / "out"])
    assert [name for name, _ in find_images([tmp_path / "out" / "masks"])] == ["a"]


def test_ids_differ_in_more_than_case_where_they_can(tmp_path: Path) -> None:
    touch(tmp_path, "one/Scan.png", "two/scan.png", "three/a.png", "three/A.jpg")
    found = find_images([tmp_path / name for name in ("one", "two", "three")])
    assert [name for name, _ in found] == ["one/Scan.png", "two/scan.png", "A.jpg", "a.png"]
    assert distinct([("a", "a.png"), ("A", "A.png")]) == ["a.png", "A.png"]
    with pytest.raises(DataError, match="'a'"):
        distinct([("A",), ("a",), ("a",)])
