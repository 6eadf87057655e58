"""Figures fit for a paper: a page's sizes, text that stays text, colours that the colour-blind tell apart."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autosam.core.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN = 3.5
"""Width of one column of a page, in inches."""
PAGE = 7.2
"""Width of a whole page, in inches."""
TALLEST = 9.0
"""Height that still fits on a page with its caption, in inches."""
DPI = 300
INK, FAINT, RULE = "#1b1f26", "#69707c", "#d5d9e0"
WARNING = "#b3400b"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8F7A00", "#000000")
"""Okabe and Ito's colours (Color Universal Design, 2008), their yellow darkened to be seen on white."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    # Names of methods and cases are written as they are, whatever stands between two dollars.
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,
    "image.interpolation": "none",
}


@contextmanager
def printed() -> Iterator[None]:
    """Figures that are made and saved inside have the style of print; nothing outside changes."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        yield


def colour(index: int) -> str:
    """Returns the colour of the method of that number; after the last they begin again."""
    return COLOURS[index % len(COLOURS)]


def save(figure: Figure, stem: Path) -> list[Path]:
    """Writes a figure as STEM.png at 300 dots an inch and STEM.pdf, its text as text, the same bytes every time.

    Raises:
        ResourceError: where the disk is full.
    """
    files = []
    for kind, metadata in (("png", {"Software": None}), ("pdf", {"CreationDate": None, "Producer": None})):
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, dpi=DPI, metadata=metadata)
        # Not with_suffix: a stem may hold a point.
        file = stem.with_name(f"{stem.name}.{kind}")
        write_bytes(file, stream.getvalue())
        files.append(file)
    return files
