"""Tables that the commands print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autosam.cli import tables
from autosam.data.check import CaseCheck, DataCheck
from autosam.data.foreground import Foreground


def test_names_in_a_table_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    case = CaseCheck("eye[left]:heart:", Path("a"), None, "[a-z]", fault="eye[left].png: cannot be read")
    check = DataCheck(Path("a"), Foreground.parse(None), (case,), (), ())
    tables.checked(check, Path("/data/[old]"), Path("[old].png"), as_json=False)
    said = capsys.readouterr().out
    for name in ("eye[left]:heart:", "[a-z]", "/data/[old]", "fault: eye[left].png"):
        assert name in said


@pytest.mark.parametrize("over", ["cases", "groups"])
def test_what_stands_alone_is_named_where_there_is_no_interval(over: str, capsys: pytest.CaptureFixture[str]) -> None:
    entry: dict[str, Any] = {"unit": "fraction", "mean": 0.5, "ci95": None}
    tables.scores({"dice": entry, "cases": 1, "view": "standard", "bootstrap": {"over": over}})
    assert f"one {over[:-1]}: none" in capsys.readouterr().out
