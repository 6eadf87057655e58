"""SIGKILLs trainings at random moments of every stage, resumes them, and compares them with some never killed.

    python -m harness.kills                     # 180 on the tiny SAM, 20 on LiteMedSAM where its weights are here
    python -m harness.kills --kills 20 --warm
    python -m harness.kills --together 1         # one training at a time; as many as there are cores otherwise

The real command in processes of its own, with caches of their own that the kills hit too. Several trainings: with
cached views, with live views, and bounded by minutes, whose written plan is finished whatever the kills cost. Prints
its seed, a line a kill, the count of kills by stage, and the verdict; exits 1 where a byte differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Lock

from harness.commands import Running, start
from harness.scene import differences, draw_discs, leftovers
from harness.stages import STAGES, Watch, validate_every
from harness.warm import preload, with_one_thread

_TINY = ("--sam", "tiny-random", "--size", "32", "--batch", "4", "--engine", "torch")
_LITE = ("--sam", "litemedsam", "--size", "64", "--batch", "2", "--engine", "torch", "--augment", "none")
# Short, with as many validations (and so checkpoints) as a plan has.
KINDS: dict[str, tuple[str, ...]] = {
    "cached views": (*_TINY, "--views", "2", "--epochs", "20"),
    "live views": (*_TINY, "--views", "0", "--epochs", "20", "--augment", "histology"),
    "minutes": (*_TINY, "--views", "2", "--minutes", "0.4"),
}
LITEMEDSAM = {"litemedsam": (*_LITE, "--views", "1", "--epochs", "12")}
A_RUN = 10
"""Kills of one training, at most."""


@dataclass(slots=True)
class Kills:
    """Trainings that are killed.

    Attributes:
        work: the folder of all of this.
        rng: gives every training the generator that draws its stages and moments.
        fresh: whether every command is an interpreter of its own; else this one must have made their imports (`warm`).
        together: trainings at a time.
        stages: kills by stage.
    """

    work: Path
    rng: random.Random
    fresh: bool = True
    together: int = 1
    stages: Counter[str] = field(default_factory=Counter)
    _wholes: dict[str, Path] = field(default_factory=dict)
    _making: Lock = field(default_factory=Lock)
    _count: int = 0

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True)
        draw_discs(self.work / "data", 30, (120, 160))
        draw_discs(self.work / "few", 5, (120, 160))

    def warm_up(self) -> None:
        """Makes the imports of a training, so that the further commands are forks."""
        listing, self.fresh = self.work / "modules", True
        arguments = ["train", self.work / "few", "--out", self.work / "listed", *_TINY, "--views", "1", "--epochs", "1"]
        self._launch(arguments, self.work / "cache-listed", modules=str(listing)).done()
        preload(listing)
        self.fresh = False

    def run(self, kinds: Mapping[str, tuple[str, ...]], kills: int) -> Iterator[tuple[str, int, list[str]]]:
        """Kills trainings of these kinds in turn; yields each one's kind, its kills and what differs in the end."""
        left, turn = kills, cycle(kinds)
        under_way: dict[Future[tuple[int, list[str]]], tuple[str, int]] = {}
        with ThreadPoolExecutor(self.together) as pool:
            while left > 0 or under_way:
                while left > 0 and len(under_way) < self.together:
                    kind, wanted = next(turn), min(left, A_RUN)
                    self._count += 1
                    rng = random.Random(self.rng.random())
                    under_way[pool.submit(self._one, self._count, kind, kinds[kind], wanted, rng)] = kind, wanted
                    left -= wanted
                for ended in wait(under_way, return_when=FIRST_COMPLETED).done:
                    kind, wanted = under_way.pop(ended)
                    done, lost = ended.result()
                    left += wanted - done
                    yield kind, done, lost

    def _one(
        self, number: int, kind: str, flags: tuple[str, ...], kills: int, rng: random.Random
    ) -> tuple[int, list[str]]:
        folder = self.work / f"{number:03d}"
        folder.mkdir()
        run, cache, done = folder / "run", folder / "cache", 0
        stages = [stage for stage in STAGES if stage != "caching" or "0" not in flags]
        while done < kills:
            wanted = rng.choice(stages)
            if wanted == "caching":
                shutil.rmtree(cache / "embeddings", ignore_errors=True)
            watch = Watch(self._start(kind, flags, run, cache), run)
            if not watch.caught(wanted, rng, validate_every(run) or 3):
                code = watch.running.done().code
                if code != 0:
                    return done, [f"it ended with {code}: {watch.running.log.read_text()[-300:]}"]
                print(f"  {number} {kind}: it was finished before it came to {wanted} again", flush=True)
                break
            done += 1
            self.stages[wanted] += 1
            states = sorted(path.name for path in run.glob("last/state-*"))
            print(f"  {number} {kind}: killed while {wanted}, {states[-1] if states else 'no state yet'}", flush=True)
        end = self._start(kind, flags, run, cache).done()
        if end.code != 0:
            return done, [f"the resumed one ended with {end.code}: {end.err[-300:]}"]
        lost = [*differences(run, self._whole(number, kind, flags, run)), *leftovers(run)]
        if not lost:
            shutil.rmtree(folder)
        return done, lost

    def _whole(self, number: int, kind: str, flags: tuple[str, ...], run: Path) -> Path:
        """Returns the run of a training that is never killed; of one bounded by minutes, with the same plan."""
        if "--minutes" in flags:
            out = self.work / f"whole-{number:03d}"
            out.mkdir()
            shutil.copy(run / "config.yaml", out / "config.yaml")
            return self._undisturbed(kind, flags, out)
        with self._making:
            if kind not in self._wholes:
                self._wholes[kind] = self._undisturbed(kind, flags, self.work / f"whole-{number:03d}")
            return self._wholes[kind]

    def _undisturbed(self, kind: str, flags: tuple[str, ...], out: Path) -> Path:
        done = self._start(kind, flags, out, self.work / "cache-whole").done()
        if done.code != 0:
            raise RuntimeError(f"the undisturbed training failed: {done.err}")
        return out

    def _start(self, kind: str, flags: tuple[str, ...], run: Path, cache: Path) -> Running:
        weights = cache / "weights"
        if not weights.is_symlink():
            from autosam.core.files import cache_folder

            cache.mkdir(parents=True, exist_ok=True)
            weights.symlink_to((cache_folder() / "weights").absolute())
        data = self.work / ("few" if kind in LITEMEDSAM else "data")
        resume = ["--resume"] if run.exists() else []
        return self._launch(["train", data, "--out", run, *flags, *resume], cache)

    def _launch(self, arguments: list[object], cache: Path, modules: str = "") -> Running:
        log = self.work / "logs" / f"{time.monotonic_ns()}.err"
        log.parent.mkdir(exist_ok=True)
        return start([str(one) for one in arguments], log=log, cache=cache, fresh=self.fresh, HARNESS_MODULES=modules)


