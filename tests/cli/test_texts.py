"""What the README and docs tell a reader to type: every command and flag is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from autosam.cli.main import app

ROOT = Path(__file__).parents[2]
TEXTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "configs").glob("*/*.yaml")]
TEXTS += [*(ROOT / "examples").glob("*/*.py"), *(ROOT / "examples").glob("*/*.sh")]
# A line of its own, as in a block or after a comment's mark; or between backticks.
_TYPED = re.compile(r"(?m)^(?:#? {2,4}|#   )?autosam ([a-z].*)$|`autosam ([a-z][^`]*)`")


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_and_flag_in_the_texts_exists(file: Path) -> None:
    for typed in _TYPED.finditer(file.read_text(encoding="utf-8")):
        words = re.sub(r"\s#.*", "", typed[1] or typed[2]).split()
        command: Any = get_command(app)
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, typed[0]
            command = command.commands[words.pop(0)]
        known = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
        asked = {flag for word in words for flag in re.findall(r"^[\[(]*(--[a-z-]+)", word)}
        assert asked <= known | {"--help"}, typed[0]


@pytest.mark.parametrize("file", [file for file in TEXTS if file.suffix == ".md"], ids=lambda file: file.name)
def test_every_link_between_the_texts_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8")):
        assert target.startswith("http") or (file.parent / target).exists(), target
