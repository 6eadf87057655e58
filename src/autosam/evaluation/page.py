"""The report as one HTML file that opens anywhere: style, script, charts and pictures are all inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from autosam.core.words import counted
from autosam.data.overlay import PREDICTION, TRUTH
from autosam.evaluation.case import Case
from autosam.evaluation.charts import MOST_DOTS, Row, calibration_curve, distribution
from autosam.evaluation.exhibits import by_chance, extremes, number

if TYPE_CHECKING:
    from autosam.evaluation.report import Report

MOST_ROWS = 2000
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(report: Report, summary: Mapping[str, Any]) -> str:
    """Returns the whole page; `summary` is the report's own."""
    body = [
        _header(summary),
        _marks(summary["marks"]),
        _cards(report, summary),
        _failures(report.failures),
        _charts(report, summary),
        extremes(report.gallery, report.metrics) if report.gallery else "",
        by_chance(report.gallery) if report.gallery else "",
        _table(report),
        _provenance(summary),
        _notes(summary),
    ]
    resources = files("autosam.evaluation")
    style = (resources / "page.css").read_text("utf-8")
    colours = f":root{{--truth:{_css(TRUTH)};--prediction:{_css(PREDICTION)}}}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>AutoSAM evaluation</title>'
        f"<style>{style}{colours}</style></head>\n<body><main>\n{chr(10).join(filter(None, body))}\n</main>"
        f"<script>{(resources / 'page.js').read_text('utf-8')}</script></body></html>\n"
    )


def _header(summary: Mapping[str, Any]) -> str:
    facts = [counted(summary["cases"], "case")]
    if summary["groups"]:
        facts.append(counted(summary["groups"], "group"))
    facts.append(f"{summary['failed']} failed" if summary["failed"] else "none failed")
    facts.append(f"view: {summary['view']}")
    chips = "".join(f"<span>{escape(fact)}</span>" for fact in facts)
    return f'<header><p class="mark">AutoSAM</p><h1>Evaluation report</h1><p class="facts">{chips}</p></header>'


def _marks(marks: Sequence[str]) -> str:
    if not marks:
        return ""
    shown = "".join(f"<li>{escape(mark)}</li>" for mark in marks)
    return f'<section class="failures"><h2>Mind this before the numbers</h2><ul>{shown}</ul></section>'


def _cards(report: Report, summary: Mapping[str, Any]) -> str:
    cards = []
    for name, metric in report.metrics.items():
        entry, second = summary[name], summary.get("surrogate", {}).get(name)
        length = metric.unit == "length"
        unit = f"<small>{escape(entry['unit'])}</small>" if length and entry["mean"] is not None else ""
        interval = _interval(entry, length, summary)
        bar = "" if length or not entry["ci95"] else _interval_bar(entry["mean"], *entry["ci95"])
        extra = f'<p class="second">surrogate h <b>{number(second["mean"], length)}</b></p>' if second else ""
        cards.append(
            f'<article class="card"><h3>{escape(metric.title or name)}</h3>'
            f'<p class="value">{number(entry["mean"], length)}{unit}</p>'
            f'<p class="interval">{interval}</p>{bar}{extra}</article>'
        )
    return f'<section class="cards">{"".join(cards)}</section>'


def _interval_bar(mean: float, low: float, high: float) -> str:
    return (
        f'<div class="range"><i style="left:{low:.2%};width:{max(high - low, 0.005):.2%}"></i>'
        f'<b style="left:{mean:.2%}"></b></div>'
    )


def _failures(failures: Sequence[Case]) -> str:
    if not failures:
        return ""
    shown = "".join(f"<li><b>{escape(case.id)}</b> {escape(case.error or '')}</li>" for case in failures[:100])
    more = f"<li>and {len(failures) - 100} more, in cases.csv</li>" if len(failures) > 100 else ""
    return (
        f'<section class="failures"><h2>{counted(len(failures), "case")} without a prediction</h2>'
        f"<p>Counted all the same, scored as an empty mask.</p><ul>{shown}{more}</ul></section>"
    )


def _charts(report: Report, summary: Mapping[str, Any]) -> str:
    panels = []
    if "dice" in report.metrics:
        panels.append(_distribution(report, summary))
    curve = report.calibration.curve() if report.calibration and summary["calibration"] else []
    if curve:
        error = summary["calibration"]["ece"]
        panels.append(
            f"<figure><h2>Calibration</h2>{calibration_curve(curve)}<figcaption>Of the pixels given a probability, "
            "how many are foreground; on the dashed line it means what it says. Expected calibration error "
            f"<b>{error:.4f}</b>. Bars: share of the pixels, logarithmic.</figcaption></figure>"
        )
    return f'<section class="panels">{"".join(panels)}</section>' if panels else ""