def main() -> None:
    """Runs the harness from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=180, help="on the tiny SAM")
    parser.add_argument("--litemedsam", type=int, default=20, help="on LiteMedSAM, where its weights are here")
    parser.add_argument("--work", type=Path, default=Path("build/kills"))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--warm", action="store_true", help="fork commands from a process that has made their imports")
    parser.add_argument("--together", type=int, default=None, help="trainings at a time; with --warm, one")
    given = parser.parse_args()
    if given.warm:
        with_one_thread()
    # A fork takes the locks of other threads with it.
    together = 1 if given.warm else given.together or len(os.sched_getaffinity(0))
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    shutil.rmtree(given.work, ignore_errors=True)
    started = time.monotonic()
    kills = Kills(given.work.absolute(), random.Random(seed), together=together)
    if given.warm:
        kills.warm_up()
    total, lost = _told(kills, KINDS, given.kills, lambda: time.monotonic() - started)
    if given.litemedsam and _has_weights():
        more, faults = _told(kills, LITEMEDSAM, given.litemedsam, lambda: time.monotonic() - started)
        total, lost = total + more, lost + faults
    elif given.litemedsam:
        print("LiteMedSAM's weights are not here: its kills are left out (autosam fetch litemedsam)")
    counts = ", ".join(f"{stage} {kills.stages[stage]}" for stage in STAGES)
    print(f"{total} kills ({counts}) in {time.monotonic() - started:.0f} s, seed {seed}: {lost} runs differ")
    sys.exit(1 if lost else 0)


def _told(
    kills: Kills, kinds: Mapping[str, tuple[str, ...]], count: int, seconds: Callable[[], float]
) -> tuple[int, int]:
    total = bad = 0
    for kind, done, lost in kills.run(kinds, count):
        total, bad = total + done, bad + bool(lost)
        verdict = "; ".join(lost) or "resumed, equal to the byte to a run never killed"
        print(f"{kind}: {done} kills, {total} of {count}, {seconds():.0f} s: {verdict}", flush=True)
    return total, bad


def _has_weights() -> bool:
    from autosam.models.weights import installed

    return installed("litemedsam") is not None


if __name__ == "__main__":
    main()
