"""Several methods on one benchmark: a row each, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autosam.benchmarks.baselines import PROMPT_MARKS
from autosam.benchmarks.benchmark import Benchmark
from autosam.benchmarks.budget import in_words
from autosam.benchmarks.markdown import cell, closing, headed, label, written
from autosam.benchmarks.result import Result
from autosam.benchmarks.view import View
from autosam.core.files import write_json, write_text

_PROMPTS = {
    (False, False): "none",
    (True, False): "oracle",
    (False, True): "none, untrained",
    (True, True): "oracle, untrained",
}
_LEGEND = (
    "`oracle`: prompted from the truth of each test image, which no method has; it shows what a SAM does with a user's "
    "help, and is no rival. `untrained`: this SAM never saw such a prompt in its training; it is left out of ranks and "
    "tests, and is no ground to say that anything beats SAM. Under training, the number of trained parameters is last."
)


@dataclass(frozen=True, eq=False)
class Results:
    """The scores of several methods on the same test images.

    Attributes:
        results: by the name of the folder below the output that holds a method's own tables, cases and pictures; in
            the order of the rows; at least one.
    """

    results: Mapping[str, Result]

    @property
    def first(self) -> Result:
        """That of the first row."""
        return next(iter(self.results.values()))

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The cases without a prediction, one entry a method and seed."""
        return [{"row": row, **one} for row, result in self.results.items() for one in result.failures]

    def summary(self) -> dict[str, Any]:
        """Returns what `summary.json` holds: under "methods" the summary of each row."""
        return {"methods": {row: result.summary() for row, result in self.results.items()}}

    def table(self) -> str:
        """Returns what `table.md` holds."""
        first = self.first
        known, views = first.benchmark, first.views
        lines = [f"# {known.title}: {len(self.results)} methods", ""]
        common = [mark for mark in first.marks if all(mark in result.marks for result in self.results.values())]
        for view in views:
            lines += [f"## View `{view.name}`", "", f"{view.about[0].upper()}{view.about[1:]}.", ""]
            lines += [*(f"- {mark}" for mark in common), ""]
            for part in first.averages[view.name]:
                lines += [*self._part(known, view, part), ""]
        own = [(row, mark) for row, result in self.results.items() for mark in result.marks if mark not in common]
        # The column of prompts says these already.
        notes = [f"- `{row}`: {mark}" for row, mark in own if not mark.startswith(PROMPT_MARKS)]
        lines += [_LEGEND, "", *notes, *([""] if notes else []), *closing(known)]
        return "\n".join(lines)

    def write(self, out: Path) -> None:
        """Writes `summary.json` and `table.md` of all methods into `out`; each one's own are in its folder.

        Raises:
            ResourceError: where the disk is full.
        """
        write_json(out / "summary.json", self.summary())
        write_text(out / "table.md", self.table())

    def _part(self, benchmark: Benchmark, view: View, part: str) -> list[str]:
        titles = ["method", "prompt", "training", *(headed(measure) for measure in view.measures)]
        entries = {row: result.averages[view.name][part] for row, result in self.results.items()}
        cases = max(entry["cases"] for each in entries.values() for entry in each.values())
        counts = {one.name: one for one in self.first.parts}
        lines = [
            f"**{label(part, counts, benchmark)}**, {cases} {'clips' if view.clips else 'images'}",
            "",
            f"| {' | '.join(titles)} |",
            "|---" * len(titles) + "|",
        ]
        for row, result in self.results.items():
            method = result.method
            cells = [cell(measure, entries[row][measure.name]) for measure in view.measures]
            prompt, spent = _PROMPTS[method.oracle, method.untrained], in_words(result.budgets)
            lines.append(f"| {written(method.name)} | {prompt} | {spent} | {' | '.join(cells)} |")
        return lines