def _distribution(report: Report, summary: Mapping[str, Any]) -> str:
    entry, second = summary["dice"], summary.get("surrogate", {}).get("dice")
    values = [(case.id, case.scores["dice"]) for case in report.cases]
    rows = [Row("prediction", "first", values, entry["mean"], entry["ci95"])]
    if second:
        judged = [case for case in report.cases if case.surrogate or case.error]
        scored = [(case.id, (case.surrogate or case.scores)["dice"]) for case in judged]
        rows.append(Row("surrogate h", "second", scored, second["mean"], second["ci95"]))
    ranked = sorted(value for _, value in values)
    median = (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2
    band = "; band: its 95 % interval" if entry["ci95"] else ""
    some = f" ({MOST_DOTS} of the {len(values)})" if len(values) > MOST_DOTS else ""
    return (
        f'<figure class="wide"><h2>Dice over the cases</h2>{distribution("Dice", rows)}<figcaption>'
        f"A dot is a case{some}. Line: mean <b>{entry['mean']:.3f}</b>{band}; median <b>{median:.3f}</b>, lowest "
        f"<b>{ranked[0]:.3f}</b>.</figcaption></figure>"
    )


def _table(report: Report) -> str:
    cases = sorted(report.cases, key=lambda case: case.scores.get("dice", 0.0))[:MOST_ROWS]
    second = any(case.surrogate for case in cases)
    titles = ["Case", "Group", *(metric.title or name for name, metric in report.metrics.items())]
    titles += ["Dice of h"] * second + ["Truth %", "Mask %", "Seconds"]
    heads = "".join(f'<th scope="col"><button type="button">{escape(title)}</button></th>' for title in titles)
    rows = []
    for case in cases:
        cells = [_cell(case.scores.get(name), metric.unit == "length") for name, metric in report.metrics.items()]
        if second:
            cells.append(_cell((case.surrogate or {}).get("dice"), False))
        cells += [_cell(None if s is None else 100 * s, True) for s in (case.truth_share, case.mask_share)]
        cells.append(_cell(case.seconds, True))
        mark = f' class="failed" title="{escape(case.error)}"' if case.error else ""
        rows.append(f"<tr{mark}><td>{escape(case.id)}</td><td>{escape(case.group or '')}</td>{''.join(cells)}</tr>")
    hidden = len(report.cases) - len(cases)
    more = f'<p class="lead">The {len(cases)} worst; the other {hidden} are in cases.csv.</p>' if hidden else ""
    return (
        '<section><div class="head"><h2>All cases</h2><input type="search" id="filter" placeholder="Filter by name" '
        f'aria-label="Filter by name"></div>{more}<div class="scroll"><table id="cases"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _cell(value: float | None, length: bool) -> str:
    return "<td></td>" if value is None else f'<td data-value="{value:.6g}">{number(value, length)}</td>'


def _provenance(summary: Mapping[str, Any]) -> str:
    facts = [*_flat("", summary["provenance"]), *_flat("bootstrap", summary["bootstrap"])]
    rows = "".join(f'<tr><th scope="row">{escape(key)}</th><td>{escape(value)}</td></tr>' for key, value in facts)
    return f'<section><h2>Provenance</h2><div class="scroll whole"><table class="facts">{rows}</table></div></section>'


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), item)
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _notes(summary: Mapping[str, Any]) -> str:
    drawn = summary["bootstrap"]
    return (
        "<footer><p>All scores are at the images' own size, against binary truth. Truth and prediction both empty: "
        "overlap 1, distance 0; one of them empty: overlap 0, distance the image's diagonal. HD95 is the greater of "
        "the two directed 95th percentiles of the distances between the outlines, ASSD the mean of both. Intervals: "
        f"95 % percentile bootstrap over {escape(drawn['over'])}, {drawn['resamples']} resamples.</p>"
        "<p>Research software: not a medical device.</p></footer>"
    )


def _interval(entry: Mapping[str, Any], length: bool, summary: Mapping[str, Any]) -> str:
    if entry["mean"] is None:
        return "no common mean of px and mm" if entry["unit"] == "mixed" else "no case has a value"
    if entry["ci95"] is None:
        return f"one {summary['bootstrap']['over'][:-1]}: no interval"
    return f"95 % CI <span>{' to '.join(number(end, length) for end in entry['ci95'])}</span>"


def _css(colour: Sequence[int]) -> str:
    return f"rgb({','.join(str(int(level)) for level in colour)})"
