"""What self-tests found for each SAM on this machine, kept until something changes that it depends on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from autosam.core.files import cache_folder, write_json
from autosam.core.letterbox import PixelRule
from autosam.inference.cpu import cpu_features, cpu_name, machine_memory
from autosam.inference.engine import Engine
from autosam.models.frozen_sam import FrozenSam
from autosam.models.sam_model import Sam

# Raised whenever a file says more or other than before.
_FORM = "2"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a self-test found.

    Attributes:
        engine: the fastest that agrees with torch in float32.
        rule: how the SAM wants its pixels.
        seconds: an image, for each engine that was tried.
        cosine: of its embedding with that of torch in float32.
        together: how many images it encodes at a time, each with its share of the threads, where there are many: 1, or
            2 where that was found no slower.
        complete: False where the time allowed was over before all had been tried, or one lacked memory or disk.
    """

    engine: Engine
    rule: PixelRule
    seconds: dict[str, float]
    cosine: dict[str, float]
    together: int = 1
    complete: bool = True


def kept(name: str, fingerprint: str, code_version: int, engines: Sequence[Engine]) -> Choice | None:
    """Returns what an earlier self-test found for the SAM of a name and a fingerprint; None where there was none."""
    return _read(_file(_key(name, fingerprint, code_version, engines)))


def keep(choice: Choice, sam: FrozenSam, engines: Sequence[Engine]) -> None:
    """Keeps what was found for a SAM among some engines."""
    key = _key(sam.name, sam.fingerprint(), sam.code_version, engines)
    # What the key is made of besides the machine, so that it can be said of a file whether it still holds.
    about = {"fingerprint": sam.fingerprint(), "engines": list(map(str, engines))}
    write_json(_file(key), {"sam": sam.name, **about, **_as_dict(choice)})


def all_kept() -> tuple[list[dict[str, Any]], int]:
    """Returns every choice that was measured and holds here, each with the name of its SAM; and how many do not.

    Those were measured with other libraries, another code, another number of threads or on another machine.
    """
    found, outdated = [], 0
    for file in sorted(_file("").parent.glob("*.json")):
        choice = _read(file)
        if choice is None or not _holds(file):
            outdated += 1
        elif choice.seconds:
            found.append({"sam": json.loads(file.read_text(encoding="utf-8"))["sam"], **_as_dict(choice)})
    return found, outdated


def _holds(file: Path) -> bool:
    """Says whether the key that a file was kept under is that of the same SAM today."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        key = _key(said["sam"], said["fingerprint"], Sam.code_version, said["engines"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(key == file.stem)


def _read(file: Path) -> Choice | None:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Choice(
            Engine(**content["engine"]),
            PixelRule(**content["rule"]),
            dict(content["seconds"]),
            dict(content["cosine"]),
            int(content["together"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(name: str, fingerprint: str, code_version: int, engines: Sequence[Engine | str]) -> str:
    # The name decides the pixel rule, which two SAMs of one fingerprint may not share.
    parts = [
        _FORM, name, fingerprint, str(code_version), cpu_name(), str(cpu_features()), platform.machine(),
        str(round(machine_memory() / 2**30)), str(torch.get_num_threads()), torch.__version__,
        *map(_version, ("openvino", "onnx", "onnxruntime", "onnxruntime-gpu")), *map(str, engines),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _file(key: str) -> Path:
    return cache_folder() / "engines" / f"{key}.json"


def _as_dict(choice: Choice) -> dict[str, Any]:
    return {
        "engine": asdict(choice.engine),
        "rule": asdict(choice.rule),
        "seconds": {name: round(value, 4) for name, value in choice.seconds.items()},
        "cosine": {name: round(value, 6) for name, value in choice.cosine.items()},
        "together": choice.together,
    }
