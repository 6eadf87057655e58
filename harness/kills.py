"""SIGKILLs a training at random moments, resumes it each time, and compares the weights with a run never killed.

The real command in processes of its own, with a cache of its own that the kills hit too:

    python harness/kills.py DATA --kills 10 --work build/kills -- --epochs 6 --views 4

Everything after `--` goes to `autosam train`. Prints a line a kill (the stage it hit) and the verdict; exits 1 where a
byte differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

AUTOSAM = [sys.executable, "-c", "from autosam.cli.main import run; run()"]


def main() -> None:
    """Runs the harness from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--caching", type=int, default=2, help="at least so many of them while embeddings are made")
    parser.add_argument("--work", type=Path, default=Path("build/kills"))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("flags", nargs="*", help="flags of autosam train, after --")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    if given.work.exists():
        shutil.rmtree(given.work)
    given.work.mkdir(parents=True)
    whole = train(given.data, given.work / "whole", given.flags, cache=given.work / "cache-whole")
    print(f"never killed: {whole:.0f} s", flush=True)
    again = train(given.data, given.work / "again", given.flags, cache=given.work / "cache-whole")
    print(f"the same seed again, embeddings cached: {again:.0f} s", flush=True)
    hit = kill_often(given, random.Random(seed), whole)
    train(given.data, given.work / "killed" / "run", given.flags, cache=given.work / "cache-killed", resume=True)
    files = [given.work / name / "model.safetensors" for name in ("whole", "again", "killed/run")]
    contents = [file.read_bytes() for file in files]
    print(f"kills by stage: {hit}")
    for name, content in zip(("the same seed again", "killed and resumed"), contents[1:], strict=True):
        print(f"{name}: {'equal to the byte' if content == contents[0] else 'DIFFERENT'}")
    sys.exit(0 if contents[0] == contents[1] == contents[2] else 1)


def command(data: Path, out: Path, flags: list[str], resume: bool) -> list[str]:
    """Returns the command line of a training."""
    return [*AUTOSAM, "train", str(data), "--out", str(out), *flags, *(["--resume"] if resume else [])]


def environment(cache: Path) -> dict[str, str]:
    """Returns an environment whose embeddings are apart and whose weights are the user's own."""
    from autosam.core.files import cache_folder

    cache.mkdir(parents=True, exist_ok=True)
    link = cache / "weights"
    if not link.exists() and (cache_folder() / "weights").exists():
        link.symlink_to((cache_folder() / "weights").resolve())
    return {**os.environ, "AUTOSAM_CACHE": str(cache)}


def train(data: Path, out: Path, flags: list[str], *, cache: Path, resume: bool = False) -> float:
    """Trains to the end; returns the seconds that it took."""
    started = time.monotonic()
    subprocess.run(command(data, out, flags, resume), env=environment(cache), check=True, capture_output=True)
    return time.monotonic() - started


def kill_often(given: argparse.Namespace, rng: random.Random, whole: float) -> dict[str, int]:
    """Kills as many trainings as were asked for; returns how many in each stage."""
    out, hit, done = given.work / "killed" / "run", {"starting": 0, "caching": 0, "training": 0}, 0
    cache = given.work / "cache-killed"
    while done < given.kills:
        log = given.work / "killed.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command(given.data, out, given.flags, resume=out.exists()),
                env=environment(cache),
                stderr=stream,
                stdout=stream,
            )
            wanted = "embeddings" if hit["caching"] < given.caching else None
            wait_for(process, log, wanted, rng.uniform(0, whole / 3))
            stage = stage_of(log)
            if process.poll() is not None:
                if process.returncode != 0:
                    sys.exit(f"the training ended by itself: {log.read_text()}")
                print("the training was finished before the kill; starting another", flush=True)
                shutil.rmtree(out)
                continue
            process.send_signal(signal.SIGKILL)
            process.wait()
        hit[stage] += 1
        done += 1
        states = sorted(path.name for path in out.glob("last/state-*"))
        print(f"kill {done}: {stage}; {states[-1] if states else 'no state yet'}", flush=True)
        if stage == "caching" and hit["caching"] < given.caching:
            # So that the next one finds embeddings to make.
            shutil.rmtree(cache / "embeddings", ignore_errors=True)
    return hit


def wait_for(process: subprocess.Popen[bytes], log: Path, stage: str | None, seconds: float) -> None:
    """Waits until the log speaks of `stage` and a moment more; or, for no stage, until training and `seconds` more."""
    while process.poll() is None and (stage or "training:") not in log.read_text():
        time.sleep(0.05)
    until = time.monotonic() + (min(seconds, 2.0) if stage else seconds)
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)


def stage_of(log: Path) -> str:
    """Returns the stage that a training's log is in."""
    text = log.read_text()
    if "training:" in text:
        return "training"
    return "caching" if "embeddings of" in text else "starting"


if __name__ == "__main__":
    main()
