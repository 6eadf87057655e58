"""Images that are hostile, broken or odd: cases 4, 5 and 12."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from harness import zoo
from harness.commands import Limits
from harness.ledger import Try, judged
from harness.scene import Scene, changed, hashes, leftovers

# The limit that a batch of bombs is held to, beyond what the same command takes on sound images.
_MORE = 300 * zoo.MEBI


def bombs(scene: Scene) -> Iterator[Try]:
    """Decompression bombs between two sound images."""
    files = zoo.bombs()
    folder = _beside_sound(scene, files)
    plain = scene.do("predict", scene.run, scene.data / "images", "--out", scene.new("out"), "--engine", "torch")
    out = scene.new("out")
    before = hashes(folder)
    done = scene.do("predict", scene.run, folder, "--out", out, "--engine", "torch")
    heavy = (
        [f"took {(done.peak - plain.peak) >> 20} MiB more than sound images"] if done.peak > plain.peak + _MORE else []
    )
    yield judged(
        "the batch", done, code=4, names=["predictions.csv"], also=[*heavy, *changed(before, folder), *leftovers(out)]
    )
    # What these claim lies beside the picture, and is passed over without being read.
    yield from _listed(files, out, may_pass={"text.png", "profile.png", "tags.tif"})
    for name in ("claim.png", "strips.tif"):
        data = scene.copy(scene.data)
        (data / "images" / "case3.png").write_bytes(files[name])
        done = scene.train(scene.new("run"), "--epochs", "1", data=data)
        yield judged(f"{name} among training images", done, code=3, names=["case3.png"])


def damaged(scene: Scene) -> Iterator[Try]:
    """Files that are cut, empty, unreadable or no images at all."""
    files = zoo.damaged(scene.rng)
    folder = _beside_sound(scene, files)
    (folder / "folder.png").mkdir()
    (folder / "lost.png").symlink_to(folder / "nowhere")
    (folder / "endless.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.png")
    (folder / "secret.png").write_bytes((folder / "a-sound.png").read_bytes())
    (folder / "secret.png").chmod(0)
    out = scene.new("out")
    before = {path.name: path.lstat().st_mtime_ns for path in folder.iterdir()}
    done = scene.do("predict", scene.run, folder, "--out", out, "--engine", "torch", limits=Limits(rights=True))
    after = {path.name: path.lstat().st_mtime_ns for path in folder.iterdir()}
    touched = ["the user's folder was changed"] if before != after else []
    yield judged("the batch", done, code=4, names=["predictions.csv"], also=touched + leftovers(out))
    yield from _listed([*files, "lost.png", "endless.png", "pipe.png", "secret.png"], out)


def odd(scene: Scene) -> Iterator[Try]:
    """Sizes, depths and modes off the usual: each gets a mask; NaN explains itself; one image is enough to train."""
    files = zoo.sound()
    folder = scene.folder("images")
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    wrong = np.full((9, 9), np.nan, np.float32)
    (folder / "nan.tif").write_bytes(zoo.encoded(wrong, "TIFF"))
    out = scene.new("out")
    done = scene.do("predict", scene.run, folder, "--out", out, "--engine", "torch")
    yield judged("the batch", done, code=4, names=["nan.tif", "NaN"], also=leftovers(out))
    rows = _rows(out)
    for name, (_, size) in files.items():
        row = rows.get(name, {})
        mask = out / "masks" / f"{row.get('id')}.png"
        lost: tuple[str, ...] = (f"no mask: {row.get('error')}",)
        if mask.exists():
            with Image.open(mask) as picture:
                lost = () if (picture.height, picture.width) == size else (f"a mask of {picture.size}",)
        yield Try(name, lost)
    yield Try("nan.tif", () if "NaN" in rows.get("nan.tif", {}).get("error", "") else ("it is not explained",))
    data = _odd_data(scene, files)
    done = scene.train(scene.new("run"), "--epochs", "1", data=data)
    yield judged("trained on all of them", done, code=0)
    single = scene.copy(scene.data)
    for path in [*single.glob("*/case*.png")]:
        if path.stem != "case0":
            path.unlink()
    done = scene.train(scene.new("run"), "--epochs", "1", data=single)
    yield judged("trained on one image", done, code=0, names=["no case is held out"])


def _beside_sound(scene: Scene, files: dict[str, bytes]) -> Path:
    folder = scene.folder("images")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    for name, source in (("a-sound.png", "case0.png"), ("z-sound.png", "case1.png")):
        (folder / name).write_bytes((scene.data / "images" / source).read_bytes())
    return folder


def _listed(names: Iterable[str], out: Path, may_pass: frozenset[str] | set[str] = frozenset()) -> Iterator[Try]:
    rows = _rows(out)
    for name in names:
        row = rows.get(name)
        if row is None:
            yield Try(name, ("it is not in predictions.csv",))
        else:
            lost = () if row["error"] or name in may_pass else ("it was taken for an image",)
            yield Try(name, lost, row["error"])
    for name in ("a-sound.png", "z-sound.png"):
        there = (out / "masks" / name).exists()
        yield Try(f"{name} beside them", () if there else ("it was not predicted",))


def _rows(out: Path) -> dict[str, dict[str, str]]:
    file = out / "predictions.csv"
    if not file.exists():
        return {}
    with file.open(newline="", encoding="utf-8") as stream:
        return {Path(row["file"]).name: row for row in csv.DictReader(stream)}


def _odd_data(scene: Scene, files: dict[str, tuple[bytes, tuple[int, int]]]) -> Path:
    root = scene.folder("odd")
    for name in ("images", "masks"):
        (root / name).mkdir()
    for name, (data, (high, wide)) in files.items():
        stem = name.replace(".", "-")
        (root / "images" / f"{stem}{Path(name).suffix}").write_bytes(data)
        mask = np.zeros((high, wide), np.uint8)
        mask[: max(1, high // 2), : max(1, wide // 2)] = 255
        (root / "masks" / f"{stem}.png").write_bytes(zoo.encoded(mask, "PNG"))
    return root
