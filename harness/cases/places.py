"""Places to write to: full, read-only, taken, oddly named; and predictions that were stopped: cases 16, 17 and 20."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.commands import Limits
from harness.ledger import Try, judged
from harness.scene import TINY, Scene, changed, differences, halves, hashes, leftovers

_FLAGS = ("--epochs", "2")


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Mounts a disk of `size` bytes; yields whether that was allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full(scene: Scene) -> Iterator[Try]:
    """A disk that is full at one write or another; with room again everything goes on."""
    whole = sum(path.stat().st_size for path in scene.run.rglob("*") if path.is_file())
    for share in (0.001, 0.2, 0.45, 0.62, 0.8, 0.97):
        disk = scene.new("disk")
        with small_disk(disk, int(share * whole)) as mounted:
            if not mounted:
                break
            done = scene.train(disk / "run", *_FLAGS)
            yield judged(f"training on a disk of {share:.1%}", done, code=5, names=["disk/run"], also=leftovers(disk))
            subprocess.run(["mount", "-o", f"remount,size={3 * whole}", str(disk)], check=True)
            resume = ["--resume"] if (disk / "run").exists() else []
            done = scene.train(disk / "run", *_FLAGS, *resume)
            yield judged("and with room again", done, code=0, also=differences(disk / "run", scene.run))
    for limit in (0, 300, 10_000, 1_000_000, 5_000_000):
        run = scene.new("run")
        done = scene.train(run, *_FLAGS, limits=Limits(file_size=limit))
        yield judged(f"training with files of {limit} bytes", done, code=5, also=leftovers(run))
        resume = ["--resume"] if run.exists() else []
        done = scene.train(run, *_FLAGS, *resume)
        yield judged("and without that limit", done, code=0, also=differences(run, scene.run))
    run = scene.copy(scene.run)
    before = hashes(run)
    out = scene.new("out")
    done = scene.do(
        "predict", run, scene.data / "images", "--out", out, "--engine", "torch", limits=Limits(file_size=3000)
    )
    yield judged("predictions", done, code=5, names=["out"], also=[*leftovers(out), *changed(before, run)])
    done = scene.do("predict", run, scene.data / "images", "--out", out, "--engine", "torch", "--resume")
    yield judged("and resumed", done, code=0, also=_unequal(out, _reference(scene)))
    done = scene.do(
        "evaluate", run, scene.data, "--out", scene.new("out"), "--engine", "torch", limits=Limits(file_size=3000)
    )
    yield judged("a report", done, code=5, names=["out"])
    cache = scene.folder("cache")
    done = scene.train(scene.new("run"), *_FLAGS, cache=cache, limits=Limits(file_size=2000))
    yield judged("the cache", done, code=5, also=leftovers(cache))


def stopped_predictions(scene: Scene) -> Iterator[Try]:
    """Predictions stopped at random moments: whole or absent; --resume does the rest."""
    images = scene.folder("images")
    for number in range(64):
        shutil.copy(scene.data / "images" / f"case{number % 8}.png", images / f"{number:03d}.png")
    whole = scene.new("out")
    common = ["predict", scene.run, images, "--engine", "torch", "--probabilities", "--out"]
    lasting = scene.do(*common, whole).seconds
    for name, number in (("SIGKILL", signal.SIGKILL), ("SIGTERM", signal.SIGTERM), ("Ctrl-C", signal.SIGINT)):
        out, tries = scene.new("out"), []
        for _ in range(3):
            running = scene.start(*common, out, "--resume")
            running.until(_more_masks(out, scene.rng.randrange(20)), lasting)
            running.signal(number)
            done = running.done()
            code = {0, -number} if number == signal.SIGKILL else {0, 130}
            also = halves(out) if number == signal.SIGKILL else leftovers(out)
            tries.append(judged(f"{name} at {len(list(out.glob('masks/*.png')))} of 64", done, code=code, also=also))
        done = scene.do(*common, out, "--resume")
        end = judged(f"resumed after 3 of {name}", done, code=0, also=[*_unequal(out, whole), *leftovers(out)])
        yield from (Try(one.what, one.lost or end.lost, one.said) for one in tries)
        yield end
    done = scene.do(*common, whole)
    yield judged("over a finished folder", done, code=2, names=["out", "--resume"])
    kept = hashes(whole)
    done = scene.do(*common, whole, "--resume", "--threshold", "0.7")
    yield judged("resumed with another threshold", done, code=2, names=["threshold"], also=changed(kept, whole))
    done = scene.do("predict", scene.whole("--epochs", "1"), *common[2:], whole, "--resume")
    yield judged("resumed with another run", done, code=2, names=["out"], also=changed(kept, whole))
    out = scene.new("out")
    first = scene.start(*common, out)
    first.until(lambda: len(list(out.glob("masks/*.png"))) > 2)
    # It holds its folder all the same, however long the second one takes to start.
    first.signal(signal.SIGSTOP)
    second = scene.do(*common, out, "--resume")
    first.signal(signal.SIGCONT)
    yield judged("two writers: the second", second, code=2, names=["another process"])
    yield judged("two writers: the first", first.done(), code=0, also=_unequal(out, whole))
    done_report = scene.start("evaluate", scene.run, scene.data, "--out", scene.new("out"), "--engine", "torch")
    done_report.until(lambda: "evaluating" in done_report.log.read_text())
    done_report.signal(signal.SIGTERM)
    yield judged("SIGTERM while evaluating", done_report.done(), code=(0, 130))


def names(scene: Scene) -> Iterator[Try]:
    """Odd names, a.png beside a.jpg; outputs that are read-only or taken."""
    images = scene.folder("images")
    pixels = (scene.data / "images" / "case0.png").read_bytes()
    odd = [
        "a b.png",
        "-rf.png",
        "ä\u0308é.png",
        "новый.png",
        "new\nline.png",
        "quo\"te',.png",
        "a.b.c.png",
        "%s{0}.png",
        "x" * 251 + ".png",
    ]
    for name in odd:
        (images / name).write_bytes(pixels)
    Path(os.fsdecode(os.fsencode(images) + b"/latin\xe9.png")).write_bytes(pixels)
    (images / ("y" * 250 + ".jpeg")).write_bytes(pixels)
    (images / "a.png").write_bytes(pixels)
    (images / "a.jpg").write_bytes(pixels)
    before = hashes(images)
    out = scene.new("out")
    done = scene.do("predict", scene.run, images, "--out", out, "--engine", "torch")
    masks = [path for path in (out / "masks").rglob("*.png")]
    also = [*changed(before, images), *leftovers(out)]
    also += [f"{len(masks)} masks of {len(odd) + 4}"] if len(masks) != len(odd) + 4 else []
    yield judged(f"{len(odd) + 4} odd names", done, code=0, also=also)
    done = scene.do("predict", scene.run, images, "--out", out, "--engine", "torch")
    kept = hashes(out)
    yield judged("predictions over others", done, code=2, names=["out", "not empty"], also=changed(kept, out))
    for what, arguments in (
        ("a run over another", ["train", scene.data, *TINY]),
        ("a report over another folder", ["evaluate", scene.run, scene.data]),
    ):
        taken = scene.folder("taken")
        (taken / "thesis.txt").write_text("dear")
        kept = hashes(taken)
        done = scene.do(*arguments, "--out", taken)
        yield judged(what, done, code=2, names=["taken", "not empty"], also=changed(kept, taken))
        done = scene.do(*arguments, "--out", taken / "thesis.txt")
        yield judged(f"{what}: a file", done, code=2, names=["thesis.txt", "is a file"], also=changed(kept, taken))
        locked = scene.folder("locked")
        locked.chmod(0o555)
        done = scene.do(*arguments, "--out", locked / "out", limits=Limits(rights=True))
        yield judged(f"{what}: read-only", done, code=3, names=["locked"], also=changed({}, locked))
    done = scene.do("data", "check", scene.data, "--picture", locked / "p.png", limits=Limits(rights=True))
    yield judged("a picture into a read-only folder", done, code=3, names=["p.png"])
    cache = scene.folder("cache")
    cache.chmod(0o555)
    done = scene.train(scene.new("run"), *_FLAGS, cache=cache, limits=Limits(rights=True))
    yield judged("a read-only cache", done, code=3, names=["cache"])


def _more_masks(out: Path, more: int) -> Callable[[], bool]:
    wanted = len(list(out.glob("masks/*.png"))) + more
    return lambda: len(list(out.glob("masks/*.png"))) > wanted


def _reference(scene: Scene) -> Path:
    out = scene.new("out")
    scene.do("predict", scene.run, scene.data / "images", "--out", out, "--engine", "torch")
    return out


def _unequal(out: Path, whole: Path) -> list[str]:
    """Returns a line for each difference of two folders of predictions, but for the seconds."""
    mine, other = hashes(out), hashes(whole)
    lost = [f"{name} differs" for name in sorted(mine.keys() | other.keys()) if mine.get(name) != other.get(name)]
    return [line for line in lost if not line.startswith("predictions.csv")] + (
        ["predictions.csv differs"] if _rows(out) != _rows(whole) else []
    )


def _rows(out: Path) -> list[dict[str, str]]:
    file = out / "predictions.csv"
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        return [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(stream)]
