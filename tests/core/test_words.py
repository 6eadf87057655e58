from __future__ import annotations

import pytest

from autosam.core.words import counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases"), (12000, "12,000 cases")])
def test_one_thing_has_no_plural(number: int, said: str) -> None:
    assert counted(number, "case") == said


def test_a_plural_may_be_its_own() -> None:
    assert [counted(number, "box", "boxes") for number in (1, 2)] == ["1 box", "2 boxes"]
