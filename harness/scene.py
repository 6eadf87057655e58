"""Where the faults happen: a small data set, a run trained on it, and folders to spoil."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from harness.commands import Done, Limits, Running, start
from harness.warm import preload

TINY = ["--sam", "tiny-random", "--size", "32", "--batch", "4", "--views", "2", "--engine", "torch"]
RUN = ("--epochs", "2")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")


@dataclass(slots=True)
class Scene:
    """The folder of a harness, and the commands in it.

    Attributes:
        work: the folder.
        rng: draws every random moment and place.
        fresh: whether every command is an interpreter of its own; else only those whose beginning matters.
        kills: SIGKILLs of the case that has many.
        like: the folder of another scene, whose data are used and whose run is copied; None makes them.
        data: images and masks of discs.
        run: a run trained on them, never disturbed.
    """

    work: Path
    rng: random.Random
    fresh: bool = True
    kills: int = 20
    like: Path | None = None
    data: Path = field(init=False)
    run: Path = field(init=False)
    warm: bool = field(init=False)
    _count: int = 0
    _wholes: dict[tuple[str, ...], Path] = field(default_factory=dict)
    _seconds: dict[Path, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True)
        self.data = (self.like or self.work) / "data"
        self.warm = False
        if self.like is None:
            draw_discs(self.data, 8)
        else:
            self._wholes[RUN] = self._place(RUN)
            shutil.copytree(self.like / self._place(RUN).relative_to(self.work), self._place(RUN))
        self.run = self.whole(*RUN)
        if not self.fresh:
            listing = self.folder("modules") / "listing"
            again = self.train(self.new("run"), "--epochs", "1", HARNESS_MODULES=str(listing))
            if again.code == 0:
                preload(listing)
                self.warm = True

    def new(self, name: str) -> Path:
        """Returns a path that is not there yet."""
        self._count += 1
        return self.work / f"{self._count:03d}" / name

    def folder(self, name: str) -> Path:
        """Returns a new empty folder."""
        folder = self.new(name)
        folder.mkdir(parents=True)
        return folder

    def copy(self, source: Path) -> Path:
        """Returns a copy of a folder."""
        target = self.new(source.name)
        shutil.copytree(source, target)
        return target

    def start(
        self, *arguments: object, cache: Path | None = None, limits: Limits | None = None, **environment: str
    ) -> Running:
        """Starts a command."""
        log = self.new("log.err")
        log.parent.mkdir(parents=True, exist_ok=True)
        # What an interpreter does as it begins is part of these.
        begins = (
            "PYTHONPATH" in environment
            or arguments[0] == "doctor"
            or (limits is not None and (limits.memory or limits.rights))
        )
        return start(
            [str(one) for one in arguments],
            log=log,
            cache=cache or self.work / "cache",
            limits=limits,
            fresh=bool(begins) or not self.warm,
            **environment,
        )

    def do(
        self, *arguments: object, cache: Path | None = None, limits: Limits | None = None, **environment: str
    ) -> Done:
        """Runs a command to its end."""
        return self.start(*arguments, cache=cache, limits=limits, **environment).done()

    def train(self, out: Path, *flags: object, data: Path | None = None, **given: object) -> Done:
        """Trains on the tiny SAM."""
        return self.do("train", data or self.data, "--out", out, *TINY, *flags, **given)  # type: ignore[arg-type]

    def whole(self, *flags: str) -> Path:
        """Returns a run with these flags that was never disturbed; trained once."""
        if flags not in self._wholes:
            out = self._place(flags)
            done = self.train(out, *flags)
            if done.code != 0:
                raise RuntimeError(f"the undisturbed training failed: {done.err}")
            self._wholes[flags] = out
            self._seconds[out] = done.seconds
        return self._wholes[flags]

    def _place(self, flags: tuple[str, ...]) -> Path:
        return self.work / "whole" / "".join(flags).lstrip("-")

    def seconds(self, *flags: str) -> float:
        """Returns how long the undisturbed training took."""
        return self._seconds[self.whole(*flags)]


def draw_discs(root: Path, count: int, size: tuple[int, int] = (48, 64)) -> None:
    """Writes a folder of images with a bright disc each, and their masks of 0 and 255."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    high, wide = size
    rows, columns = np.mgrid[:high, :wide]
    for number in range(count):
        y, x, radius = rng.integers(14, high - 14), rng.integers(14, wide - 14), rng.integers(6, 13)
        mask = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        image = np.where(mask[..., None], (220, 160, 90), (60, 40, 90)) + rng.normal(0, 12, (high, wide, 3))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / "images" / f"case{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(root / "masks" / f"case{number}.png")


def hashes(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file of a folder by its path in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def changed(before: dict[str, str], folder: Path) -> list[str]:
    """Returns a line for each file that is not as it was."""
    after = hashes(folder)
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [f"the user's {name} was changed" for name in names]


def leftovers(folder: Path) -> list[str]:
    """Returns a line for each temporary file in a folder, and for each picture that is not whole."""
    lost = [f"left {path.name}" for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name)]
    return lost + halves(folder)


def halves(folder: Path) -> list[str]:
    """Returns a line for each picture of a folder that is not whole."""
    lost = []
    for path in folder.rglob("*.png"):
        try:
            with Image.open(path) as picture:
                picture.load()
        except (OSError, SyntaxError) as fault:
            lost.append(f"{path.name} is not whole: {fault}")
    return lost


def differences(run: Path, whole: Path) -> list[str]:
    """Returns a line for each file of a finished run that differs from the undisturbed one's."""
    lost = []
    for name in ("model.safetensors", "log.jsonl", "data.json"):
        mine, other = run / name, whole / name
        if not mine.exists() or mine.read_bytes() != other.read_bytes():
            lost.append(f"{name} differs from the undisturbed run's")
    return lost
