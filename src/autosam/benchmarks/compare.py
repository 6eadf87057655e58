"""Methods that were scored on the same cases, held against each other: `autosam.compare([A, B, C], OUT)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autosam.benchmarks.common_ground import hold_to_common_ground
from autosam.benchmarks.compared import in_words, plain
from autosam.benchmarks.comparison import Contest, Sheet, contest
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.scored import ALL, Row, Scored, read_scored
from autosam.benchmarks.statistics import least_p
from autosam.benchmarks.view import Measure, View
from autosam.core.checks import look_up
from autosam.core.errors import DataError, UsageError
from autosam.core.files import write_json, write_text
from autosam.core.names import writable
from autosam.core.progress import Progress, Silent
from autosam.inference.claim import claim
from autosam.metrics.video import clip_means


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The outcome.

    Attributes:
        methods: in the order given, with names that differ.
        contests: one a view, part and measure.
        views: those compared.
        notes: what a reader must know, a sentence each.
        seed: of every bootstrap.
    """

    methods: tuple[Scored, ...]
    contests: tuple[Contest, ...]
    views: tuple[View, ...]
    notes: tuple[str, ...]
    seed: int = 0

    @property
    def names(self) -> list[str]:
        """The methods' names."""
        return [method.name for method in self.methods]

    def summary(self) -> dict[str, Any]:
        """Returns what `compare.json` holds, plain values only."""
        return plain(self.methods, self.contests, self.views, self.notes, self.seed)

    def table(self) -> str:
        """Returns what `table.md` holds."""
        return in_words(self.methods, self.contests, self.views, self.notes)

    def write(self, out: Path) -> None:
        """Writes `compare.json`, `table.md` and the figures of every view's main part, as PNG and PDF, into `out`.

        Raises:
            ResourceError: where the disk is full.
        """
        from autosam.benchmarks.compare_figures import draw

        write_json(out / "compare.json", self.summary())
        write_text(out / "table.md", self.table())
        for shown in self.contests:
            if shown.duels and (shown.part in self._main(shown.view)):
                draw(shown, self.methods, out / "figures")

    def _main(self, view: str) -> set[str]:
        """Returns the part over all test images; each part where the view has none."""
        parts = list(dict.fromkeys(shown.part for shown in self.contests if shown.view == view))
        apart = next(one.apart for one in self.views if one.name == view)
        return set(parts) if apart else {parts[-1]}


