"""The part of `make faults` that is quick, through the real command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_quick_faults_lose_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "harness.faults",
        "--quick",
        "--warm",
        "--seed",
        "0",
        "--work",
        str(tmp_path / "w"),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "LOST" not in done.stdout
