"""The pictures of the benchmark's page."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from autosam.core.files import write_bytes
from bench.result import Row

_INK, _OURS, _FLOOR = "#22303c", "#1f6f8b", "#d1603d"


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds over a number.

    Attributes:
        over: what the number is.
        unit: of the values.
        points: value by number, ascending.
    """

    over: str
    unit: str
    points: dict[int, float]


def draw_ratios(rows: list[Row], floors: bool, file: Path) -> None:
    """Draws how many times better each path is: every round a dot, the median a bar, the floor a tick."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(9, 0.62 * len(rows) + 1.3), constrained_layout=True)
    places = list(range(len(rows)))[::-1]
    axes.barh(places, [row.ratio for row in rows], height=0.5, color=_OURS, alpha=0.85, zorder=2)
    for place, row in zip(places, rows, strict=True):
        rounds = [first / second for first, second in zip(row.before, row.after, strict=True)]
        axes.scatter(rounds, [place] * len(rounds), s=14, color=_INK, zorder=3, linewidths=0)
        if floors and row.floor is not None:
            axes.plot([row.floor] * 2, [place - 0.36, place + 0.36], color=_FLOOR, lw=2, zorder=4)
        axes.annotate(
            f"{row.ratio:.1f}x", (max([row.ratio, *rounds]), place), xytext=(8, 0), textcoords="offset points",
            va="center", fontsize=10, color=_INK, fontweight="bold",
        )  # fmt: skip
    axes.set_yticks(places, [row.path for row in rows], fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(0.5, 2.2 * max(max(row.ratio, row.floor or 0) for row in rows))
    axes.axvline(1, color=_INK, lw=1)
    axes.set_xlabel(
        "times the baseline: bar the median, dots the rounds" + (", red the floor" if floors else ""), fontsize=9
    )
    axes.grid(axis="x", color="#e3e8ec", zorder=0)
    _plain(axes)
    _save(figure, file)


def draw_growth(curves: list[Curve], file: Path) -> None:
    """Draws four curves on logarithmic axes, with the line of proportional growth through the last point."""
    plt = _pyplot()
    figure, places = plt.subplots(1, len(curves), figsize=(3.4 * len(curves), 3.2), constrained_layout=True)
    for axes, curve in zip(places, curves, strict=True):
        x, y = list(curve.points), list(curve.points.values())
        axes.plot(x, [y[-1] * value / x[-1] for value in x], color="#b6c2cc", lw=1.5, ls="--", label="proportional")
        axes.plot(x, y, color=_OURS, lw=2, marker="o", ms=5, label="measured")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(x, [str(value) for value in x], fontsize=8)
        axes.minorticks_off()
        axes.set_yticks(_decades(y), [f"{value:g}" for value in _decades(y)], fontsize=8)
        axes.set_ylim(min(y) / 2, max(y) * 2)
        axes.set_xlabel(curve.over, fontsize=9)
        axes.set_title(curve.unit, fontsize=9, loc="left", color=_INK)
        axes.grid(color="#e9edf0")
        _plain(axes)
    places[0].legend(fontsize=8, frameon=False)
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
