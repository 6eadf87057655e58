from __future__ import annotations

from pathlib import Path

import pytest

from bench import machine, page, result
from bench.pairs import alternate
from bench.result import Curve, Row, keep, keep_curves, read_curves


@pytest.mark.parametrize("floors", [False, True])
def test_floors_are_shown_only_where_they_hold(floors: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "has_floors", lambda: floors)
    monkeypatch.setattr(result, "has_floors", lambda: floors)
    row = Row(
        "a path", "theirs", "s", [8.0, 9.0, 10.0], [2.0, 3.0, 2.0], 4.0, 4.5, {"mask IoU": 0.999}, "a note", [1.5]
    )
    keep("step", [row])
    keep("startup", [Row("first mask", "a limit", "s", [5.0, 5.0], [4.0, 2.0], 2.0, note="CPU 3.50 s")])
    page.write()
    text = Path("docs/speed.md").read_text()
    assert "| a path<br>a note | 9 s | 2 s | **4.00** |" in text
    assert "8 9 10 | 2 3 2" in text, "not all rounds"
    assert ("4.5 ✗" in text) == floors
    assert ("held to none" in text) != floors
    assert "| first mask | 3.00 s | 5 s | 4.00 2.00 | CPU 3.50 s |" in text
    assert Path("docs/images/speed.png").stat().st_size > 1000


def test_parts_of_several_machines_name_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row, here = Row("a path", "theirs", "s", [8.0], [2.0], 4.0), machine.facts()
    for part, cpu in (("step", "one"), ("image", "another"), ("lite", "one")):
        monkeypatch.setattr(result, "facts", lambda cpu=cpu: {**here, "cpu": cpu})
        keep(part, [row])
    page.write()
    text = Path("docs/speed.md").read_text()
    assert "- step, lite: one (" in text
    assert "- image: another (" in text


def test_every_kind_of_cpu_has_a_column_and_a_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = machine.facts()
    for kind, floors, ratio in (("AVX2", False, 4.0), ("AMX bf16", True, 9.0)):
        monkeypatch.setattr(result, "kind", lambda kind=kind: kind)
        monkeypatch.setattr(result, "facts", lambda floors=floors: {**here, "floors": floors})
        keep("step", [Row("a path", "theirs", "s", [2 * ratio], [2.0], ratio, 5.0)])
        keep_curves([Curve("images", "s", {1: 1.0, 2: ratio}), Curve("side", "s", {1: 1.0, 4: ratio})])
    page.write()
    text = Path("docs/speed.md").read_text()
    assert "| path | floor | AMX bf16 | AVX2 |" in text
    assert "| a path | 5 | **9.00** ✓ | **4.00** |" in text
    assert text.index("## AMX bf16") < text.index("## AVX2") < text.index("held to none")
    assert Path("docs/images/growth.png").stat().st_size > 1000
    kept = read_curves("AVX2")
    assert kept is not None and kept[1].points == {1: 1.0, 4: 4.0}


def test_works_take_turns() -> None:
    calls: list[str] = []
    seconds, loads = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3, 0)
    assert [len(taken) for taken in seconds.values()] == [3, 3] == [len(loads)] * 2
    assert calls[-6:] == ["a", "b"] * 3
