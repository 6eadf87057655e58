"""Training that goes wrong, is interrupted, or shares its folders: cases 14 to 16, 18 and 19."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from harness import zoo
from harness.commands import Limits
from harness.ledger import Try, judged
from harness.scene import TINY, Scene, changed, differences, draw_discs, hashes, leftovers

_LONG = ("--epochs", "30")
_SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}


def diverged(scene: Scene) -> Iterator[Try]:
    """A loss that is NaN or infinite: a clear stop, the batch's files named, nothing bad kept."""
    for rate in ("1e8", "1e9"):
        run = scene.new("run")
        done = scene.train(run, "--epochs", "20", "--lr", rate)
        names = ["case", "not finite", "the state of step"]
        yield judged(f"--lr {rate}", done, code=3, names=names, also=[*_sick(run), *leftovers(run)])
    kept = hashes(run / "last")
    done = scene.train(run, "--epochs", "20", "--lr", rate, "--resume")
    yield judged("resumed", done, code=3, names=["not finite"], also=changed(kept, run / "last"))


def memory(scene: Scene) -> Iterator[Try]:
    """Too little memory: a smaller batch, said; else a clear end."""
    data = scene.folder("data")
    draw_discs(data / "discs", 32)
    flags = ["--sam", "tiny-random", "--size", "256", "--batch", "24", "--views", "1", "--epochs", "1", "--engine"]
    flags += ["torch"]
    roomy = scene.do("train", data / "discs", "--out", scene.new("run"), *flags)
    yield judged("with room", roomy, code=0)
    smaller = 0
    for share in (0.9, 0.8, 0.7, 0.6):
        run, limits = scene.new("run"), Limits(memory=int(roomy.private * share))
        done = scene.do("train", data / "discs", "--out", run, *flags, limits=limits)
        smaller += done.code == 0 and "smaller batch" in done.err
        yield judged(f"{share:.0%} of that memory", done, code=(0, 5), also=leftovers(run))
    yield Try("some went on with a smaller batch", () if smaller else ("none did",), f"{smaller} of 4")
    none = scene.do("train", data / "discs", "--out", scene.new("run"), *flags, limits=Limits(memory=300 * zoo.MEBI))
    yield judged("hardly any", none, code=5, names=["memory"])
    few = scene.do("train", data / "discs", "--out", scene.new("run"), *flags, "--max-memory", "0.3")
    yield judged("--max-memory 0.3", few, code=5, names=["memory"])


def interrupted(scene: Scene) -> Iterator[Try]:
    """Signals at random moments: each run goes on to the very weights of one that was never disturbed."""
    whole = scene.whole(*_LONG)
    lasting = scene.seconds(*_LONG)
    for name, number in _SIGNALS.items():
        run, cache, tries = scene.new("run"), scene.folder("cache"), []
        for _ in range(6):
            resume = ["--resume"] if run.exists() else []
            running = scene.start("train", scene.data, "--out", run, *TINY, *_LONG, *resume, cache=cache)
            running.until(lambda: False, scene.rng.uniform(1.0, 1.0 + lasting))
            running.signal(number)
            done = running.done()
            code = {0, -number} if number == signal.SIGKILL else {0, 130}
            # Before its first line the program is not there yet to answer: the system ends it.
            code |= set() if done.err.strip() else {-number, 1}
            where = done.err.strip().splitlines()[-1] if done.err.strip() else "nothing said yet"
            tries.append(
                judged(
                    f"{name} after: {where[:60]}",
                    done,
                    code=code,
                    also=[] if number == signal.SIGKILL else leftovers(run),
                )
            )
        resume = ["--resume"] if run.exists() else []
        done = scene.train(run, *_LONG, *resume, cache=cache)
        end = judged(f"resumed after 6 of {name}", done, code=0, also=[*differences(run, whole), *leftovers(run)])
        yield from (Try(one.what, one.lost or end.lost, one.said) for one in tries)
        yield end


def kills(scene: Scene) -> Iterator[Try]:
    """SIGKILLs in every stage of several trainings, each compared with one that was never killed."""
    from harness.kills import KINDS, Kills

    many = Kills(scene.new("kills"), scene.rng, fresh=not scene.warm)
    for kind, done, lost in many.run(KINDS, scene.kills):
        yield from (Try(f"kill {number + 1} of {done}, {kind}", tuple(lost)) for number in range(done))
    stages = ", ".join(f"{stage} {count}" for stage, count in sorted(many.stages.items()))
    yield Try(f"every stage was hit: {stages}")


