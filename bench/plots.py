"""The pictures of the benchmark's page."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from autosam.core.files import write_bytes
from bench.result import KINDS, Curve, Row

_INK, _FLOOR = "#22303c", "#d1603d"
# How many times as far on the axis a label ends as it begins.
_LABEL = 1.8
_COLOURS = dict(zip(KINDS, ("#1f6f8b", "#5aa9a3", "#b08d57", "#8c7aa9", "#7b8794"), strict=True))


def draw_ratios(sides: dict[str, list[Row]], floors: dict[str, bool], file: Path) -> None:
    """Draws how many times better each path is, a colour a kind of CPU: rounds as dots, the median a bar, floors ticks.

    Args:
        sides: rows by kind of CPU.
        floors: whether the floors hold for each of them; a floor's tick crosses the bars of those alone.
        file: where the picture goes.
    """
    plt = _pyplot()
    bars: dict[tuple[str, str], float] = {}
    middles, down = {}, 0.0
    for path in dict.fromkeys(row.path for rows in sides.values() for row in rows):
        kinds = [kind for kind, rows in sides.items() if any(row.path == path for row in rows)]
        bars |= {(path, kind): down - number for number, kind in enumerate(kinds)}
        middles[path] = down - (len(kinds) - 1) / 2
        down -= len(kinds) + 0.8
    figure, axes = plt.subplots(figsize=(9, 1.1 - 0.24 * down), constrained_layout=True)
    for kind, rows in sides.items():
        places = [bars[row.path, kind] for row in rows]
        ratios = [row.ratio for row in rows]
        axes.barh(places, ratios, height=0.9, color=_COLOURS[kind], alpha=0.85, zorder=2, label=kind)
        for place, row in zip(places, rows, strict=True):
            rounds = [first / second for first, second in zip(row.before, row.after, strict=True)]
            axes.scatter(rounds, [place] * len(rounds), s=11, color=_INK, zorder=3, linewidths=0)
            end = max([row.ratio, *rounds])
            if floors[kind] and row.floor is not None and end < row.floor < _LABEL * end:
                # Not across the floor's line.
                end = row.floor
            axes.annotate(
                f"{row.ratio:.1f}x", (end, place), xytext=(8, 0), textcoords="offset points",
                va="center", fontsize=9, color=_INK, fontweight="bold",
            )  # fmt: skip
    held = [kind for kind in sides if floors[kind]]
    limits = {row.path: row.floor for kind in held for row in sides[kind] if row.floor is not None}
    for path, floor in limits.items():
        ends = [place for (of, kind), place in bars.items() if of == path and kind in held]
        axes.plot([floor] * 2, [min(ends) - 0.55, max(ends) + 0.55], color=_FLOOR, lw=2, zorder=4)
    axes.set_yticks(list(middles.values()), list(middles), fontsize=9)
    axes.set_ylim(down + 0.2, 1)
    axes.set_xscale("log")
    greatest = max([row.ratio for rows in sides.values() for row in rows] + list(limits.values()))
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick < greatest]
    axes.set_xlim(0.5, 2.5 * greatest)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=9)
    axes.minorticks_off()
    axes.axvline(1, color=_INK, lw=1)
    axes.set_xlabel(
        "times the baseline: bar the median, dots the rounds" + (", red the floor" if limits else ""), fontsize=9
    )
    axes.grid(axis="x", color="#e3e8ec", zorder=0)
    if len(sides) > 1:
        axes.legend(fontsize=8, frameon=False, loc="lower right")
    _plain(axes)
    _save(figure, file)


def draw_growth(sides: dict[str, list[Curve]], file: Path) -> None:
    """Draws growth on logarithmic axes, a colour a kind of CPU, each with proportional growth to its last point."""
    plt = _pyplot()
    first = next(iter(sides.values()))
    figure, places = plt.subplots(1, len(first), figsize=(3.4 * len(first), 3.2), constrained_layout=True)
    for number, axes in enumerate(places):
        every = []
        for kind, curves in sides.items():
            colour = _COLOURS[kind]
            x, y = list(curves[number].points), list(curves[number].points.values())
            proportional = [y[-1] * value / x[-1] for value in x]
            axes.plot(x, proportional, color=colour, lw=1.2, ls="--", alpha=0.45, label=f"{kind}, proportional")
            axes.plot(x, y, color=colour, lw=2, marker="o", ms=5, label=kind)
            every += y
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(x, [str(value) for value in x], fontsize=8)
        axes.minorticks_off()
        axes.set_yticks(_decades(every), [f"{value:g}" for value in _decades(every)], fontsize=8)
        axes.set_ylim(min(every) / 2, max(every) * 2)
        axes.set_xlabel(first[number].over, fontsize=9)
        axes.set_title(first[number].unit, fontsize=9, loc="left", color=_INK)
        axes.grid(color="#e9edf0")
        _plain(axes)
    places[0].legend(fontsize=7.5, frameon=False)
    _save(figure, file)


def _decades(values: list[float]) -> list[float]:
    ticks = [factor * 10.0**power for power in range(-4, 5) for factor in (1, 2, 5)]
    return [tick for tick in ticks if min(values) / 2 <= tick <= max(values) * 2]


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _save(figure: Any, file: Path) -> None:
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_bytes(file, picture.getvalue())


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
