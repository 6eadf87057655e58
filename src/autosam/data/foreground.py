"""Which labels of a mask are foreground: said by a rule, or plain from two values; never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autosam.core.errors import DataError, UsageError

Test = Literal["auto", ">", ">=", "<", "in"]

_COMPARISON = re.compile(r"(>=|>|<)\s*(-?\d+)")
_LIST = re.compile(r"-?\d+(\s*,\s*-?\d+)*")
_LISTED = 12
_JPEG_NOISE = 24
_BINARY_MARKS = frozenset({1, 255, 65535})


@dataclass(frozen=True, slots=True)
class Foreground:
    """A rule from labels to foreground.

    Attributes:
        test: "auto" takes a mask of 0 and one positive value as it is meant, and asks about any other; the comparisons
            and "in" hold labels against `values`.
        values: one number for a comparison, the labels for "in", none for "auto".
    """

    test: Test = "auto"
    values: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Foreground:
        """Reads `> N`, `>= N`, `< N`, `N,M,...`, `nonzero` (the same as `> 0`) or `auto`; None is `auto`.

        Raises:
            UsageError: on any other text.
        """
        plain = (text if text is not None else "auto").strip().lower()
        if plain == "auto":
            return cls()
        if plain == "nonzero":
            return cls(">", (0,))
        if match := _COMPARISON.fullmatch(plain):
            test: Test = ">" if match[1] == ">" else ">=" if match[1] == ">=" else "<"
            return cls(test, (int(match[2]),))
        if _LIST.fullmatch(plain):
            return cls("in", tuple(sorted({int(number) for number in plain.split(",")})))
        raise UsageError(
            f"the foreground rule {text!r} is not understood",
            cure="Write '> 127', '>= 1', '< 10', labels such as '1,2', or 'nonzero'",
        )

    @property
    def text(self) -> str:
        """The rule as `parse` reads it."""
        if self.test == "in":
            return ",".join(map(str, self.values))
        return self.test if self.test == "auto" else f"{self.test} {self.values[0]}"

    def binary(self, label_map: npt.NDArray[np.generic], file: Path | str) -> npt.NDArray[np.bool_]:
        """Returns the foreground (H, W) bool of a label map (H, W) of integers or booleans.

        Raises:
            DataError: with "auto", where the values are not 0 and one positive value: it lists them and the flag to
                add.
        """
        labels: npt.NDArray[Any] = label_map
        match self.test:
            case "auto":
                _check_plain(label_map, file)
                chosen = labels != 0
            case ">":
                chosen = labels > self.values[0]
            case ">=":
                chosen = labels >= self.values[0]
            case "<":
                chosen = labels < self.values[0]
            case "in":
                chosen = np.isin(labels, self.values)
        return np.asarray(chosen, np.bool_)


class Marks:
    """The value that stands for foreground in each mask read under "auto", held together over a data set.

    One class of a multi-class set may be alone in a mask: {0, 1} here and {0, 2} there are two classes, not one. The
    usual marks of binary masks (1, 255, 65535) may be mixed; any other value must be the same everywhere.
    """

    def __init__(self) -> None:
        self._seen: dict[int, str] = {}

    def add(self, label_map: npt.NDArray[np.generic], file: Path | str) -> None:
        """Notes the mark of a mask that passed the "auto" rule.

        Raises:
            DataError: where it contradicts that of a mask before.
        """
        mark = int(np.max(label_map)) if label_map.size else 0
        if mark == 0:
            return
        other = next((value for value in self._seen if value != mark and not {value, mark} <= _BINARY_MARKS), None)
        if other is not None:
            raise DataError(
                f"its foreground is {mark}, but that of {self._seen[other]} is {other}: these look like several "
                "classes",
                file=file,
                cure=f"Say which are foreground: --foreground {min(mark, other)} for one class, or "
                '--foreground "> 0" for all',
            )
        self._seen.setdefault(mark, str(file))


def value_counts(label_map: npt.NDArray[np.generic]) -> dict[int, int]:
    """Returns how many pixels have each value, in order of the values."""
    if label_map.dtype in (np.uint8, np.uint16):
        counts = np.bincount(label_map.ravel())
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    values, numbers = np.unique(label_map, return_counts=True)
    return {int(value): int(number) for value, number in zip(values, numbers, strict=True)}


def describe(counts: dict[int, int]) -> str:
    """Returns the values with their shares on one line; past 12 values the commonest ones."""
    total = max(1, sum(counts.values()))
    common = sorted(sorted(counts), key=lambda value: -counts[value])[:_LISTED]
    listed = ", ".join(f"{value} ({counts[value] / total:.1%})" for value in sorted(common))
    return listed if len(counts) <= _LISTED else f"{listed} and {len(counts) - _LISTED} more"


def _check_plain(label_map: npt.NDArray[np.generic], file: Path | str) -> None:
    counts = value_counts(label_map)
    others = [value for value in counts if value != 0]
    if not others or (len(others) == 1 and others[0] > 0 and len(counts) <= 2):
        return
    raise DataError(
        f"the mask has {len(counts)} value{'s' if len(counts) > 1 else ''}: {describe(counts)}; which are foreground "
        "is not guessed",
        file=file,
        cure=_flag(counts),
    )


def _flag(counts: dict[int, int]) -> str:
    total = sum(counts.values())
    extreme = sum(n for v, n in counts.items() if abs(v) <= _JPEG_NOISE or abs(v - 255) <= _JPEG_NOISE)
    bright = sum(n for v, n in counts.items() if abs(v - 255) <= _JPEG_NOISE)
    if bright and extreme >= 0.9 * total and len(counts) > 2:
        return 'Add --foreground "> 127" (black and white with noise, such as JPEG leaves)'
    positive = [value for value in counts if value > 0]
    if positive and len(counts) <= _LISTED:
        example = ",".join(map(str, positive[:2] if 0 in counts else positive[-1:]))
        return f'Add --foreground "> 0" to take every label as foreground, or name labels, as in --foreground {example}'
    return 'Add --foreground "> 0" to take every label as foreground, or name labels, as in --foreground 1,2'
