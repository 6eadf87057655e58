"""The report's charts as inline SVG, coloured by the page's style so that they follow light and dark."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from autosam.core.words import counted

MOST_DOTS = 1500


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from values to the drawing's units."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Returns where `value` lies."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the distribution: a label, a style class, and (case's name, value in 0..1) per case."""

    label: str
    style: str
    values: Sequence[tuple[str, float]]
    mean: float
    interval: Sequence[float] | None


def distribution(title: str, rows: Sequence[Row]) -> str:
    """Returns a histogram of the first row, and under it for every row a dot per case, its mean and its interval."""
    wide, top, bars, strip, left, right = 640, 22, 285 - 32 * len(rows), 66, 44, 12
    values = [value for row in rows for _, value in row.values]
    low = min(0.9, math.floor(min(values) * 10) / 10)
    x = Scale(low, 1, left, wide - right)
    base = top + bars
    counts, edges = np.histogram([value for _, value in rows[0].values], bins=20, range=(low, 1))
    y = Scale(0, max(1, int(counts.max())) * 1.08, base, top)
    parts = [_grid_y(y, left, wide - right, _count_ticks(int(counts.max())))]
    for count, start, end in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            at, width, height = x(start) + 1, x(end) - x(start) - 2, base - y(count)
            said = f"{counted(int(count), 'case')}, {title} {start:.3f} to {end:.3f}"
            parts.append(
                f'<rect class="bar {rows[0].style}" x="{at:.1f}" y="{y(count):.1f}" width="{width:.1f}" '
                f'height="{height:.1f}" rx="2"><title>{said}</title></rect>'
            )
    parts.append(f'<line class="axis" x1="{left}" x2="{wide - right}" y1="{base}" y2="{base}"/>')
    for index, row in enumerate(rows):
        parts.append(_strip(row, x, base + 8 + index * strip, strip, wide - right))
    foot = base + 8 + strip * len(rows) + 4
    for tick in _ticks(low, 1):
        parts.append(f'<line class="axis" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{foot}" y2="{foot + 4}"/>')
        parts.append(_text(f"{tick:g}", x(tick), foot + 18))
    parts.append(_text(title, x((low + 1) / 2), foot + 36, "label"))
    parts.append(_text("cases", left - 8, top - 8, "end small"))
    return _svg(wide, foot + 42, f"Distribution of {title} over the cases", parts)


def calibration_curve(curve: Sequence[tuple[float, float, float]]) -> str:
    """Returns the reliability diagram of (mean probability, share foreground, share of the pixels) per bin."""
    side, left, top, under = 300, 52, 14, 46
    x, y = Scale(0, 1, left, left + side), Scale(0, 1, top + side, top)
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<line class="grid" x1="{left}" x2="{left + side}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<line class="grid" y1="{top}" y2="{top + side}" x1="{x(tick):.1f}" x2="{x(tick):.1f}"/>')
        parts.append(_text(f"{tick:g}", left - 8, y(tick) + 4, "end"))
    parts.append(f'<line class="ideal" x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}"/>')
    gap = [f"{x(p):.1f},{y(o):.1f}" for p, o, _ in curve] + [f"{x(p):.1f},{y(p):.1f}" for p, _, _ in reversed(curve)]
    parts.append(f'<polygon class="gap" points="{" ".join(gap)}"/>')
    parts.append(f'<polyline class="curve" points="{" ".join(gap[: len(curve)])}"/>')
    floor = top + side + 12 + under
    for predicted, observed, share in curve:
        said = f"predicted {predicted:.3f}, observed {observed:.3f}, {share:.2%} of the pixels"
        parts.append(
            f'<circle class="point" cx="{x(predicted):.1f}" cy="{y(observed):.1f}" r="4"><title>{said}</title></circle>'
        )
        # On a logarithmic scale from 0.01 % on: most pixels are sure background.
        height = max(0.0, 1 + math.log10(max(share, 1e-9)) / 4) * under
        place = x(min(19, math.floor(predicted * 20)) / 20)
        parts.append(
            f'<rect class="share" x="{place + 1:.1f}" y="{floor - height:.1f}" width="{side / 20 - 2:.1f}" '
            f'height="{height:.1f}" rx="1.5"><title>{said}</title></rect>'
        )
    parts.append(f'<line class="axis" x1="{left}" x2="{left + side}" y1="{floor}" y2="{floor}"/>')
    parts += [_text(f"{tick:g}", x(tick), floor + 16) for tick in (0, 0.25, 0.5, 0.75, 1)]
    parts.append(_text("predicted probability", left + side / 2, floor + 36, "label"))
    parts.append(_text("pixels", left - 8, floor - under / 2 + 4, "end small"))
    middle = top + side / 2
    parts.append(
        f'<text class="label" transform="rotate(-90 12 {middle})" x="12" y="{middle}">share that is foreground</text>'
    )
    return _svg(left + side + 12, floor + 42, "Calibration curve", parts)


def _strip(row: Row, x: Scale, top: float, height: float, right: float) -> str:
    middle = top + height / 2 + 2
    shown = row.values
    if len(shown) > MOST_DOTS:
        shown = [shown[i] for i in np.linspace(0, len(shown) - 1, MOST_DOTS).round().astype(int)]
    radius = 4.2 if len(shown) <= 100 else 3 if len(shown) <= 400 else 2
    parts = []
    if row.interval is not None:
        low, high = map(x, row.interval)
        parts.append(
            f'<rect class="band {row.style}" x="{low:.1f}" y="{top + 10:.1f}" width="{max(1.0, high - low):.1f}" '
            f'height="{height - 16:.1f}" rx="3"/>'
        )
    for name, value in shown:
        # The name decides the height, so that a case stays where it was from report to report.
        jitter = hashlib.sha256(name.encode()).digest()[0] / 255 - 0.5
        parts.append(
            f'<circle class="dot {row.style}" cx="{x(value):.1f}" cy="{middle + jitter * (height - 30):.1f}" '
            f'r="{radius}"><title>{escape(name)}: {value:.4f}</title></circle>'
        )
    at = x(row.mean)
    parts.append(
        f'<line class="mean {row.style}" x1="{at:.1f}" x2="{at:.1f}" y1="{top + 8:.1f}" y2="{top + height - 4:.1f}"/>'
    )
    parts.append(_text(row.label, x.start, top + 12, "start small"))
    return "".join(parts)


def _grid_y(y: Scale, left: float, right: float, ticks: Sequence[int]) -> str:
    lines = [
        f'<line class="grid" x1="{left}" x2="{right}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        + _text(str(t), left - 8, y(t) + 4, "end")
        for t in ticks
    ]
    return "".join(lines)


def _count_ticks(most: int) -> list[int]:
    step = next(s * 10**e for e in range(9) for s in (1, 2, 5) if most <= 4 * s * 10**e)
    return list(range(0, most + 1, step))


def _ticks(low: float, high: float) -> list[float]:
    step = 0.1 if high - low > 0.25 else 0.05 if high - low > 0.12 else 0.02
    return [round(low + i * step, 10) for i in range(round((high - low) / step) + 1)]


def _text(words: str, x: float, y: float, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _svg(wide: float, high: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {wide:g} {high:g}" role="img" aria-label="{escape(title)}" '
        f'style="max-width:{wide:g}px">{"".join(parts)}</svg>'
    )
