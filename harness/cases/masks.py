"""Masks and their pairing with images: cases 6 to 11 and 13."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from harness.commands import Done
from harness.ledger import Try, judged
from harness.scene import Scene, changed, hashes

_TURNED = Image.Exif()
_TURNED[0x0112] = 6


def turned(scene: Scene) -> Iterator[Try]:
    """Images turned by EXIF."""
    data = _every(scene, "images", lambda image, path: image.save(path, exif=_TURNED))
    for done in _checked_and_trained(scene, data):
        yield judged("a turned image, its mask not", done, code=3, names=["case0", "EXIF orientation"])
    both = scene.copy(data)
    for path in (both / "masks").iterdir():
        _loaded(path).save(path, exif=_TURNED)
    yield judged("both turned", scene.do("data", "check", both), code=0)
    square = scene.copy(scene.data)
    for path in sorted(square.glob("*/*.png")):
        with Image.open(path) as picture:
            cut = picture.crop((0, 0, 48, 48))
        if path.parent.name == "images":
            cut.save(path, exif=_TURNED)
        else:
            cut.save(path)
    yield judged(
        "a mismatch that sizes do not show", scene.do("data", "check", square), code=0, names=["orientation 6"]
    )
    out = scene.new("out")
    done = scene.do("predict", scene.run, data / "images", "--out", out, "--engine", "torch")
    also = []
    for file in (out / "masks").glob("*.png"):
        with Image.open(file) as picture:
            also += [f"{file.name} is {picture.size}"] if picture.size != (48, 64) else []
    yield judged("predicted as it is seen", done, code=0, also=also)


def names(scene: Scene) -> Iterator[Try]:
    """Names that do not pair."""
    data = scene.copy(scene.data)
    (data / "masks" / "case3.png").rename(data / "masks" / "csae3.png")
    for done in _checked_and_trained(scene, data):
        yield judged("a misspelt mask", done, code=3, names=["case3.png", "csae3.png", "nearest"])
    data = scene.copy(scene.data)
    (data / "images" / "more.png").write_bytes((data / "images" / "case0.png").read_bytes())
    for done in _checked_and_trained(scene, data):
        yield judged("an image without a mask", done, code=3, names=["more.png"])
    data = scene.copy(scene.data)
    shutil.copy(data / "images" / "case0.png", data / "images" / "case0.bmp")
    for done in _checked_and_trained(scene, data):
        yield judged("a doubled image", done, code=3, names=["case0.bmp, case0.png", "too many"])
    data = scene.copy(scene.data)
    for path in list((data / "images").iterdir()):
        path.rename(path.with_name(f"{path.stem}_0000.png"))
    yield judged("_0000 in the images' names", scene.do("data", "check", data), code=0)
    shutil.copy(data / "images" / "case0_0000.png", data / "images" / "case0_0001.png")
    yield judged("two channels of an image", scene.do("data", "check", data), code=3, names=["case0_0001.png"])
    table = scene.folder("table") / "cases.csv"
    table.write_text(f"image,msk\n{scene.data}/images/case0.png,{scene.data}/masks/case0.png\n")
    yield judged("a misspelt column", scene.do("data", "check", table), code=3, names=["cases.csv", "'mask'"])
    table.write_text("image,mask\nnowhere.png,nowhere.png\n")
    yield judged("a table of missing files", scene.do("data", "check", table), code=3, names=["line 2", "nowhere.png"])


def sizes(scene: Scene) -> Iterator[Try]:
    """A mask of another size than its image."""
    data = scene.copy(scene.data)
    with Image.open(data / "masks" / "case2.png") as mask:
        mask.resize((32, 24)).save(data / "masks" / "case2.png")
    for done in _checked_and_trained(scene, data):
        yield judged("check and train", done, code=3, names=["case2.png", "32 x 24", "64 x 48"])
    done = scene.do("evaluate", scene.data, "--predictions", data / "masks", "--out", scene.new("out"))
    yield judged("a prediction of another size", done, code=4)


def encodings(scene: Scene) -> Iterator[Try]:
    """The same mask in every encoding."""
    shares: dict[str, list[float]] = {}
    for name, save in _ENCODINGS.items():
        data = _every(scene, "masks", save)
        before = hashes(data)
        done = scene.do("data", "check", data, "--json")
        yield judged(name, done, code=0, also=changed(before, data))
        shares[name] = [case["share"] for case in json.loads(done.out)["cases"]] if done.code == 0 else []
    alike = all(share == shares["0 and 255"] for share in shares.values())
    yield Try("all the same foreground", () if alike else (f"shares differ: {shares}",))
    noisy = _every(scene, "masks", lambda mask, path: mask.save(path.with_suffix(".jpg"), quality=60), replace=True)
    for done in _checked_and_trained(scene, noisy):
        yield judged("JPEG", done, code=3, names=["case0.jpg", '--foreground "> 127"'])
    done = scene.do("data", "check", noisy, "--foreground", "> 127", "--json")
    close = done.code == 0 and np.allclose(
        [case["share"] for case in json.loads(done.out)["cases"]], shares["0 and 255"], atol=0.01
    )
    yield judged("JPEG with the flag", done, code=0, also=[] if close else ["another foreground"])
    mixed = scene.copy(scene.data)
    for number, save in enumerate(_ENCODINGS.values()):
        path = mixed / "masks" / f"case{number}.png"
        save(_loaded(path), path)
    run = scene.new("run")
    done = scene.train(run, "--epochs", "2", data=mixed)
    same = done.code == 0 and (run / "model.safetensors").read_bytes() == (scene.run / "model.safetensors").read_bytes()
    yield judged("trained on all of them mixed", done, code=0, also=[] if same else ["other weights"])


def extremes(scene: Scene) -> Iterator[Try]:
    """Masks that are all empty or all full."""
    for name, value in (("empty", 0), ("full", 255)):
        data = scene.copy(scene.data)
        for path in (data / "masks").iterdir():
            Image.new("L", (64, 48), value).save(path)
        run = scene.new("run")
        done = scene.train(run, "--epochs", "1", data=data)
        yield judged(f"trained on {name} masks", done, code=0, also=_infinite(run))
        out = scene.new("out")
        done = scene.do("evaluate", data, "--predictions", data / "masks", "--out", out, "--json")
        right = done.code == 0 and json.loads(done.out)["dice"]["mean"] == 1
        yield judged(f"{name} against {name}", done, code=0, also=[] if right else ["it does not score 1"])


def classes(scene: Scene) -> Iterator[Try]:
    """Masks of several classes or instances, given as if they were binary."""

    def two(mask: Image.Image, path: Path) -> None:
        labels = (np.asarray(mask) > 0).astype(np.uint8)
        labels[:, 32:] *= 2
        Image.fromarray(labels).save(path)

    def instances(mask: Image.Image, path: Path) -> None:
        rows = np.arange(48, dtype=np.uint16)[:, None]
        Image.fromarray(((np.asarray(mask) > 0) * (1 + rows // 2)).astype(np.uint16)).save(path)

    def apart(mask: Image.Image, path: Path) -> None:
        mask.point(lambda v: (1 + int(path.stem[-1]) % 2) * (v > 0)).save(path)

    for what, save in (("two classes", two), ("instances", instances), ("a class a mask", apart)):
        for done in _checked_and_trained(scene, _every(scene, "masks", save)):
            yield judged(what, done, code=3, names=["--foreground"])


def leaks(scene: Scene) -> Iterator[Try]:
    """The same image in training and in validation or test."""
    done = scene.train(scene.new("run"), "--epochs", "1", "--val-data", scene.data)
    yield judged("in validation", done, code=0, names=["warning: the same image is in training and validation"])
    renamed = scene.copy(scene.data)
    for path in sorted(renamed.glob("*/*.png")):
        path.rename(path.with_name(f"other-{path.name}"))
    done = scene.do("evaluate", scene.run, renamed, "--out", scene.new("out"), "--engine", "torch")
    yield judged("in test, under another name", done, code=0, names=["warning: SEEN IN TRAINING"])


def _checked_and_trained(scene: Scene, data: Path) -> Iterator[Done]:
    before = hashes(data)
    yield scene.do("data", "check", data)
    run = scene.new("run")
    done = scene.train(run, "--epochs", "1", data=data)
    if changed(before, data) or run.exists():
        raise AssertionError(f"{data} was changed, or {run} was left behind by a training that never began")
    yield done


def _every(scene: Scene, side: str, save: Callable[[Image.Image, Path], None], *, replace: bool = False) -> Path:
    data = scene.copy(scene.data)
    for path in sorted((data / side).iterdir()):
        save(_loaded(path), path)
        if replace:
            path.unlink()
    return data


def _loaded(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
    return picture


def _infinite(run: Path) -> list[str]:
    log = run / "log.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    bad = [row for row in rows if not all(math.isfinite(v) for v in row.values() if isinstance(v, float))]
    return ["the loss is not finite"] * bool(bad or not rows)


def _palette(mask: Image.Image, path: Path) -> None:
    indexed = mask.point(lambda value: value > 0).convert("L")
    indexed.putpalette([10, 200, 30, 250, 0, 90])
    indexed.save(path)


_ENCODINGS: dict[str, Callable[[Image.Image, Path], None]] = {
    "0 and 1": lambda mask, path: mask.point(lambda value: value > 0).save(path),
    "0 and 255": lambda mask, path: mask.save(path),
    "16 bits": lambda mask, path: Image.fromarray(np.asarray(mask).astype(np.uint16) * 257).save(path),
    "palette": _palette,
    "few colours": lambda mask, path: mask.convert("RGB").quantize(2).save(path),
    "RGB": lambda mask, path: mask.convert("RGB").save(path),
    "RGBA": lambda mask, path: mask.convert("RGBA").save(path),
    "1 bit": lambda mask, path: mask.convert("1").save(path),
}
