"""Pairs are found by name in every layout, and whatever does not pair is said."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.errors import DataError, UsageError
from autosam.data.folder import find_pairs
from autosam.data.matching import match
from autosam.data.walk import natural
from tests.data.names import touch

STEMS = st.sets(st.from_regex(r"[a-c]{1,3}_?[0-9]{0,3}", fullmatch=True), min_size=1, max_size=8)
SUFFIXES = st.sampled_from([".png", ".jpg", ".TIF", ".bmp"])


def _ids(root: Path, **options: str) -> list[str]:
    return [pair.id for pair in find_pairs(root, **options).pairs]


@given(STEMS, st.data())
def test_names_pair_across_suffixes_and_orders(stems: set[str], data: st.DataObject) -> None:
    images = {stem + data.draw(SUFFIXES): Path(f"i/{stem}") for stem in data.draw(st.permutations(sorted(stems)))}
    ending = data.draw(st.sampled_from(["", "_mask", "_GT", "_anno", "_seg"]))
    masks = {
        stem + ending + data.draw(SUFFIXES): Path(f"m/{stem}") for stem in data.draw(st.permutations(sorted(stems)))
    }
    found = match(images, masks, Path("root"))
    assert [pair.name for pair in found] == sorted(stems, key=natural)
    assert all(pair.image.name == pair.mask.name == pair.name for pair in found)


@given(STEMS, st.data())
def test_what_is_missing_is_named(stems: set[str], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(stems)))
    whole = {f"{stem}.png": Path(stem) for stem in stems}
    part = {name: path for name, path in whole.items() if name != f"{lost}.png"}
    for images, masks in ((whole, part), (part, whole)):
        with pytest.raises(DataError) as caught:
            match(images, masks, Path("root"))
        assert f"{lost}.png" in caught.value.message
        assert caught.value.exit_code == 3


def test_folders_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "train/images/a/x_2.png", "train/images/a/x_10.jpg", "train/masks/a/x_2.png")
    touch(tmp_path, "train/masks/a/x_10.PNG", "val/IMG/y.bmp", "val/GT/y_mask.png", "train/instances/a/x_2.png")
    touch(tmp_path, "notes.txt", "test/images/z.png", "train/images/.hidden.png", "train/images/Thumbs.db")
    touch(tmp_path, "__MACOSX/images/q.png")
    pairing = find_pairs(tmp_path)
    assert [pair.id for pair in pairing.pairs] == ["train/a/x_2", "train/a/x_10", "val/y"]
    assert set(pairing.ignored) == {"train/instances/", "test/", "notes.txt"}


@pytest.mark.parametrize("ending", ["_mask", "_anno", "_gt", "_seg", "_Mask"])
def test_flat(tmp_path: Path, ending: str) -> None:
    touch(
        tmp_path,
        "a b.jpg",
        f"a b{ending}.png",
        "ü.png",
        f"ü{ending}.gif",
        "table.csv",
        "sub/c.png",
        f"sub/c{ending}.png",
    )
    touch(tmp_path, "instances/a b.png")
    pairing = find_pairs(tmp_path)
    assert {pair.id for pair in pairing.pairs} == {"a b", "ü", "sub/c"}
    assert set(pairing.ignored) == {"table.csv", "instances/"}


def test_channel_digits(tmp_path: Path) -> None:
    touch(tmp_path, "images/a_0000.png", "images/b_0000.png", "images/c_0000.png")
    touch(tmp_path, "masks/a.png", "masks/b.png", "masks/c_0000.png")
    assert _ids(tmp_path) == ["a", "b", "c_0000"]
    touch(tmp_path, "images/a_0001.png")
    with pytest.raises(DataError, match=r"a_0000\.png, a_0001\.png"):
        find_pairs(tmp_path)


@pytest.mark.parametrize(
    "names", [("images/a.png", "images/a.jpg", "masks/a.png"), ("images/a.png", "masks/a.png", "masks/a_gt.png")]
)
def test_doubled_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="doubled name"):
        find_pairs(touch(tmp_path, *names))


def test_table_of_faults_has_the_nearest_names_and_an_end(tmp_path: Path) -> None:
    touch(tmp_path, *(f"images/case_{n}.png" for n in range(40)), *(f"masks/cas_{n}.png" for n in range(40)))
    with pytest.raises(DataError) as caught:
        find_pairs(tmp_path)
    message = caught.value.message
    assert "40 images without a mask, 40 masks without an image" in message
    assert "nearest mask: cas_0.png" in message
    assert "and 68 more" in message
    assert message.count("\n") == 13


def test_layouts_that_cannot_be(tmp_path: Path) -> None:
    for names, word in (
        (("two/images/a.png", "two/masks/a.png", "two/labels/a.png"), "not guessed"),
        (("one/images/a.png",), "no masks"),
        (("flat/a.png", "flat/b.png"), "2 images and no masks"),
        (("none/a.txt",), "no images"),
        (("side/images/a.png", "side/masks/a.png"), "one side"),
    ):
        root = touch(tmp_path, *names) / names[0].split("/")[0]
        with pytest.raises(DataError, match=word) as caught:
            find_pairs(root / "images" if word == "one side" else root)
        assert caught.value.cure
    with pytest.raises(DataError, match="no such"):
        find_pairs(tmp_path / "nowhere")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "masks/a.png")
    (tmp_path / "images" / "again").symlink_to(tmp_path / "images")
    (tmp_path / "up").symlink_to(tmp_path)
    assert _ids(tmp_path) == ["a"]


@pytest.mark.parametrize(("columns", "said"), [
    ("image,mask,patient", "patient take no part; one that names patients"),
    ("image,mask,group,age", "age take no part$"),
    ("image,mask,group", None),
])  # fmt: skip
def test_columns_that_take_no_part_are_named(tmp_path: Path, columns: str, said: str | None) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    (tmp_path / "t.csv").write_text(f"{columns}\na.png,b.png,p1,3\n")
    notes = find_pairs(tmp_path / "t.csv").notes
    assert len(notes) == (said is not None)
    assert said is None or re.search(said, notes[0])
    assert all("called group" not in note for note in find_pairs(tmp_path / "t.csv", group="a").notes)


def test_groups(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{side}/p{n}_{k}.png" for side in ("images", "masks") for n in (1, 2) for k in (0, 1)))
    assert [pair.group for pair in find_pairs(tmp_path, group=r"(p\d)_").pairs] == ["p1", "p1", "p2", "p2"]
    assert [pair.group for pair in find_pairs(tmp_path, group=r"p\d").pairs] == ["p1", "p1", "p2", "p2"]
    with pytest.raises(DataError, match="p2_0"):
        find_pairs(tmp_path, group="p1")
    with pytest.raises(UsageError):
        find_pairs(tmp_path, group="(")


@pytest.mark.parametrize("mark", ["", "\ufeff", "\r\n\n"], ids=["bare", "marked", "empty lines"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_table(tmp_path: Path, mark: str, delimiter: str) -> None:
    touch(tmp_path, "pics/a.png", "pics/b, c.jpg", "m/1.png", "m/2.png")
    rows = [("Image", "mask", "group"), ("pics/a.png", "m/1.png", "p"), ('"pics/b, c.jpg"', "m/2.png", "")]
    (tmp_path / "t.csv").write_text(mark + "".join(delimiter.join(row) + "\r\n" for row in rows), encoding="utf-8")
    pairs = find_pairs(tmp_path / "t.csv").pairs
    assert [(pair.id, pair.image.name, pair.mask and pair.mask.name, pair.group) for pair in pairs] == [
        ("pics/a", "a.png", "1.png", "p"),
        ("pics/b, c", "b, c.jpg", "2.png", None),
    ]
    assert [pair.group for pair in find_pairs(tmp_path / "t.csv", group=r"^.{6}").pairs] == ["pics/a", "pics/b"]


def test_table_outside_its_folder(tmp_path: Path) -> None:
    touch(tmp_path, "data/x/a.png", "data/y/a.png", "data/m.png", "lists/none")
    (tmp_path / "lists" / "t.csv").write_text(
        "image,mask\n../data/x/a.png,../data/m.png\n../data/y/a.png,../data/m.png\n"
    )
    assert _ids(tmp_path / "lists" / "t.csv") == ["x/a", "y/a"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("image,masks\na.png,m.png\n", "'mask'"),
        ("picture,mask\na.png,m.png\n", "'image'"),
        ("image,mask\n", "no rows"),
        ("image,mask\na.png,\n", "line 2: the cell of 'mask'"),
        ("image,mask\na.png,m.png\nno.png,m.png\n", "line 3: there is no file no.png"),
        ("image,mask\na.png,m.png\na.png,m.png\n", "listed already in line 2"),
        ('image,mask\n"a.png,m.png\n', "line 2"),
        ("image,mask\npics\\a.png,m.png\n", r"line 2: there is no file pics\\a\.png\. Write /"),
    ],
)
def test_faulty_tables(tmp_path: Path, text: str, word: str) -> None:
    touch(tmp_path, "a.png", "m.png")
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=word) as caught:
        find_pairs(tmp_path / "t.csv")
    assert caught.value.cure


def test_table_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"image,mask\n\xff\xfe")
    with pytest.raises(DataError, match="UTF-8"):
        find_pairs(tmp_path / "t.csv")


def test_order_is_natural_and_total() -> None:
    names = ["x_2", "x_10", "X_3", "x_03", "x_3", "a", "10", "9", ""]
    orders = set()
    for seed in range(5):
        shuffled = random.Random(seed).sample(names, len(names))
        orders.add(tuple(sorted(shuffled, key=natural)))
    (order,) = orders
    assert order.index("9") < order.index("10")
    assert order.index("x_2") < order.index("x_3") < order.index("x_10")


@pytest.mark.parametrize("layout", [("images/{}", "masks/{}"), ("p1/images/{}", "p1/masks/{}"), ("{}", "{}_mask")])
def test_what_a_prediction_wrote_among_the_images_is_no_image(tmp_path: Path, layout: tuple[str, str]) -> None:
    names = [f"{place.format(stem)}.png" for stem in ("a", "b") for place in layout]
    touch(tmp_path, *names)
    ids = _ids(tmp_path)
    out = (tmp_path / names[0]).parent / "out"
    touch(out, "masks/a.png", "overlays/a.png")
    (out / "predict.json").write_text('{"card": "1", "model": "2", "threshold": 0.5}')
    assert _ids(tmp_path) == ids
    assert f"{out.relative_to(tmp_path).as_posix()}/ (predictions)" in find_pairs(tmp_path).ignored


def test_ids_of_a_table_do_not_depend_on_how_its_paths_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "data/images/a.png", "data/images/b.png", "data/masks/a.png", "data/masks/b.png")
    monkeypatch.chdir(tmp_path)
    for start in ("", f"{tmp_path}/data/", "../data/"):
        rows = "".join(f"{start}images/{stem}.png,{start}masks/{stem}.png\n" for stem in ("a", "b"))
        Path("data/table.csv").write_text(f"image,mask\n{rows}")
        for table in ("data/table.csv", "./data/../data/table.csv", f"{tmp_path}/data/table.csv"):
            assert _ids(Path(table)) == ["images/a", "images/b"]


@pytest.mark.parametrize("layout", [("images/{}", "masks/{}"), ("p1/images/{}", "p1/masks/{}"), ("{}", "{}_mask")])
def test_formats_that_are_not_read_are_noted_where_images_lie(tmp_path: Path, layout: tuple[str, str]) -> None:
    touch(tmp_path, *(f"{place.format('a')}.png" for place in layout), f"{layout[0].format('slide')}.svs")
    (note,) = find_pairs(tmp_path).notes
    assert "1 file of formats that are not read is passed over: slide.svs. Convert" in note


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("images/a.png", "images/b.webp", "masks/a.png", "masks/b.png"), r"b\.webp is of a format that is not read"),
        (("images/a.png", "masks/a_seg.nii.gz"), r"a_seg\.nii\.gz is of a format that is not read"),
        (("x/images/a.1.png", "x/masks/a.1.dcm"), r"a\.1\.dcm is of a format that is not read"),
        (("a.png", "a_mask.png", "b_mask.png", "b.webp"), r"b\.webp is of a format that is not read"),
        (("a.webp", "b.webp"), r"no images in it\. 2 files of formats that are not read"),
        (("a.png", "a_mask.npy"), r"no masks for them\. 1 file of formats that are not read"),
    ],
)
def test_what_is_missing_may_be_of_a_format_that_is_not_read(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(DataError, match=said):
        find_pairs(tmp_path)


def test_a_scanner_gives_no_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "masks/a.png", "images/LICENSE")
    for name in ("IM_0001", "1.2.840.10008"):
        (tmp_path / "images" / name).write_bytes(bytes(128) + b"DICM")
    (note,) = find_pairs(tmp_path).notes
    assert "2 files" in note and "1.2.840.10008, IM_0001." in note


def test_files_elsewhere_are_no_matter_of_formats(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "masks/a.png", "scans/b.dcm", "images/readme.txt", "images/.c.dcm")
    pairing = find_pairs(tmp_path)
    assert pairing.notes == ()
    assert pairing.ignored == ("scans/",)


def test_names_that_are_no_text_have_ids_that_are(tmp_path: Path) -> None:
    try:
        touch(tmp_path, *(os.fsdecode(side + b"/c\xe9.png") for side in (b"images", b"masks")))
    except OSError:
        pytest.skip("this disk takes no such names")
    (pair,) = find_pairs(tmp_path).pairs
    assert pair.id == "c\\udce9"
    assert pair.image.exists()


def test_a_mask_of_several_images_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.png", "b.png", "c.png", "m.png", "n.png")
    (tmp_path / "t.csv").write_text("image,mask\na.png,m.png\nb.png,./m.png\nc.png,n.png\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "u.csv").write_text(f"image,mask\na.png,m.png\nb.png,{tmp_path}/m.png\n")
    assert find_pairs(Path("u.csv")).notes == ("m.png is the mask of several images: a.png, b.png",)
    (tmp_path / "v.csv").write_text(f"image,mask\na.png,m.png\n{tmp_path}/a.png,n.png\n")
    with pytest.raises(DataError, match=r"line 3: a\.png is listed already in line 2"):
        find_pairs(Path("v.csv"))
    assert find_pairs(tmp_path / "t.csv").notes == ("m.png is the mask of several images: a.png, b.png",)
