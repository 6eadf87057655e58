"""What a training looks like: its curves, and a few validation cases over time."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autosam.core.files import write_bytes
from autosam.core.sample import Sample
from autosam.data.dataset import Dataset
from autosam.inference.prediction import Prediction, write_image

Predict = Callable[[Sample], Prediction]

PREVIEWED = 4
"""How many cases a preview looks at."""

_COLUMNS = 6
_SIDE = 240


def draw_curves(rows: list[dict[str, Any]], best_step: int, file: Path) -> None:
    """Draws the losses and the validation Dice of a log's rows, the chosen step ringed."""
    # Pyplot is a person's: in a notebook its backend and its open figures are not a training's to change.
    from matplotlib.figure import Figure

    losses = [row for row in rows if "loss" in row]
    scores = [row for row in rows if "val_dice" in row]
    # Margins that are given: to find them the figure would be drawn twice.
    figure = Figure(figsize=(11, 3.8))
    left, right = figure.subplots(
        1, 2, gridspec_kw={"left": 0.05, "right": 0.985, "bottom": 0.13, "top": 0.91, "wspace": 0.13}
    )
    second = any("loss_surrogate" in row for row in losses)
    lines = [("loss", "SAM's mask" if second else "mask", "#0b7a75"), ("loss_surrogate", "surrogate h", "#d98e04")]
    for name, label, colour in lines[: 1 + second]:
        steps = np.array([row["step"] for row in losses])
        values = np.array([row[name] for row in losses])
        left.plot(steps, values, color=colour, alpha=0.18, linewidth=0.8)
        left.plot(steps, smooth(values), color=colour, linewidth=1.8, label=label)
    left.set(title="Training loss (BCE + Dice)", xlabel="step")
    # The first steps' losses are several times the rest and would flatten the curve.
    usual = np.quantile([row["loss"] for row in losses], 0.97) if losses else 1.0
    left.set_ylim(0, 1.3 * float(usual))
    left.legend(frameon=False)
    if scores:
        best = next((row for row in scores if row["step"] == best_step), scores[-1])
        right.plot(
            [r["step"] for r in scores], [r["val_dice"] for r in scores], color="#3d5a98", marker="o", markersize=4
        )
        right.scatter(
            [best["step"]], [best["val_dice"]], s=90, facecolors="none", edgecolors="#c8553d", linewidths=2, zorder=3
        )
        right.annotate(
            f"{best['val_dice']:.3f}",
            (best["step"], best["val_dice"]),
            xytext=(0, -16),
            textcoords="offset points",
            ha="center",
        )
    right.set(title="Validation Dice (chosen checkpoint ringed)", xlabel="step")
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_bytes(file, buffer.getvalue())


def smooth(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Returns the running mean of (N,) values over a fortieth of them, over those that there are at the ends."""
    if not len(values):
        return values
    window = np.ones(max(1, len(values) // 40))
    return np.convolve(values, window, mode="same") / np.convolve(np.ones(len(values)), window, mode="same")


class Preview:
    """A few cases, looked at again and again during a training.

    Args:
        folder: where the small pictures are kept, so that a resumed training has the earlier ones.
        data: the cases; the first few, spread evenly.
    """

    def __init__(self, folder: Path, data: Dataset) -> None:
        self.folder = folder
        chosen = np.unique(np.linspace(0, len(data) - 1, min(PREVIEWED, len(data))).astype(int))
        self.samples = [data.read(int(i)) for i in chosen]
        self._seen: dict[str, np.ndarray[Any, np.dtype[np.uint8]]] = {}

    def watching(self, predict: Predict) -> Predict:
        """Returns `predict`, whose predictions of the cases looked at are pictured by the way."""
        from autosam.data.overlay import overlay

        watched = {sample.id for sample in self.samples}
        self._seen = {}

        def watch(sample: Sample) -> Prediction:
            predicted = predict(sample)
            if sample.id in watched:
                truth = None if sample.mask is None else sample.mask.astype(np.bool_)
                self._seen[sample.id] = _small(overlay(predicted.image, predicted.mask, truth=truth))
            return predicted

        return watch

    def add(self, step: int, watch: Predict) -> None:
        """Keeps a picture of every case as `watch`, which `watching` gave, predicts it at `step`, or has already."""
        for number, sample in enumerate(self.samples):
            if sample.id not in self._seen:
                watch(sample)
            write_image(self.folder / f"{step:08d}-{number}.png", self._seen[sample.id])

    def draw(self, file: Path) -> None:
        """Draws the sheet: a row a case, a column a validation, the last one at the right."""
        from PIL import Image, ImageDraw, ImageFont

        steps = sorted({int(path.name.split("-")[0]) for path in self.folder.glob("*-*.png")})
        if not steps:
            return
        shown = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, min(_COLUMNS, len(steps))).astype(int))]
        gap, head = 8, 30
        size = (gap + len(shown) * (_SIDE + gap), head + len(self.samples) * (_SIDE + gap))
        sheet = Image.new("RGB", size, "white")
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
        for column, step in enumerate(shown):
            left = gap + column * (_SIDE + gap)
            pen.text((left, 7), f"step {step}", fill="#333333", font=font)
            for row in range(len(self.samples)):
                path = self.folder / f"{step:08d}-{row}.png"
                if path.exists():
                    with Image.open(path) as picture:
                        sheet.paste(picture, (left, head + row * (_SIDE + gap)))
        write_image(file, np.asarray(sheet))


def _small(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.pad(Image.fromarray(picture), (_SIDE, _SIDE), Image.Resampling.LANCZOS, color="#f2f2f2"))
