"""The cases of a training, read once and found good before anything costly begins."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace

import numpy as np

from autosam.core.errors import DataError, Interrupted
from autosam.core.progress import Progress
from autosam.core.words import counted
from autosam.data.dataset import Dataset, split
from autosam.data.folder import Pairing, find_pairs
from autosam.data.foreground import Foreground
from autosam.data.images import content_hash
from autosam.training.config import TrainConfig
from autosam.training.signals import Stop

# Of ignored folders and files that are named.
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a training.

    Attributes:
        train: what is trained on.
        val: what chooses the checkpoint; may be empty.
        hashes: id -> content hash of the image, for all that is trained on ("train") and held out ("val").
        digest: digest over ids and contents of all.
        sizes: height and width of every image of `train` and `val`, in their order.
    """

    train: Dataset
    val: Dataset
    hashes: dict[str, dict[str, str]]
    digest: str
    sizes: dict[str, list[tuple[int, int]]]

    def validated_on(self, most: int, seed: int) -> Cases:
        """Returns the same with at most so many validation cases; which ones depends on the seed and the names only."""
        if most >= len(self.val):
            return self
        drawn = sorted(
            (hashlib.sha256(f"{seed} {name}".encode()).digest(), case) for case, name in enumerate(self.val.ids)
        )
        kept = sorted(case for _, case in drawn[:most])
        sizes = {**self.sizes, "val": [self.sizes["val"][case] for case in kept]}
        return replace(self, val=self.val.part(kept), sizes=sizes)


def find_cases(config: TrainConfig) -> tuple[Dataset, Dataset, list[str]]:
    """Returns what is trained on, what is held out, and notes on how they were paired, by names alone.

    Raises:
        DataError: where a folder or table cannot be paired, or no case is left to train on.
    """
    for place in (config.data, config.val_data):
        if place is not None and not place.exists():
            raise DataError(
                "there is no such folder or table",
                file=place,
                cure="Check the path; data that were moved are given to --resume at their new place, by "
                f"{'DATA' if place is config.data else '--val-data'}",
            )
    foreground = Foreground.parse(config.foreground)
    pairing = find_pairs(config.data, group=config.group)
    whole, notes = Dataset(pairing.pairs, foreground), _notes(pairing)
    if config.val_data is not None:
        beside = find_pairs(config.val_data, group=config.group)
        fit_on, held = whole, whole.beside(beside.pairs)
        notes += _notes(beside)
    else:
        fit_on, held = split(whole, config.val, config.seed)
    if len(fit_on) == 0:
        raise DataError("no case is left to train on", file=config.data, cure="Lower --val, or add images")
    return fit_on, held, notes


def _notes(pairing: Pairing) -> list[str]:
    ignored = pairing.ignored
    if not ignored:
        return list(pairing.notes)
    more = f" and {len(ignored) - _SHOWN} more (autosam data check lists all)" if len(ignored) > _SHOWN else ""
    return [*pairing.notes, f"not taken: {', '.join(ignored[:_SHOWN])}{more}"]


def look_at(parts: tuple[Dataset, Dataset], seconds: float) -> int:
    """Reads cases from all over some data sets as long as there is time; returns how many, and all were good.

    Raises:
        DataError: for the first fault, naming the file.
    """
    started, looked = time.monotonic(), 0
    every = [(part, case) for part in parts for case in range(len(part))]
    for index in np.random.default_rng(0).permutation(len(every)).tolist():
        part, case = every[index]
        part.read(case)
        looked += 1
        if time.monotonic() - started > seconds:
            break
    return looked


def read_cases(config: TrainConfig, progress: Progress, stop: Stop) -> Cases:
    """Returns the cases of the choices, every image and mask read once and found good.

    Raises:
        DataError: for the first fault, naming the file.
    """
    fit_on, held, notes = find_cases(config)
    for note in notes:
        progress.say(f"note: {note}")
    progress.start("reading images and masks", len(fit_on) + len(held))
    hashes: dict[str, dict[str, str]] = {}
    sizes: dict[str, list[tuple[int, int]]] = {"train": [], "val": []}
    total, empty = hashlib.sha256(), 0
    for name, part in (("train", fit_on), ("val", held)):
        hashes[name] = {}
        for index in range(len(part)):
            if stop():
                raise Interrupted("stopped while reading", file=config.data, cure="Go on with --resume")
            sample = part.read(index)
            hashes[name][sample.id] = content_hash(sample.image)
            sizes[name].append(sample.size)
            mask = "" if sample.mask is None else content_hash(sample.mask)
            empty += name == "train" and sample.mask is not None and not sample.mask.any()
            total.update(json.dumps([name, sample.id, hashes[name][sample.id], mask]).encode())
            progress.advance()
    if empty == len(fit_on):
        rule = fit_on.foreground.text
        progress.say(
            f"warning: not one of the {empty} training masks has foreground by the rule {rule!r}: an empty "
            "mask will seem perfect. Look at their values (autosam data check) and give --foreground"
        )
    twice = set(hashes["train"].values()) & set(hashes["val"].values())
    if twice:
        both = [f"{a} = {b}" for a, x in hashes["train"].items() for b, y in hashes["val"].items() if x == y]
        progress.say(f"warning: the same image is in training and validation: {', '.join(both[:5])}")
    groups = sorted({name for name in fit_on.groups if name is not None} & set(held.groups))
    if groups:
        progress.say(
            f"warning: {counted(len(groups), 'group is', 'groups are')} in training and in validation, which flatters "
            f"the validation: {', '.join(groups[:5])}"
        )
    if len(held) == 0:
        progress.say("warning: no case is held out; the last weights are kept, and nothing says how good they are")
    return Cases(fit_on, held, hashes, total.hexdigest(), sizes)