def cache(scene: Scene) -> Iterator[Try]:
    """The cache of embeddings: crashed writers, flipped bits, other weights, two writers."""
    flags = ("--epochs", "2")
    whole = scene.whole(*flags)
    place, run = scene.folder("cache"), scene.new("run")
    running = scene.start("train", scene.data, "--out", run, *TINY, *flags, cache=place)
    running.until(lambda: len(list(place.glob("embeddings/*/*.safetensors"))) > 2)
    running.signal(signal.SIGKILL)
    running.done()
    done = scene.train(run, *flags, "--resume", cache=place)
    yield judged("a crash while writing", done, code=0, also=differences(run, whole))
    for what in ("a flipped bit in every entry", "every entry cut", "entries exchanged"):
        entries = sorted(place.glob("embeddings/*/*.safetensors"))
        raws = [entry.read_bytes() for entry in entries]
        for index, entry in enumerate(entries):
            raw = bytearray(raws[index])
            raw[scene.rng.randrange(len(raw))] ^= 1 << scene.rng.randrange(8)
            cut = raws[index][: scene.rng.randrange(len(raw))]
            entry.write_bytes({"a": bytes(raw), "e": cut}[what[0]] if "exchanged" not in what else raws[index - 1])
        run = scene.new("run")
        done = scene.train(run, *flags, cache=place)
        yield judged(what, done, code=0, also=differences(run, whole))
    data = scene.copy(scene.data)
    shutil.copy(data / "images" / "case1.png", data / "images" / "case0.png")
    fresh, stale = scene.new("run"), scene.new("run")
    scene.train(fresh, *flags, data=data, cache=scene.folder("cache"))
    done = scene.train(stale, *flags, data=data, cache=place)
    yield judged("a changed image", done, code=0, also=differences(stale, fresh))
    place, runs = scene.folder("cache"), [scene.new("run"), scene.new("run")]
    both = [scene.start("train", scene.data, "--out", run, *TINY, *flags, cache=place) for run in runs]
    for run, running in zip(runs, both, strict=True):
        yield judged("two writers of one cache", running.done(), code=0, also=differences(run, whole))
    run = scene.new("run")
    first = scene.start("train", scene.data, "--out", run, *TINY, *_LONG)
    first.until(lambda: (run / "config.yaml").exists())
    # It holds its folder all the same, however long the second one takes to start.
    first.signal(signal.SIGSTOP)
    second = scene.train(run, *_LONG, "--resume")
    first.signal(signal.SIGCONT)
    yield judged("two writers of one run: the second", second, code=2, names=[run.name, "another process"])
    yield judged("two writers of one run: the first", first.done(), code=0, also=differences(run, scene.whole(*_LONG)))
    run = scene.new("run")
    done = scene.train(run, *flags, cache=scene.folder("cache"), HARNESS_CLOCK="jumps")
    yield judged("a clock that jumps by years", done, code=0, also=differences(run, whole))


def checkpoints(scene: Scene) -> Iterator[Try]:
    """Flipped bits in a run's files."""
    flags = ("--epochs", "2")
    for what, name in (
        ("the last state flipped", "flip"),
        ("the last state cut", "cut"),
        ("the last state empty", "empty"),
    ):
        run = _unfinished(scene)
        _spoil(scene, max((run / "last").iterdir()), name)
        done = scene.train(run, *flags, "--resume")
        names = ["state-00000004", "using the state before it"]
        yield judged(what, done, code=0, names=names, also=differences(run, scene.run))
    run = _unfinished(scene)
    for state in (run / "last").iterdir():
        _spoil(scene, state, "flip")
    kept = hashes(run / "last")
    done = scene.train(run, *flags, "--resume")
    yield judged("both states flipped", done, code=3, names=["last"], also=changed(kept, run / "last"))
    for _ in range(3):
        run = scene.copy(scene.run)
        _spoil(scene, run / "model.safetensors", "flip")
        done = scene.do("predict", run, scene.data / "images", "--out", scene.new("out"))
        yield judged("a bit flipped in the trained weights", done, code=3, names=["model.safetensors"])


def _unfinished(scene: Scene) -> Path:
    run = scene.copy(scene.run)
    (run / "model.safetensors").unlink()
    return run


def _spoil(scene: Scene, file: Path, how: str) -> None:
    raw = bytearray(file.read_bytes())
    if how == "flip":
        raw[scene.rng.randrange(len(raw))] ^= 1 << scene.rng.randrange(8)
    file.write_bytes(bytes(raw) if how == "flip" else bytes(raw[: len(raw) // 2]) if how == "cut" else b"")


def _sick(run: Path) -> list[str]:
    """Returns a line where a kept weight is NaN or infinite."""
    import numpy as np

    lost = []
    for file in [*run.glob("last/*.safetensors"), *run.glob("model.safetensors")]:
        raw = file.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        for name, entry in json.loads(raw[8 : 8 + length]).items():
            if name != "__metadata__" and entry["dtype"] == "F32":
                first, last = entry["data_offsets"]
                if not np.isfinite(np.frombuffer(raw[8 + length + first : 8 + length + last], np.float32)).all():
                    lost.append(f"{file.name} keeps {name}, which is not finite")
                    break
    return lost or ([] if list(run.glob("last/*.safetensors")) else ["no state was kept"])
