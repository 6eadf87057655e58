"""Where a training is, told from outside by what it has written; and how it is caught there."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.commands import Running

STAGES = ("reading", "caching", "training", "validation", "checkpointing")


@dataclass(slots=True)
class Watch:
    """A training under way.

    Attributes:
        running: its process.
        run: its folder.
        every: steps between validations; 0 while that is not known.
    """

    running: Running
    run: Path
    every: int = 0

    def stage(self) -> tuple[str, int]:
        """Returns the stage, and how far it is: tenths of reading and caching, steps of the others."""
        said = self.running.log.read_text(errors="replace") if self.running.log.exists() else ""
        if "\ntraining: " in said:
            return self._step()
        for line in ("embeddings of", "reading images"):
            if line in said:
                stage = "caching" if line[0] == "e" else "reading"
                over = "\nplan:" in said or (stage == "reading" and "\nmeasuring" in said)
                return ("between" if over else stage), said.count(f"\n{line}")
        return "starting", 0

    def caught(self, wanted: str, rng: random.Random, every: int) -> bool:
        """Waits for a stage and kills the training in it; returns False where it ended before.

        Args:
            wanted: the stage.
            rng: draws where in it.
            every: steps between validations.
        """
        far = {"reading": rng.randrange(10), "caching": rng.randrange(10)}.get(wanted, rng.randrange(4 * every))
        pause = rng.uniform(0, 0.03)
        first: int | None = None
        while not self.running.ended():
            stage, at = self.stage()
            if stage in STAGES[2:] and first is None:
                first = at
            if stage == wanted and at >= (far if first is None else first + far):
                time.sleep(pause)
                self.running.signal(signal.SIGSTOP)
                while not self.running.ended() and not _halted(self.running.pid):
                    time.sleep(0.001)
                if not self.running.ended() and self.stage()[0] == wanted:
                    self.running.signal(signal.SIGKILL)
                    return self.running.done().code == -signal.SIGKILL
                self.running.signal(signal.SIGCONT)
                pause /= 2
            # Looking takes time from what is looked at.
            time.sleep(0.01)
        return False

    def _step(self) -> tuple[str, int]:
        row = _last_row(self.run / "log.jsonl")
        step = int(row.get("step", 0))
        if "val_dice" in row:
            kept = (self.run / "last" / f"state-{step:08d}.safetensors").exists()
            return ("training" if kept else "checkpointing"), step
        every = self.every or validate_every(self.run)
        self.every = every
        return ("validation" if step and every and step % every == 0 else "training"), step


def validate_every(run: Path) -> int:
    """Returns the steps between validations of a run's plan; 0 where it has none yet."""
    try:
        plan = yaml.safe_load((run / "config.yaml").read_text()).get("plan")
    except FileNotFoundError:
        return 0
    return 0 if plan is None else int(plan["validate_every"])


def _last_row(log: Path) -> dict[str, Any]:
    try:
        with log.open("rb") as stream:
            stream.seek(-min(500, os.fstat(stream.fileno()).st_size), os.SEEK_END)
            for line in reversed(stream.read().splitlines()):
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                return row if isinstance(row, dict) else {}
    except FileNotFoundError:
        pass
    return {}


def _halted(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return True
