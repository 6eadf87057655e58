"""The lock file names what the constraints name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_holds_every_pin_with_a_hash_and_no_address() -> None:
    subprocess.run([sys.executable, ROOT / ".ci" / "lock.py", "--check"], check=True)
    text = (ROOT / "requirements.lock").read_text()
    pinned = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.search(r"==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in pinned)
    assert "://" not in text
