"""Numbers and their nouns, for a person."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Returns a number with its noun, "1 case" or "2,000 cases"; `plural` is the noun's where an s does not make it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
