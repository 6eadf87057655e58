"""Several methods by one command: one table, a folder each, and what each number cost."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autosam.benchmarks.baselines import BASELINES
from autosam.benchmarks.rows import GROUPS
from autosam.cli.main import app
from autosam.models.rivals import METHODS

Makers = dict[str, Callable[[Path], Path]]
TINY = ("--sam", "tiny-random", "--engine", "torch")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["benchmark", *map(str, arguments), "--quiet"])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "choices.yaml"
    file.write_text("size: 64\nwidth: 4\nbatch: 2\nprompt_encoder: hardnet39ds\nprecision: float32\n")
    return file


def test_one_table_holds_autosam_its_rivals_and_prompts_with_what_they_cost(
    make: Makers, tmp_path: Path, config: Path
) -> None:
    root, out = make["glas"](tmp_path / "data"), tmp_path / "out"
    flags = (*TINY, "--epochs", "1", "--config", config, "--view", "all", "--seeds", "2")
    asked = ("--train", "--method", "unet", "--method", "sam-box", "--method", "sam-nothing")
    code, said, err = run("glas", "--data", root, "--out", out, *asked, *flags, "--json")
    assert code == 0, err
    summary = json.loads(said)
    assert summary == json.loads((out / "summary.json").read_text())
    assert list(summary["methods"]) == ["autosam", "unet", "sam-box", "sam-nothing"]
    for row, entry in summary["methods"].items():
        # A method's own folder is laid out as if it had been scored alone.
        assert entry == json.loads((out / row / "summary.json").read_text())
        assert {path.name for path in (out / row).iterdir()} >= {"cases.csv", "table.md", "pictures"}
        trained = row in METHODS
        seeds = ["0", "1"] if trained else ["0"]
        assert sorted({case["seed"] for case in csv.DictReader((out / row / "cases.csv").open())}) == seeds
        assert entry["seeds"] == len(seeds) == len(entry["training"])
        assert entry["oracle_prompt"] == (row == "sam-box")
        assert entry["untrained_prompt"] == (not trained)
        assert entry["training"] == [None] or [each["seed"] for each in entry["training"]] == [0, 1]
        assert all(each is None or (each["epochs"], each["steps"] > 0) == (1, True) for each in entry["training"])
    table = (out / "table.md").read_text()
    for view in ("standard", "official", "reference-code"):
        section = table.split(f"## View `{view}`")[1].split("\n## ")[0]
        assert "PARTIAL COPY" in section
        for title in ("AutoSAM (tiny-random, hardnet39ds)", "U-Net (width 4)", "SAM (tiny-random): the box of each"):
            assert section.count(f"| {title}") == (2 if view == "official" else 3)
    assert "| oracle, untrained | none |" in table and "ORACLE PROMPTS" not in table
    assert "| 1 epoch, " in table and "2 seeds" in table and "± " in table
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == sorted([*summary["methods"], "training"])


def test_one_method_is_written_as_ever(make: Makers, tmp_path: Path) -> None:
    root, out = make["polyps"](tmp_path / "data"), tmp_path / "out"
    code, said, err = run("polyps", "--data", root, "--out", out, "--method", "sam-points-3", *TINY, "--json")
    assert code == 0, err
    summary = json.loads(said)
    assert summary["standard"]["Kvasir"]["dice"]["cases"] == 2
    assert summary["oracle_prompt"] and summary["untrained_prompt"] and summary["training"] == [None]
    assert any(mark.startswith("ORACLE PROMPTS") for mark in summary["marks"])
    assert {path.name for path in out.iterdir()} == {"summary.json", "cases.csv", "table.md", "pictures"}
    assert "ORACLE PROMPTS" in (out / "table.md").read_text()


def test_a_run_and_a_folder_stand_beside_prompts(make: Makers, tmp_path: Path, config: Path) -> None:
    root, first = make["glas"](tmp_path / "data"), tmp_path / "first"
    flags = (*TINY, "--epochs", "1", "--config", config)
    code, _, err = run("glas", "--data", root, "--out", first, "--method", "unet", *flags)
    assert code == 0, err
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in ("testA_1", "testA_2", "testB_1"):
        (masks / f"{name}.bmp").write_bytes((root / f"{name}_anno.bmp").read_bytes())
    sources = ("--run", first / "seed-0", "--predictions", masks, "--method", "sam-centre")
    code, said, err = run("glas", "--data", root, "--out", tmp_path / "out", *sources, *TINY, "--json")
    assert code == 0, err
    rows = json.loads(said)["methods"]
    assert list(rows) == ["run", "sam-centre", "predictions"]
    assert rows["predictions"]["standard"]["A+B"]["dice"]["mean"] == 1
    alone = json.loads((first / "summary.json").read_text())
    assert rows["run"]["standard"]["A+B"]["dice"] == alone["standard"]["A+B"]["dice"]
    assert rows["run"]["training"][0]["epochs"] == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--method", "sam-boxx"), "Did you mean 'sam-box"),
        (("--method", "sam-box", "--seeds", "2"), "several seeds need a training"),
        (("--method", "sam-box", "--minutes", "1"), "--minutes is of a training"),
        ((), "there is nothing to score"),
    ],
)
def test_wrong_usage_is_2(flags: tuple[str, ...], said: str, make: Makers, tmp_path: Path) -> None:
    code, _, err = run("glas", "--data", make["glas"](tmp_path / "d"), "--out", tmp_path / "out", *flags)
    assert code == 2
    assert said in err


def test_groups_hold_every_name_once() -> None:
    assert GROUPS["all"] == (*GROUPS["trained"], *GROUPS["prompted"])
    assert len(set(GROUPS["all"])) == len(METHODS) + len(BASELINES)
