"""The paper's plates: a row a case, a column a method or a stage, fit to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autosam.core.sample import Sample
from autosam.data.overlay import PREDICTION, TRUTH, overlay
from autosam.evaluation.pictures import prompt_colours, shrink, shrink_mask
from autosam.evaluation.printing import FAINT, INK, PAGE, TALLEST, WARNING
from autosam.evaluation.scoring import truth_of
from autosam.inference.prediction import Prediction
from autosam.metrics import dice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_GAP, _SIDE, _FOOT, _TITLE, _WARNING = 0.045, 0.2, 0.24, 0.13, 0.1
_FLATTEST, _STEEPEST = 0.45, 1.6
# In inches: what a warning under a title takes.
_NARROWEST = 1.0
# In pixels of the small picture: half a point on paper.
_LINE = 2.4


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A method's masks.

    Attributes:
        title: as it stands above the column.
        masks: (H, W) bool, one a case.
        warning: a line under the title, in the colour of a warning; empty for none.
    """

    title: str
    masks: Sequence[Mask]
    warning: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One picture of a plate: (h, w, 3) uint8, a line written into it, and whether its pixels are cells of a grid."""

    rgb: Bytes
    said: str = ""
    blocky: bool = False


def side_by_side(samples: Sequence[Sample], columns: Sequence[Column]) -> Figure:
    """Returns the plate of image, each column's masks over it with their Dice, and the truth.

    Args:
        samples: the cases, with their truth.
        columns: the methods.
    """
    heads = [("Image", ""), *((column.title, column.warning) for column in columns), ("Truth", "")]
    rows = []
    for number, sample in enumerate(samples):
        rgb, truth = shrink(sample.rgb()), truth_of(sample)
        small = shrink_mask(truth)
        cells = [Cell(rgb)]
        for column in columns:
            mask = column.masks[number]
            cells.append(Cell(overlay(rgb, shrink_mask(mask), truth=small, width=_LINE), f"{dice(truth, mask):.3f}"))
        cells.append(Cell(overlay(rgb, small, colour=TRUTH, width=_LINE)))
        rows.append(cells)
    figure = _plate(heads, rows, [sample.id for sample in samples], _FOOT)
    _legend(figure)
    return figure


def prompt_plate(samples: Sequence[Sample], predictions: Sequence[Prediction]) -> tuple[Figure, list[float]]:
    """Returns the plate of image, prompt Z as colours, h's mask, SAM's mask and truth; and what the colours show.

    Args:
        samples: the cases, with their truth.
        predictions: theirs, with g's dense prompt and h's probability.

    Returns:
        The figure; and for each case the share of the variance of Z that its three principal components hold.
    """
    heads = [("Image I", ""), ("Prompt Z = g(I)", ""), ("h(Z)", ""), ("SAM(I, Z)", ""), ("Truth", "")]
    rows, shares = [], []
    for sample, predicted in zip(samples, predictions, strict=True):
        if predicted.prompt is None or predicted.surrogate is None:
            raise ValueError(f"the prediction of {sample.id} has no prompt or no surrogate's mask")
        truth = truth_of(sample)
        colours, share = prompt_colours(predicted.prompt, sample.size)
        shares.append(float(share.sum()))
        second = predicted.surrogate >= predicted.threshold
        rows.append(
            [
                Cell(shrink(sample.rgb())),
                Cell(colours, blocky=True),
                Cell(_silhouette(second), f"{dice(truth, second):.3f}"),
                Cell(_silhouette(predicted.mask), f"{dice(truth, predicted.mask):.3f}"),
                Cell(_silhouette(truth)),
            ]
        )
    return _plate(heads, rows, [sample.id for sample in samples]), shares


def _silhouette(mask: Mask) -> Bytes:
    levels = np.where(shrink_mask(mask)[..., None], np.uint8(255), np.uint8(0))
    return np.repeat(levels, 3, axis=2)


def _plate(
    heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell]], names: Sequence[str], foot: float = 0.02
) -> Figure:
    """Returns a page's width of cells of one width; a row is as high as its image is at that width."""
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    count = len(heads)
    cell = (PAGE - _SIDE - (count - 1) * _GAP) / count
    heights = [cell * float(np.clip(row[0].rgb.shape[0] / row[0].rgb.shape[1], _FLATTEST, _STEEPEST)) for row in rows]
    gaps = (len(rows) - 1) * _GAP
    lift = _WARNING * max(1 + warning.count("\n") if warning else 0 for _, warning in heads)
    room, scale = cell, 1.0
    # Once for titles as wide as the cells, and again for the cells as they are then.
    for _ in range(2):
        titles = [fill(title, max(8, int(room / 0.062)), break_on_hyphens=False) for title, _ in heads]
        head = 0.08 + lift + _TITLE * max(1 + title.count("\n") for title in titles)
        # What is too high for a page is made narrower, in proportion, but no narrower than titles and warnings.
        scale = min(1.0, (TALLEST - head - foot - gaps) / sum(heights))
        room = max(cell * scale, min(cell, _NARROWEST))
    cell, heights = cell * scale, [tall * scale for tall in heights]
    wide, high = _SIDE + count * room + (count - 1) * _GAP, head + sum(heights) + gaps + foot
    figure = Figure(figsize=(wide, high))
    top = high - head
    for row, (cells, tall) in enumerate(zip(rows, heights, strict=True)):
        top -= tall
        figure.text(
            0.5 * _SIDE / wide, (top + tall / 2) / high, _short(names[row], tall), rotation=90, fontsize=6, color=FAINT,
            ha="center", va="center",
        )  # fmt: skip
        for column, each in enumerate(cells):
            left = _SIDE + column * (room + _GAP) + (room - cell) / 2
            axes = figure.add_axes((left / wide, top / high, cell / wide, tall / high))
            axes.imshow(each.rgb, interpolation="nearest" if each.blocky else "antialiased", aspect="auto")
            axes.set_axis_off()
            if each.said:
                axes.text(
                    0.04, 0.04, each.said, transform=axes.transAxes, fontsize=6.5, color="white", weight="bold",
                    path_effects=[withStroke(linewidth=1.6, foreground=INK)],
                )  # fmt: skip
        top -= _GAP
    for column, (title, (_, warning)) in enumerate(zip(titles, heads, strict=True)):
        middle, line = (_SIDE + column * (room + _GAP) + room / 2) / wide, high - head + 0.05
        figure.text(middle, line / high, warning, fontsize=5.5, color=WARNING, ha="center", va="baseline")
        # The baseline of several lines is that of the last one.
        figure.text(middle, (line + lift) / high, title, fontsize=7.5, ha="center", va="baseline", linespacing=1.05)
    return figure


def _short(name: str, tall: float) -> str:
    """Takes characters from the middle until a name fits beside its row."""
    room = max(6, int(tall / 0.055))
    if len(name) <= room:
        return name
    return f"{name[: (room - 1) // 2]}…{name[-(room - 1) // 2 :]}"


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    mine, true = ((red / 255, green / 255, blue / 255) for red, green, blue in (PREDICTION, TRUTH))
    handles = [
        Line2D([], [], color=mine, linewidth=2, label="prediction"),
        Line2D([], [], color=true, linewidth=2, label="truth"),
        Patch(facecolor=mine, alpha=0.5, label="only in the prediction"),
        Patch(facecolor=true, alpha=0.5, label="only in the truth"),
    ]
    figure.legend(
        handles=handles, loc="lower center", ncols=4, fontsize=6.5, handlelength=1.6, columnspacing=1.6,
        borderaxespad=0.25, title=None,
    )  # fmt: skip
