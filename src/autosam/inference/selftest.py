"""Which engine is fastest for a SAM on this machine: measured once."""

from __future__ import annotations

import logging
import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from autosam.core.errors import ResourceError, UsageError
from autosam.core.letterbox import PixelRule
from autosam.inference.choice import Choice, keep, kept
from autosam.inference.eligible import is_outdone, is_passing, obstacle
from autosam.inference.engine import REFERENCE, Encoder, Engine, build_encoder, first_line
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
_LOOK_SECONDS, _LOOKS, _TURNS = 1.0, 8, 3


def choose(sam: FrozenSam, engines: Sequence[Engine], most: float = math.inf) -> Choice:
    """Returns the fastest of some engines for a SAM on this CPU; the measurement of an earlier time where there is one.

    Args:
        sam: the frozen SAM, on the CPU.
        engines: those to choose from.
        most: seconds that the measurement may take. What it did not get to, or had not the memory or disk for, is tried
            the next time.

    Raises:
        UsageError: where none of them can be used here.
    """
    found = kept(sam.name, sam.fingerprint(), sam.code_version, engines)
    if found is None:
        # Without a choice there is nothing to measure, but the pixel rule is worth keeping.
        found = measure(sam, engines, most) if len(engines) > 1 else Choice(engines[0], sam.rule, {}, {})
        tried = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found.seconds.items())
        log.info("engine for %s: %s (an image: %s)", sam.name, found.engine, tried or "not measured")
        if found.complete:
            try:
                keep(found, sam, engines)
            except (OSError, ResourceError) as fault:
                if found.seconds:
                    log.warning("what the self-test found is not kept (%s), and measured again next time", fault)
    return found


def measure(sam: FrozenSam, engines: Sequence[Engine], most: float = math.inf) -> Choice:
    """Returns what each engine takes for a picture, and which one to use.

    Args:
        sam: the frozen SAM, on the CPU.
        engines: those to choose from.
        most: seconds it may take; torch in float32 is measured whatever that takes, and others until one of `engines`
            can be used; the rest while a try as long as the longest one before still fits.

    Raises:
        UsageError: where none of them can be used here, and why.
    """
    pixels = _picture(sam.rule)
    seconds: dict[str, float] = {}
    cosine: dict[str, float] = {}
    # Those that agree with the reference, and why others cannot be used.
    fit: dict[str, float] = {}
    refused: dict[str, str] = {}
    truth: torch.Tensor | None = None
    began = time.perf_counter()
    longest, complete = 0.0, True
    for engine in dict.fromkeys([REFERENCE, *engines]):
        name = str(engine)
        if is_outdone(engine, fit):
            continue
        why = obstacle(engine, sam)
        if why:
            refused[name] = why
            continue
        tried = time.perf_counter()
        if not fit.keys().isdisjoint(map(str, engines)) and tried - began + longest > most:
            complete = False
            break
        try:
            encode = build_encoder(sam, engine, torch.device("cpu"))
            first, main = _timed(encode, pixels)
        except Exception as fault:
            refused[name] = first_line(fault)
            complete = complete and not is_passing(fault)
            continue
        truth = main if truth is None else truth
        hopeless = first > _HOPELESS * min(fit.values(), default=first)
        seconds[name] = first if hopeless else _least(partial(_seconds, encode, pixels))
        cosine[name] = float(torch.cosine_similarity(main.flatten(), truth.flatten(), dim=0))
        longest = max(longest, time.perf_counter() - tried)
        if cosine[name] >= LEAST_COSINE:
            fit[name] = seconds[name]
        else:
            refused[name] = f"its embedding is not that of {REFERENCE} (cosine {cosine[name]:.2f})"
        if engine == REFERENCE and engine in engines and seconds[name] < FAST_ENOUGH_SECONDS:
            break
    for name, why in refused.items():
        log.info("%s is not used for %s: %s", name, sam.name, why)
    best = min((each for each in engines if str(each) in fit), key=lambda each: fit[str(each)], default=REFERENCE)
    if best not in engines:
        said = "; ".join(f"{each}: {refused[str(each)]}" for each in engines)
        raise UsageError(f"{sam.name} cannot be run as asked for ({said})", cure="Leave --engine and --precision away")
    complete = complete and time.perf_counter() - began + longest <= most
    pair = 1
    if complete:
        try:
            pair = _together(sam, best, pixels, seconds.get(str(best), 0.0))
        except Exception as fault:
            log.info("two images at a time are not encoded by %s: %s", best, first_line(fault))
            complete = not is_passing(fault)
    return Choice(best, sam.rule, seconds, cosine, pair, complete)


def _together(sam: FrozenSam, engine: Engine, pixels: torch.Tensor, alone: float) -> int:
    """Returns 2 where two images at a time, each by half of the threads, take no longer than one after the other.

    Both are measured in turns: what else the machine does then makes both of a turn longer.
    """
    threads = torch.get_num_threads()
    if threads < 2 or not FAST_ENOUGH_SECONDS < alone < _LARGE_SECONDS:
        return 1
    whole = build_encoder(sam, engine, torch.device("cpu"))
    half = build_encoder(sam, engine, torch.device("cpu"), threads // 2)
    ratios: list[float] = []
    with ThreadPoolExecutor(2) as pool:

        def both() -> float:
            started = time.perf_counter()
            list(pool.map(lambda _: _timed(half, pixels), range(2)))
            return time.perf_counter() - started

        def in_turn() -> float:
            torch.set_num_threads(threads)
            return _seconds(whole, pixels) + _seconds(whole, pixels)

        try:
            both()
            _seconds(whole, pixels)
            began = time.perf_counter()
            while len(ratios) < _TURNS or (time.perf_counter() - began < _LOOK_SECONDS and len(ratios) < _LOOKS):
                ratios.append(both() / in_turn())
        finally:
            torch.set_num_threads(threads)
    return 2 if statistics.median(ratios) < _WORTH else 1


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
