"""The command line; nothing heavy is imported before a command needs it."""

from __future__ import annotations

import time

STARTED = time.monotonic()
"""When the command began: `--minutes` bounds all of it, the imports included."""
