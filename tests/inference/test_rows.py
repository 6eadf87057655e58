"""A table gives back what was put in, whatever the names of files hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from autosam.inference.table import Row, append_row, read_rows, write_rows

NAMES = ["plain", "two\nlines", "two\rlines", "end\n", "\r\n", 'a "quoted", one', "ümlaut;", " spaces "]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_rows_come_back(name: str, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    rows = [Row(f"/in/{name}.png", name, width=3, height=2, area_share=0.5), Row("b", "b", error=name)]
    write_rows(file, rows[:1])
    append_row(file, rows[1])
    assert read_rows(file) == rows
    write_rows(file, rows)
    assert read_rows(file) == rows


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_row_that_is_cut_short_is_left_out(name: str, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    write_rows(file, [Row("a", "a")])
    whole = file.stat().st_size
    append_row(file, Row(f"/in/{name}.png", name, width=3, height=2))
    content = file.read_bytes()
    for cut in range(whole, len(content)):
        file.write_bytes(content[:cut])
        assert read_rows(file) == [Row("a", "a")]
