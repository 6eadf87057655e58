"""Numbers with their nouns, and lists of names, for a person."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Returns a number with its noun, "1 case" or "2,000 cases"; `plural` is the noun's where an s does not make it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Returns some names in a row, "a, b, c", of which no more than `most` are told: "a, b, c, ..."."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
