"""Whether folders of scores may be compared: the same cases, the same truth, the same views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autosam.benchmarks.scored import Row, Scored
from autosam.core.checks import nearest
from autosam.core.errors import DataError, UsageError
from autosam.core.words import first_of

_SAME = "Score all methods on the same copy of the data, and compare those folders"


def hold_to_common_ground(
    methods: Sequence[Scored], views: Sequence[str] | None
) -> tuple[tuple[Scored, ...], dict[str, Row]]:
    """Returns the methods with the views that are compared, and the cases in the first one's order.

    A case's part and group come from whichever folder knows them.

    Args:
        methods: at least two.
        views: names of the views asked for; None for all, which then must be the same everywhere.

    Raises:
        DataError: where benchmark, cases, contents, groups or views differ, naming what and where.
        UsageError: for a view that the first folder has not.
    """
    first, *others = methods
    named = next((method for method in methods if method.benchmark), first)
    for other in methods:
        if other.benchmark not in (None, named.benchmark):
            raise DataError(
                f"it is of the benchmark {other.benchmark}, {named.folder} of {named.benchmark}",
                file=other.folder,
                cure=_SAME,
            )
    for other in others:
        _same_cases(first, other)
    return tuple(_same_views(first, other, views) for other in methods), _rows(methods)


def _same_cases(first: Scored, other: Scored) -> None:
    missing = [name for name in first.cases if name not in other.cases]
    further = [name for name in other.cases if name not in first.cases]
    if missing or further:
        said = [f"{len(missing)} missing ({first_of(missing)})"] if missing else []
        said += [f"{len(further)} more ({first_of(further)})"] if further else []
        raise DataError(f"other cases than {first.folder}: {'; '.join(said)}", file=other.folder, cure=_SAME)
    changed = [
        name
        for name, row in first.cases.items()
        if None not in (row.content, other.cases[name].content) and row.content != other.cases[name].content
    ]
    if changed:
        raise DataError(
            f"image or truth differ from {first.folder} in {len(changed)} of {len(first.cases)} cases: "
            f"{first_of(changed)}",
            file=other.folder,
            cure=_SAME,
        )
    if first.content != other.content:
        raise DataError(
            f"images or truths differ from those of {first.folder}, though the cases' names are the same",
            file=other.folder,
            cure=_SAME,
        )


def _same_views(first: Scored, other: Scored, views: Sequence[str] | None) -> Scored:
    mine, theirs = ([view.name for view in one.views] for one in (first, other))
    for name in views or ():
        if name not in mine:
            near = nearest(name, mine)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"{first.folder} has no view {name!r}", cure=f"{hint}It has: {', '.join(mine)}")
    if views is None and set(mine) != set(theirs):
        common = [name for name in mine if name in theirs]
        cure = f"Compare what they share: {' '.join(f'--view {name}' for name in common)}" if common else _SAME
        raise DataError(
            f"it was scored under {', '.join(theirs)}, {first.folder} under {', '.join(mine)}",
            file=other.folder,
            cure=cure,
        )
    for name in views or mine:
        if name not in theirs:
            raise DataError(
                f"it has no view {name!r}",
                file=other.folder,
                cure=f"It has: {', '.join(theirs)}. Score it again with --view {name}",
            )
        if first.about[name] != other.about[name]:
            raise DataError(
                f"its view {name!r} is another one than that of {first.folder}: {other.about[name]!r}, "
                f"not {first.about[name]!r}",
                file=other.folder,
                cure="Score both with the same version of AutoSAM",
            )
    return replace(other, views=tuple(view for view in other.views if views is None or view.name in views))


def _rows(methods: Sequence[Scored]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    parted = next((method for method in methods if method.benchmark), methods[0])
    for name in methods[0].cases:
        groups = {method.cases[name].group for method in methods} - {None}
        if len(groups) > 1:
            raise DataError(
                f"the folders put the case {name} into different groups: {', '.join(sorted(map(str, groups)))}",
                file=methods[0].folder,
                cure="Score all methods with the same --group",
            )
        rows[name] = replace(parted.cases[name], group=groups.pop() if groups else None)
    return rows