def compare(
    folders: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    names: Sequence[str | None] | None = None,
    views: Sequence[str] | None = None,
    measures: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Compared:
    """Compares methods case by case, and writes compare.json, table.md and figures.

    Args:
        folders: two or more that `autosam.evaluate` or `autosam benchmark` wrote, one a method.
        out: a new or empty folder; None writes nothing.
        names: of the methods, None for those that the folders give.
        views: names of those to compare; None for all, which then must be the same in every folder.
        measures: names of those to test and rank; None for the first of each view. Means are given for all.
        seed: of every bootstrap.
        progress: told of the stages.

    Returns:
        The outcome, whose `summary()` is what compare.json holds.

    Raises:
        UsageError: for less than two folders, an unknown view or measure, or where `out` holds something.
        DataError: for a folder that cannot be read, or whose cases, truth or views differ from the first one's.
    """
    progress = progress or Silent()
    if len(folders) < 2:
        raise UsageError("a comparison needs two folders of scores or more")
    given = list(names or [None] * len(folders))
    if len(given) != len(folders):
        raise UsageError(f"{len(given)} names are not {len(folders)} folders'")
    with claim(None if out is None else Path(out)):
        progress.start("reading scores", len(folders))
        scored = []
        for folder, name in zip(folders, given, strict=True):
            scored.append(read_scored(Path(folder), name))
            progress.advance()
        methods, cases = hold_to_common_ground(_named(scored), views)
        chosen = tuple(view for view in methods[0].views if views is None or view.name in views)
        _known(measures, chosen)
        ranked = [place for place, method in enumerate(methods) if not method.untrained_prompt]
        progress.start("testing")
        contests = tuple(
            contest(sheet, ranked, tested=_is_tested(sheet, view, measures), seed=seed)
            for view in chosen
            for part, members in _parts(methods, cases).items()
            if not (view.apart and len({cases[name].split for name in members}) > 1)
            for sheet in _sheets(methods, cases, view, part, members)
        )
        result = Compared(methods, contests, chosen, tuple(_notes(methods, contests)), seed)
        if out is not None:
            progress.start("drawing")
            result.write(Path(out))
    return result


def _named(scored: Sequence[Scored]) -> list[Scored]:
    """Returns the methods with names that differ: where two share one, their folders' names are added."""
    from dataclasses import replace

    titles = [method.name for method in scored]
    folders = [method.folder.resolve() for method in scored]
    if len(set(folders)) < len(folders):
        twice = next(folder for folder in folders if folders.count(folder) > 1)
        raise UsageError("is given twice", file=twice, cure="Give each folder once")
    made = [
        replace(method, name=f"{method.name} [{writable(folder.name)}]") if titles.count(method.name) > 1 else method
        for method, folder in zip(scored, folders, strict=True)
    ]
    if len({method.name for method in made}) < len(made):
        raise UsageError(
            f"methods cannot be told apart: {', '.join(method.name for method in made)}",
            cure="Name them: NAME=FOLDER",
        )
    return made


def _known(measures: Sequence[str] | None, views: Sequence[View]) -> None:
    table = {measure.name: measure for view in views for measure in view.measures}
    for name in measures or ():
        look_up(name, table, "measure")


def _is_tested(sheet: Sheet, view: View, measures: Sequence[str] | None) -> bool:
    if measures is not None:
        return sheet.measure.name in measures
    return sheet.measure == view.measures[0]


def _parts(methods: Sequence[Scored], cases: Mapping[str, Row]) -> dict[str, list[str]]:
    """Returns the cases of every part that has some; a union of one part alone is left out."""
    known = next((method.benchmark for method in methods if method.benchmark), None)
    if known is None:
        return {ALL: list(cases)}
    parts: dict[str, list[str]] = {}
    for part, splits in BENCHMARKS[known].parts().items():
        members = [name for name, row in cases.items() if row.split in splits]
        if members and members not in parts.values():
            parts[part] = members
    return parts


def _sheets(
    methods: Sequence[Scored], cases: Mapping[str, Row], view: View, part: str, members: Sequence[str]
) -> list[Sheet]:
    sheets = []
    for measure in view.measures:
        key = (view.name, measure.name)
        if not all(key in method.values for method in methods):
            continue
        order = [{name: place for place, name in enumerate(method.cases)} for method in methods]
        arrays = [
            method.values[key][:, [places[name] for name in members]]
            for method, places in zip(methods, order, strict=True)
        ]
        names, groups = tuple(members), tuple(cases[name].group for name in members)
        if view.clips:
            clips = [cases[name].clip or name for name in members]
            arrays = [np.stack(list(clip_means(each.T, clips).values()), axis=1) for each in arrays]
            of_clip = dict(zip(clips, groups, strict=True))
            names, groups = tuple(of_clip), tuple(of_clip.values())
        own = () if measure.pool is None else _own(methods, view, part, measure)
        sheets.append(Sheet(view.name, part, measure, names, arrays, groups, view.clips, own))
    return sheets


def _own(methods: Sequence[Scored], view: View, part: str, measure: Measure) -> list[Mapping[str, Any]]:
    """Returns the folders' own numbers of a measure whose mean is not that of its cases."""
    try:
        return [method.averages[view.name][part][measure.name] for method in methods]
    except KeyError as fault:
        raise DataError(
            f"{measure.name} of {part} under {view.name} is missing ({fault})",
            file=methods[0].folder / "summary.json",
            cure="Score it again with `autosam benchmark`",
        ) from fault


def _notes(methods: Sequence[Scored], contests: Sequence[Contest]) -> list[str]:
    notes = []
    for mark in dict.fromkeys(mark for method in methods for mark in method.marks):
        holders = [method.name for method in methods if mark in method.marks]
        notes.append(mark if len(holders) == len(methods) else f"{', '.join(holders)}: {mark}")
    for method in methods:
        if method.untrained_prompt:
            notes.append(
                f"{method.name}: its SAM was never trained on such prompts. It is shown, but neither ranked nor "
                "tested; nothing follows from it for or against a SAM that was"
            )
        if method.failed:
            notes.append(f"{method.name}: {method.failed} predictions failed, scored as empty masks")
    single = [method.name for method in methods if method.seeds == 1]
    if single:
        notes.append(
            f"One training stands behind {', '.join(single)}: intervals and tests speak of the draw of cases, not of "
            "how another training would end"
        )
    tested = [each for each in contests if each.duels]
    few = sorted({(each.part, each.units) for each in tested if least_p(each.units) * len(each.duels) >= 0.05})
    for part, units in few:
        pairs = max(len(each.duels) for each in tested if each.part == part)
        notes.append(
            f"{part}: {units} units are too few for {pairs} {'pair' if pairs == 1 else 'pairs'}: no corrected p can "
            f"come below {min(1.0, pairs * least_p(units)):.3g}"
        )
    return notes
