"""What `--dry-run` prints."""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def rehearsed(data: Path | None, choices: Mapping[str, Any], *, as_json: bool, benchmark: str | None = None) -> None:
    """Prints the rehearsal of a training on a folder, or on a benchmark of which there may be no copy.

    Args:
        data: the folder; None only with a benchmark.
        choices: fields of a training's configuration, and `config`, a YAML under them.
        as_json: plain values in place of words.
        benchmark: its name.
    """
    if benchmark is not None:
        from autosam.benchmarks.rehearse import rehearse_training

        made = rehearse_training(benchmark, data, choices)
    else:
        from autosam.inference.engine import device
        from autosam.training.config import make_config
        from autosam.training.rehearse import rehearse_on

        given = {name: value for name, value in choices.items() if name != "config"}
        config = make_config({"data": data, **given}, choices.get("config"))
        made = rehearse_on(config, device(config.device))
    print(json_format.dumps(made.plain()) if as_json else made.table())
