"""The report's sections of pictures: the worst, the best, and how the prompt works."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from autosam.evaluation.gallery import Exhibit, Gallery
from autosam.evaluation.pictures import Picture
from autosam.metrics import Metric

_LEGEND = (
    '<p class="legend"><span class="truth">truth</span><span class="prediction">prediction</span>'
    "<em>filled where they differ</em></p>"
)


def extremes(gallery: Gallery, metrics: Mapping[str, Metric]) -> str:
    """Returns the sections of the worst and of the best cases, as HTML."""
    sections = [("Worst cases by Dice", gallery.worst()), ("Best cases by Dice", gallery.best())]
    return "\n".join(
        f'<section><div class="head"><h2>{title}</h2>{_LEGEND}</div><div class="gallery">'
        f"{''.join(_exhibit(exhibit, metrics) for exhibit in shown)}</div></section>"
        for title, shown in sections
        if shown
    )


def by_chance(gallery: Gallery) -> str:
    """Returns the section of cases drawn without looking at their scores, as HTML: the paper's figure of the prompt."""
    drawn = gallery.by_chance()
    if not drawn:
        return ""
    prompted = any(picture.blocky for exhibit in drawn for picture in exhibit.pictures)
    title = "How the prompt works" if prompted else "Cases drawn by chance"
    how = (
        "The prompt encoder g turns the image into a dense prompt Z, shown by its three strongest principal components "
        "as colours; the frozen SAM, or the small surrogate decoder h, turns Z into a mask. "
        if prompted
        else ""
    )
    return (
        f'<section><h2>{title}</h2><p class="lead">{how}These cases were drawn by their names, not by their scores.</p>'
        f"{''.join(map(_row, drawn))}</section>"
    )


def number(value: float | None, length: bool) -> str:
    """Returns a fraction with three decimals, or a length with one or two; a dash for None."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.3f}" if not length else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _exhibit(exhibit: Exhibit, metrics: Mapping[str, Metric]) -> str:
    case = exhibit.case
    scores = "".join(
        f"<span>{escape(metric.title or name)} <b>{number(case.scores.get(name), metric.unit == 'length')}</b></span>"
        for name, metric in metrics.items()
        if name in ("dice", "iou", "hd95")
    )
    return (
        f'<figure class="exhibit">{_image(exhibit.pictures[0])}<figcaption><b class="id">{escape(case.id)}</b>'
        f'<span class="scores">{scores}</span></figcaption></figure>'
    )


def _row(exhibit: Exhibit) -> str:
    case = exhibit.case
    dice = f"Dice <b>{number(case.scores.get('dice'), False)}</b>"
    if case.surrogate:
        dice += f", of h <b>{number(case.surrogate.get('dice'), False)}</b>"
    cells = "".join(
        f"<figure>{_image(picture)}<figcaption>{escape(picture.title)}</figcaption></figure>"
        for picture in exhibit.pictures
    )
    return (
        f'<div class="row"><p class="id">{escape(case.id)} <span>{dice}</span></p>'
        f'<div class="panes">{cells}</div></div>'
    )


def _image(picture: Picture) -> str:
    data = base64.b64encode(picture.data).decode()
    blocky = ' class="blocky"' if picture.blocky else ""
    return (
        f'<img{blocky} width="{picture.width}" height="{picture.height}" alt="{escape(picture.title)}" '
        f'src="data:{picture.kind};base64,{data}">'
    )
