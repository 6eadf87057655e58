"""The run whose weights a training starts from: which images these have seen."""

from __future__ import annotations

from pathlib import Path

from autosam.core.progress import Progress
from autosam.evaluation.seen import recorded
from autosam.training.cases import Cases

# Of images that a warning names.
_SHOWN = 5


def seen_before(init: Path, cases: Cases, progress: Progress) -> dict[str, dict[str, str]]:
    """Returns what a run has seen, name -> content hash, a part "train" of it under "init train" and so on.

    Says where it has no record, and where it was trained on images that are held out now.

    Args:
        init: the run's folder or its checkpoint.
        cases: those of the training that starts from it.
        progress: told of it.

    Raises:
        DataError: where the record cannot be read.
    """
    parts = recorded(init)
    if parts is None:
        progress.say(f"warning: data.json is missing beside {init}, so that nobody can say what --init was trained on")
        return {}
    before = {f"init {part}": hashes for part, hashes in parts.items()}
    trained_on = {key for part, seen in before.items() if part.endswith("train") for key in seen.values()}
    again = [name for name, key in cases.hashes["val"].items() if key in trained_on]
    if again:
        progress.say(
            f"warning: --init was trained on {len(again)} of the {len(cases.hashes['val'])} images held out, which "
            f"flatters the validation: {', '.join(again[:_SHOWN])}"
        )
    return before
