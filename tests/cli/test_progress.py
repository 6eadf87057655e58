"""How long work is shown."""

from __future__ import annotations

import re

import pytest

from autosam.cli.progress import Lines, Quiet, Rich


def test_lines_tell_every_tenth_and_the_time_that_the_rest_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("autosam.cli.progress.time.monotonic", lambda: now)
    lines = Lines()
    lines.start("training", 100, 50)
    for _ in range(15):
        now += 2
        lines.advance(note="loss 1")
    lines.resize(90)
    for _ in range(25):
        now += 2
        lines.advance()
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "training: 100, 50 done",
        "training: 60 of 100, 80 s left, loss 1",
        "training: now 90",
        "training: 72 of 90, 36 s left",
        "training: 81 of 90, 18 s left",
        "training: 90 of 90, 0 s left",
    ]


def test_quiet_says_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Quiet()
    quiet.start("training", 3, 1)
    quiet.resize(2)
    quiet.advance()
    quiet.say("plan: something")
    quiet.say("warning: something")
    quiet.close()
    assert capsys.readouterr().err == "warning: something\n"


def test_a_bar_has_the_pieces_that_there_are_by_now(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Rich()
    bar.start("training", 10, 4)
    bar.resize(6)
    bar.advance(2)
    bar.close()
    assert re.search(r"training.*6/6", capsys.readouterr().err)


def test_more_pieces_than_were_said_leave_no_negative_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("autosam.cli.progress.time.monotonic", lambda: now)
    lines = Lines()
    lines.start("predicting", 2)
    for _ in range(4):
        now += 2
        lines.advance()
    assert capsys.readouterr().err.splitlines()[-1] == "predicting: 4 of 2, 0 s left"


def test_a_name_in_a_bar_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Rich()
    bar.start("predicting eye[left]", 1)
    bar.advance(note="[loss]")
    bar.close()
    said = capsys.readouterr().err
    assert "eye[left]" in said and "[loss]" in said
