"""Checks that speak: shapes of tensors, and names looked up with a suggestion where they are mistyped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch

from autosam.core.errors import UsageError

T = TypeVar("T")


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """Returns up to `most` of `names` that look like `name`, the likest first."""
    return difflib.get_close_matches(name, list(names), n=most, cutoff=0.5)


def look_up(name: str, table: Mapping[str, T], what: str, file: Path | None = None) -> T:
    """Returns `table[name]`.

    Args:
        name: the name.
        table: what there is.
        what: what the name is one of, for the message.
        file: where it was read, for the message.

    Raises:
        UsageError: where there is no such name; it lists the names and the nearest one.
    """
    if name in table:
        return table[name]
    near = nearest(name, table)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"unknown {what} {name!r}", file=file, cure=f"{hint}There are: {', '.join(sorted(table))}")


def check_shape(tensor: torch.Tensor, shape: tuple[int | None, ...], what: str) -> None:
    """Holds `tensor` to `shape`, in which None stands for any length.

    Raises:
        ValueError: where they differ; it names both shapes.
    """
    fits = tensor.ndim == len(shape) and all(w is None or w == n for w, n in zip(shape, tensor.shape, strict=True))
    if not fits:
        wanted = ", ".join("*" if n is None else str(n) for n in shape)
        raise ValueError(f"{what} must have shape ({wanted}), not {tuple(tensor.shape)}")
