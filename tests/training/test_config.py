"""Choices: their sources, their bounds, and what a resume may not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autosam.core.errors import DataError, ModelError, UsageError
from autosam.training.config import TrainConfig, make_config
from autosam.training.run_config import Plan, read_run_config, rooted, same_choices, write_run_config

PLAN = Plan(
    views=2, steps=9, epoch_steps=3, validate_every=3, warmup=1, encoder="x", engine="torch", threads=2, train=9, val=2,
    data="d", why="because",
)  # fmt: skip


def test_ten_minutes_where_nothing_bounds_it() -> None:
    assert make_config({"data": Path("a")}).bound == 10
    assert make_config({"data": Path("a"), "epochs": 3}).bound is None
    assert make_config({"data": Path("a"), "minutes": 4}).bound == 4


def test_flags_go_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("batch: 8\nepochs: 5\nseed: 3\n")
    made = make_config({"data": Path("a"), "batch": 2, "minutes": 1.0}, file)
    assert (made.batch, made.seed, made.minutes, made.epochs) == (2, 3, 1.0, None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"batch": 0}, "batch"),
        ({"val": 1.0}, "val"),
        ({"colour": 1}, "colour"),
        ({"minutes": 1, "epochs": 1}, "exclude"),
    ],
)
def test_what_cannot_be_is_named(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_config({"data": Path("a"), **given})


@pytest.mark.parametrize("one", [{"minutes": 3.0}, {"epochs": 2, "val_data": Path("held")}, {"val": 0.5, "tile": 64}])
def test_a_runs_configuration_is_one_of_choices(one: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    made = make_config({"data": tmp_path / "data", "seed": 7, **one})
    write_run_config(file, made, None)
    again = make_config({"data": tmp_path / "other"}, file)
    assert again == rooted(made).model_copy(update={"data": tmp_path / "other"})
    assert make_config({"data": tmp_path, "epochs": 5, "val": 0.3}, file).epochs == 5


def test_an_unknown_choice_is_told_the_nearest_and_its_file(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("wieght_decay: 1\n")
    with pytest.raises(UsageError, match=r"c\.yaml: unknown choice 'wieght_decay'\. Did you mean 'weight_decay'\?"):
        make_config({"data": Path("a")}, file)
    with pytest.raises(UsageError, match=r"^unknown choice 'epoch'\. Did you mean 'epochs'\?"):
        make_config({"data": Path("a"), "epoch": 1})


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "!!python/object/apply:os.system ['true']", "1: 2\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match=r"c\.yaml"):
        make_config({"data": Path("a")}, file)


def test_the_run_configuration_returns(tmp_path: Path) -> None:
    file, config = tmp_path / "config.yaml", TrainConfig(data=tmp_path / "d", group="(.)", minutes=3)
    write_run_config(file, config, None)
    assert read_run_config(file) == (config, None)
    write_run_config(file, config, PLAN)
    assert read_run_config(file) == (config, PLAN)
    file.write_text("config: {batch: none}\n")
    with pytest.raises(ModelError, match=r"config\.yaml"):
        read_run_config(file)


def test_a_resume_keeps_its_choices(tmp_path: Path) -> None:
    stored = TrainConfig(data=tmp_path / "x" / ".." / "d", epochs=3, batch=2)
    same_choices({"data": tmp_path / "d", "batch": 2, "epochs": 3}, stored, tmp_path)
    with pytest.raises(UsageError, match="--batch is 3, but the run was started with 2"):
        same_choices({"data": tmp_path / "d", "batch": 3}, stored, tmp_path)
    with pytest.raises(UsageError, match="--minutes is"):
        same_choices({"data": tmp_path / "d", "minutes": 3.0}, stored, tmp_path)


@pytest.mark.parametrize("one", [{"minutes": 1, "epochs": 1}, {"val": 0.2, "val_data": Path("v")}])
def test_of_two_choices_that_exclude_each_other_one_is_given(one: dict[str, Any], tmp_path: Path) -> None:
    (first, a), (second, b) = one.items()
    with pytest.raises(UsageError, match=rf"--{first} and --{second.replace('_', '-')} exclude each other"):
        make_config({"data": Path("d"), **one})
    file = tmp_path / "c.yaml"
    for under, over in (({first: a}, {second: b}), ({second: b}, {first: a})):
        file.write_text("".join(f"{name}: {value}\n" for name, value in under.items()))
        made = make_config({"data": Path("d"), **over}, file)
        assert all(getattr(made, name) == value for name, value in over.items()), "flags go before a file"
        assert all(getattr(made, name) != value for name, value in under.items())


def test_a_run_with_validation_data_is_resumed_with_them(tmp_path: Path) -> None:
    stored = make_config({"data": Path("d"), "val_data": Path("v")})
    same_choices({"data": Path("d"), "val_data": Path("v")}, stored, tmp_path)
    with pytest.raises(UsageError, match="--val is"):
        same_choices({"data": Path("d"), "val": 0.3}, stored, tmp_path)


def test_paths_lead_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("from", "to", "from/sam", "from/swin"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "from")
    places = {"data": Path("d"), "val_data": Path("../v"), "weights": Path("w.pth"), "init": Path("run")}
    config = TrainConfig(**places, sam="sam", prompt_encoder="hf:swin")
    write_run_config(Path("config.yaml"), config, None)
    monkeypatch.chdir(tmp_path / "to")
    stored, _ = read_run_config(Path("../from/config.yaml"))
    for name, place in places.items():
        assert getattr(stored, name) == tmp_path / "from" / place
    assert (stored.sam, stored.prompt_encoder) == (str(tmp_path / "from/sam"), f"hf:{tmp_path / 'from/swin'}")
    assert same_choices({"data": Path("../from/d"), "sam": "../from/sam"}, stored, tmp_path) == stored


def test_names_are_no_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "litemedsam").mkdir()
    config = TrainConfig(data=tmp_path, prompt_encoder="hf:owner/name")
    assert rooted(config) == config


def test_data_that_were_moved_are_taken_at_their_new_place(tmp_path: Path) -> None:
    stored = TrainConfig(data=tmp_path / "gone", val_data=tmp_path / "held", epochs=3)
    (tmp_path / "here").mkdir()
    assert same_choices({"data": tmp_path / "here"}, stored, tmp_path).data == tmp_path / "here"
    with pytest.raises(UsageError, match=r"DATA is .*nowhere, but the run was started with"):
        same_choices({"data": tmp_path / "nowhere"}, stored, tmp_path)
    (tmp_path / "held").mkdir()
    with pytest.raises(UsageError, match="--val-data is"):
        same_choices({"val_data": tmp_path / "here"}, stored, tmp_path)
