"""Which engine is fastest for a SAM on this machine: measured once, kept."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import math
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from autosam.core.files import cache_folder, write_json
from autosam.core.letterbox import PixelRule
from autosam.inference.cpu import cpu_features, cpu_name
from autosam.inference.eligible import fits, is_outdone, is_usable
from autosam.inference.engine import REFERENCE, Encoder, Engine, build_encoder
from autosam.models.frozen_sam import FrozenSam

log = logging.getLogger(__name__)

# An engine whose embedding of the test picture is further from float32 in torch than this is not used.
LEAST_COSINE = 0.99
# A SAM that torch encodes in less gains nothing by a conversion.
FAST_ENOUGH_SECONDS = 0.02
_HOPELESS = 2.5
# A network that takes longer keeps every core busy within one image, and two at a time take twice the memory.
_LARGE_SECONDS = 5.0
# Two at a time also fill the time in which a single one waits for its picture, its prompt and its mask, which are no
# part of the test, so that they win a tie.
_WORTH = 1.1
_LOOK_SECONDS, _LOOKS = 1.0, 8


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
        complete: False where the time allowed was over before all had been tried.
    """

    engine: Engine
    rule: PixelRule
    seconds: dict[str, float]
    cosine: dict[str, float]
    together: int = 1
    complete: bool = True


def choose(sam: FrozenSam, engines: Sequence[Engine], most: float = math.inf) -> Choice:
    """Returns the fastest of some engines for a SAM on this CPU; the measurement of an earlier time where there is one.

    Args:
        sam: the frozen SAM, on the CPU.
        engines: those to choose from; torch in float32 where none of them runs.
        most: seconds that the measurement may take. What it did not get to is tried the next time.
    """
    found = kept(sam.fingerprint(), sam.code_version, engines)
    if found is None:
        # Without a choice there is nothing to measure, but the pixel rule is worth keeping.
        found = measure(sam, engines, most) if len(engines) > 1 else Choice(engines[0], sam.rule, {}, {})
        tried = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found.seconds.items())
        log.info("engine for %s: %s (an image: %s)", sam.name, found.engine, tried or "not measured")
        if found.complete:
            write_json(_file(_key(sam.fingerprint(), sam.code_version, engines)), {"sam": sam.name, **_as_dict(found)})
    return found


def measure(sam: FrozenSam, engines: Sequence[Engine], most: float = math.inf) -> Choice:
    """Returns what each engine takes for a picture, and which one to use.

    Args:
        sam: the frozen SAM, on the CPU.
        engines: those to choose from.
        most: seconds it may take; torch in float32 is measured whatever that takes, the others while a try as long as
            the longest one before still fits.
    """
    pixels = _picture(sam.rule)
    seconds: dict[str, float] = {}
    cosine: dict[str, float] = {}
    truth: torch.Tensor | None = None
    began = time.perf_counter()
    longest, complete = 0.0, True
    for engine in dict.fromkeys([REFERENCE, *engines]):
        if not is_usable(engine) or is_outdone(engine, seconds) or not fits(engine, sam):
            continue
        tried = time.perf_counter()
        if seconds and tried - began + longest > most:
            complete = False
            break
        try:
            encode = build_encoder(sam, engine, torch.device("cpu"))
            first, main = _timed(encode, pixels)
        except Exception as fault:
            log.info("%s cannot run %s here: %s", engine, sam.name, fault)
            continue
        truth = main if truth is None else truth
        best = min(seconds.values(), default=first)
        hopeless = first > _HOPELESS * best
        seconds[str(engine)] = first if hopeless else _least(partial(_seconds, encode, pixels))
        cosine[str(engine)] = float(torch.cosine_similarity(main.flatten(), truth.flatten(), dim=0))
        longest = max(longest, time.perf_counter() - tried)
        if engine == REFERENCE and engine in engines and seconds[str(engine)] < FAST_ENOUGH_SECONDS:
            break
    fit = [each for each in engines if cosine.get(str(each), 0) >= LEAST_COSINE]
    best_engine = min(fit, key=lambda each: seconds[str(each)], default=REFERENCE)
    alone = seconds.get(str(best_engine), 0.0)
    complete = complete and time.perf_counter() - began + longest <= most
    pair = _together(sam, best_engine, pixels, alone) if complete else 1
    return Choice(best_engine, sam.rule, seconds, cosine, pair, complete)


def _together(sam: FrozenSam, engine: Engine, pixels: torch.Tensor, alone: float) -> int:
    """Returns 2 where two images at a time, each by half of the threads, take no longer than one after the other."""
    threads = torch.get_num_threads()
    if threads < 2 or not FAST_ENOUGH_SECONDS < alone < _LARGE_SECONDS:
        return 1
    encode = build_encoder(sam, engine, torch.device("cpu"), threads // 2)
    with ThreadPoolExecutor(2) as pool:

        def both() -> float:
            started = time.perf_counter()
            list(pool.map(lambda _: _timed(encode, pixels), range(2)))
            return time.perf_counter() - started

        both()
        pair = _least(both)
    torch.set_num_threads(threads)
    return 2 if pair < _WORTH * 2 * alone else 1


def kept(fingerprint: str, code_version: int, engines: Sequence[Engine]) -> Choice | None:
    """Returns what an earlier self-test found for the SAM of a fingerprint; None where there was none."""
    return _read(_file(_key(fingerprint, code_version, engines)))


def all_kept() -> list[dict[str, Any]]:
    """Returns every choice that was measured on this machine, each with the name of its SAM."""
    found = []
    for file in sorted(_file("").parent.glob("*.json")):
        choice = _read(file)
        if choice is not None and choice.seconds:
            found.append({"sam": json.loads(file.read_text(encoding="utf-8")).get("sam"), **_as_dict(choice)})
    return found


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


def _key(fingerprint: str, code_version: int, engines: Sequence[Engine]) -> str:
    from importlib.metadata import version

    parts = [
        fingerprint, str(code_version), cpu_name(), str(cpu_features()), platform.machine(),
        str(torch.get_num_threads()), torch.__version__, version("openvino"), *map(str, engines),
        str(importlib.util.find_spec("onnxruntime") is not None),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


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


def _least(seconds: Callable[[], float]) -> float:
    """Returns the least of two times and of as many more as fit into a second: other work here makes some longer."""
    times: list[float] = []
    while len(times) < 2 or (sum(times) < _LOOK_SECONDS and len(times) < _LOOKS):
        times.append(seconds())
    return min(times)


def _seconds(encode: Encoder, pixels: torch.Tensor) -> float:
    return _timed(encode, pixels)[0]


def _timed(encode: Encoder, pixels: torch.Tensor) -> tuple[float, torch.Tensor]:
    started = time.perf_counter()
    with torch.inference_mode():
        main = encode(pixels).main
    return time.perf_counter() - started, main


def _picture(rule: PixelRule) -> torch.Tensor:
    """Returns pixels (1, 3, S, S) with edges, gradients and texture, in the range that a SAM expects."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, rule.size)] * 2, indexing="ij")
    texture = torch.rand(rule.size, rule.size, generator=torch.Generator().manual_seed(0))
    disc = ((x - 0.2) ** 2 + (y + 0.1) ** 2 < 0.25).float()
    planes = torch.stack([disc * 0.6 + 0.2 * x, disc * 0.4 + 0.3 * y, 0.5 - 0.4 * disc]) + 0.2 * texture
    low, high = planes.min(), planes.max()
    unit = (planes - low) / (high - low)
    return (unit if rule.scaling == "minmax" else unit * 4 - 2)[None]
