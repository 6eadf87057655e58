"""The figures of a comparison: scores, ranks, differences, and case against case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from autosam.benchmarks.compared import bracket, number, p_in_words, size_in_words
from autosam.benchmarks.comparison import Contest, Duel
from autosam.benchmarks.scored import Scored
from autosam.benchmarks.statistics import LEVEL, ranks
from autosam.evaluation.printing import COLUMN, FAINT, INK, PAGE, RULE, TALLEST, colour, printed, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PAIRS = 12
# In inches: the least height of a row, of a line of a label, and of what stands above and under the rows.
_ROW, _LABEL, _AROUND = 0.42, 0.125, 0.75
_LINE = 26
_HEADING = 128


def draw(shown: Contest, methods: Sequence[Scored], folder: Path) -> list[Path]:
    """Writes the figures of a contest that has pairs, as PNG and PDF, and returns their paths.

    Args:
        shown: what is drawn.
        methods: in the contest's order.
        folder: where to.
    """
    stem = re.sub(r"[^\w.+-]+", "_", f"{shown.view}-{shown.part}-{shown.measure.name}")
    files: list[Path] = []
    with printed():
        for name, make in (("scores", scores), ("ranks", ranking), ("differences", differences), ("cases", cases)):
            files += save(make(shown, methods), folder / f"{name}-{stem}")
    return files


def scores(shown: Contest, methods: Sequence[Scored]) -> Figure:
    """Returns a strip a method: every case a dot, the mean and its interval over them."""
    figure, axes, shrunk = _rows([_titled(method) for method in methods])
    spread = np.random.default_rng(0)
    for place, (method, mean) in enumerate(zip(methods, shown.means, strict=True)):
        tint = FAINT if method.untrained_prompt else colour(place)
        values = shown.values[:, place]
        values = values[np.isfinite(values)]
        lift = spread.uniform(-0.24, 0.24, len(values))
        axes.scatter(values, place + lift, s=7, color=tint, alpha=0.4, linewidths=0, rasterized=len(values) > 2000)
        if mean.mean is None:
            continue
        if mean.interval is not None:
            axes.plot(mean.interval, [place, place], color=INK, linewidth=2.2, solid_capstyle="butt", zorder=3)
        axes.plot([mean.mean], [place], "o", color=tint, markeredgecolor=INK, markersize=5.5, zorder=4)
        said = f"{number(mean.mean, shown.measure)}\n{bracket(mean.interval, shown.measure).strip()}"
        axes.annotate(
            said, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=6.5 * shrunk,
            annotation_clip=False,
        )  # fmt: skip
    axes.set_xlabel(_measured(shown))
    axes.grid(axis="x")
    if shown.measure.unit == "fraction":
        # A little past the ends, so that a dot at 0 or 1 is a whole one.
        axes.set_xlim(left=max(-0.01, axes.get_xlim()[0]), right=min(1.01, axes.get_xlim()[1]))
    some = any(mean.interval is not None for mean in shown.means)
    _head(figure, shown, "each dot a case" + ", bars 95 % intervals of the mean" * some)
    return figure


def ranking(shown: Contest, methods: Sequence[Scored]) -> Figure:
    """Returns the mean ranks with intervals; bars at the side join methods whose pairs do not differ."""
    order, alike = shown.order, shown.alike
    figure, axes, _ = _rows([_titled(methods[rank.method]) for rank in order])
    for row, rank in enumerate(order):
        tint = colour(rank.method)
        if rank.interval is not None:
            axes.plot(rank.interval, [row, row], color=tint, linewidth=2.2, solid_capstyle="butt")
        axes.plot([rank.mean], [row], "o", color=tint, markeredgecolor=INK, markersize=6, zorder=3)
        axes.annotate(f"{rank.mean:.2f}", (rank.mean, row), (0, 7), textcoords="offset points", ha="center", fontsize=7)
    for number_of, (first, last) in enumerate(alike):
        x = len(order) + 0.14 + 0.07 * number_of
        axes.plot([x, x], [first - 0.15, last + 0.15], color=INK, linewidth=2.6, solid_capstyle="butt")
    axes.set_xlim(0.9, len(order) + 0.1 + 0.1 * len(alike))
    axes.set_xticks(range(1, len(order) + 1))
    axes.set_xlabel(f"mean rank by {_measured(shown)} (1 is the best)")
    axes.grid(axis="x")
    said = f"black bars join methods that do not differ (Wilcoxon, Holm, {LEVEL:g})" if alike else "all pairs differ"
    _head(figure, shown, said)
    return figure


def differences(shown: Contest, methods: Sequence[Scored]) -> Figure:
    """Returns a row a pair: the mean difference and its paired interval, filled where the corrected p is small."""
    figure, axes, shrunk = _rows([_pair(duel, methods) for duel in shown.duels])
    for row, duel in enumerate(shown.duels):
        ahead = duel.a if (duel.difference > 0) == (shown.measure.direction == "higher") else duel.b
        sure = duel.corrected < LEVEL
        tint = colour(ahead)
        if duel.interval is not None:
            axes.plot(duel.interval, [row, row], color=tint, linewidth=2.2, solid_capstyle="butt")
        axes.plot(
            [duel.difference], [row], "o", color=tint if sure else "white", markeredgecolor=tint, markersize=6, zorder=3
        )
        difference = f"{number(duel.difference, shown.measure)}{bracket(duel.interval, shown.measure)}"
        said = f"{difference}\np {_equal(p_in_words(duel.corrected))}"
        axes.annotate(
            said, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=6.5 * shrunk,
            annotation_clip=False,
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.margins(x=0.08)
    axes.set_xlabel(f"difference in {_measured(shown)}, first less second")
    axes.grid(axis="x")
    some = any(duel.interval is not None for duel in shown.duels)
    _head(figure, shown, "95 % paired bootstrap; " * some + f"filled where Holm's p < {LEVEL:g}")
    return figure


def cases(shown: Contest, methods: Sequence[Scored]) -> Figure:
    """Returns case against case: a panel for each pair that is tested, of many for each pair of the first method."""
    from matplotlib.figure import Figure

    pairs = [(duel.a, duel.b) for duel in shown.duels]
    if len(pairs) > MOST_PAIRS:
        pairs = [pair for pair in pairs if pair[0] == pairs[0][0]]
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    wide = COLUMN if columns == 1 else PAGE
    high = min(TALLEST, rows * (wide / columns + 0.12) + 0.3)
    figure = Figure(figsize=(wide, high), layout="constrained")
    known = shown.values[np.isfinite(shown.values)]
    low, top = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    # Where all are equal, ticks far apart enough to be told from each other.
    margin = max(0.04 * (top - low), 0.005 * max(1.0, abs(top)))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (a, b) in zip(grid.flat, pairs, strict=False):
        _against(axes, shown, methods, a, b)
        axes.set(xlim=(low - margin, top + margin), ylim=(low - margin, top + margin), aspect="equal")
    for axes in list(grid.flat)[len(pairs) :]:
        axes.set_axis_off()
    said = f"each dot a {shown.noun}, in the colour of the better method"
    _head(figure, shown, said, 62 if columns == 1 else _HEADING)
    return figure


def _against(axes: Axes, shown: Contest, methods: Sequence[Scored], a: int, b: int) -> None:
    pair = shown.values[:, [a, b]]
    pair = pair[np.isfinite(pair).all(axis=1)]
    best = ranks(pair, higher=shown.measure.direction == "higher")
    tints = [colour(a if one < two else b) if one != two else FAINT for one, two in best]
    axes.axline((0, 0), slope=1, color=RULE, linewidth=1, zorder=0)
    axes.scatter(pair[:, 0], pair[:, 1], s=11, c=tints, alpha=0.75, linewidths=0, rasterized=len(pair) > 2000)
    first, second = int((best[:, 0] == 1).sum()), int((best[:, 1] == 1).sum())
    # Where higher is better, the first method's cases lie below the diagonal.
    below, above = ((a, first), (b, second)) if shown.measure.direction == "higher" else ((b, second), (a, first))
    for (method, count), x, y, ha, va in ((below, 0.97, 0.03, "right", "bottom"), (above, 0.03, 0.97, "left", "top")):
        axes.text(
            x, y, f"better on {count}", transform=axes.transAxes, ha=ha, va=va, fontsize=6.5, color=colour(method),
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}, zorder=5,
        )  # fmt: skip
    axes.set_xlabel(_titled(methods[a]), color=colour(a))
    axes.set_ylabel(_titled(methods[b]), color=colour(b))
    axes.locator_params(nbins=5)
    axes.grid()


def _rows(labels: Sequence[str]) -> tuple[Figure, Axes, float]:
    """Returns a figure with a row a label, and by how much text is made smaller so that all rows fit on a page."""
    from matplotlib.figure import Figure

    # What is said at the right of a row has two lines.
    lines = max(2, *(1 + label.count("\n") for label in labels))
    row = max(_ROW, _LABEL * lines)
    high = row * len(labels) + _AROUND
    figure = Figure(figsize=(PAGE, min(TALLEST, high)), layout="constrained")
    axes = figure.subplots()
    axes.set_ylim(len(labels) - 0.5, -0.5)
    shrunk = min(1.0, (TALLEST - _AROUND) / (_LABEL * lines * len(labels)))
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0, labelsize=7 * shrunk)
    axes.spines["left"].set_visible(False)
    return figure, axes, shrunk


def _titled(method: Scored) -> str:
    seeds = f"{method.seeds} seed{'s' if method.seeds > 1 else ''}"
    mark = ", untrained prompt" if method.untrained_prompt else ""
    return f"{fill(method.name, _LINE, break_on_hyphens=False)}\n({seeds}{mark})"


def _pair(duel: Duel, methods: Sequence[Scored]) -> str:
    first, second = methods[duel.a].name, f"less {methods[duel.b].name}"
    return "\n".join(fill(name, 2 * _LINE, break_on_hyphens=False) for name in (first, second))


def _measured(shown: Contest) -> str:
    return shown.measure.title + ("" if shown.measure.unit == "fraction" else f" in {shown.measure.unit}")


def _head(figure: Figure, shown: Contest, said: str, letters: int = _HEADING) -> None:
    heading = f"{shown.part}, view {shown.view}, {size_in_words(shown)}: {said}"
    figure.suptitle(fill(heading, letters), x=0.01, ha="left", fontsize=7, color=FAINT)


def _equal(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"
