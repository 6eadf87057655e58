"""Names as text: those of files may hold bytes that are none."""

from __future__ import annotations


def writable(name: str) -> str:
    """Returns a name that UTF-8 can hold; bytes of a file's name that are no text become escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
