"""`autosam compare` as a person types it, and as Python calls it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import autosam
from autosam.benchmarks.benchmark import Item
from autosam.benchmarks.compare import compare
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.run import benchmark
from autosam.cli.main import app
from autosam.core.errors import DataError, UsageError
from autosam.data.foreground import Foreground
from autosam.data.images import read_image
from autosam.evaluation.bootstrap import mean_intervals

Makers = dict[str, Callable[[Path], Path]]
TWO = (("good", 0), ("poor", 6))


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["compare", *map(str, arguments), "--quiet"])
    return result.exit_code, result.stdout, result.stderr


def shifted(item: Item, name: str, rows: int) -> np.ndarray:
    rule = Foreground.parse(BENCHMARKS[name].foreground)
    labels, _ = BENCHMARKS[name].read_truth(item.truth, read_image(item.image).shape[:2])
    return np.roll(rule.binary(labels, item.truth), rows, axis=0)


def scored(name: str, root: Path, out: Path, rows: int, views: tuple[str, ...] = ("all",)) -> Path:
    """Scores the truth, moved down by some rows (by one more in every second case), as a method's masks."""
    masks = out.with_name(f"{out.name}-masks")
    for number, item in enumerate(BENCHMARKS[name].find(root).test):
        file = masks / f"{item.id}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        mask = shifted(item, name, rows + (number % 2 if rows else 0))
        Image.fromarray(mask.astype(np.uint8) * 255).save(file)
    benchmark(name, root, out, predictions=masks, views=views)
    return out


@pytest.fixture(scope="module")
def three(make: Makers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three methods' scores on a small copy of GlaS."""
    folder = tmp_path_factory.mktemp("three")
    root = make["glas"](folder / "data")
    for name, rows in (("good", 0), ("fair", 2), ("poor", 6)):
        scored("glas", root, folder / name, rows)
    return folder


def flagged(folder: Path, out: Path, change: Callable[[dict], None]) -> Path:
    shutil.copytree(folder, out)
    summary = json.loads((out / "summary.json").read_text())
    change(summary)
    (out / "summary.json").write_text(json.dumps(summary))
    return out


def test_three_methods_from_folders_to_tables_and_figures(three: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, err = run(three / "good", f"mine={three / 'fair'}", three / "poor", "--out", out, "--view", "standard")
    assert code == 0, err
    summary = json.loads((out / "compare.json").read_text())
    assert [method["name"] for method in summary["methods"]] == ["good-masks", "mine", "poor-masks"]
    assert set(summary["views"]["standard"]) == {"A", "B", "A+B"}
    dice = summary["views"]["standard"]["A+B"]["dice"]
    own = json.loads((three / "fair" / "summary.json").read_text())["standard"]["A+B"]["dice"]
    assert dice["means"][1]["mean"] == pytest.approx(own["mean"], abs=1e-6)
    assert dice["means"][1]["ci95"] == pytest.approx(own["ci95"], abs=1e-6)
    assert [rank["method"] for rank in dice["ranks"]] == ["good-masks", "mine", "poor-masks"]
    assert dice["ranks"][0]["mean"] == 1
    assert len(dice["pairs"]) == 3
    assert dice["over"] == "groups"
    assert summary["views"]["standard"]["A+B"]["hd95"]["pairs"] == []
    table = (out / "table.md").read_text()
    assert said.strip() == table.strip()
    for words in ("One training stands behind", "Wilcoxon", "too few", "View `standard`", "PARTIAL COPY"):
        assert words in table
    for kind in ("scores", "ranks", "differences", "cases"):
        stem = out / "figures" / f"{kind}-standard-A+B-dice"
        with Image.open(stem.with_name(f"{stem.name}.png")) as picture:
            assert picture.info["dpi"][0] == pytest.approx(300, abs=0.1)
        assert b"/FontFile2" in stem.with_name(f"{stem.name}.pdf").read_bytes()


def test_clips_in_groups_are_called_clips(make: Makers, tmp_path: Path) -> None:
    root = make["sunseg"](tmp_path / "data")
    folders = [scored("sunseg", root, tmp_path / name, rows, ("standard", "official")) for name, rows in TWO]
    table = compare(folders, measures=["dice", "max_dice"]).table()
    official, standard = sorted(table.split("## View `")[1:])
    assert "### all: 12 cases in 3 groups" in standard
    assert "### all: 3 clips in 3 groups" in official
    assert "(of each clip's own)" in official


def test_a_bar_in_a_name_begins_no_cell(three: Path) -> None:
    table = compare([three / "good", three / "poor"], names=["a|b", None], views=["standard"]).table()
    rows = [line for line in table.splitlines() if line.startswith("| a\\|b |")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 2
    assert not [line for line in table.splitlines() if line.startswith("|") and "a|b" in line]


def test_every_view_is_compared_where_none_is_chosen(three: Path) -> None:
    summary = compare([three / "good", three / "poor"], measures=["object_f1"]).summary()
    assert set(summary["views"]) == {"standard", "official", "reference-code"}
    assert set(summary["views"]["official"]) == {"A", "B"}
    f1 = summary["views"]["official"]["A"]["object_f1"]
    assert f1["pooled"] is True
    assert f1["means"][0]["mean"] == 1
    assert len(f1["pairs"]) == 1
    assert summary["views"]["standard"]["A+B"]["dice"]["pairs"] == []
    assert summary["views"]["reference-code"]["A+B"]["dropped"]["ranks"] == []


def test_the_same_command_writes_the_same_bytes(three: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        compare([three / "good", three / "fair"], tmp_path / name, views=["reference-code"])
    files = [file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*") if file.is_file()]
    assert len(files) == 2 + 8
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_methods_swap_with_their_places(three: Path) -> None:
    ab = compare([three / "good", three / "poor"], views=["standard"])
    ba = compare([three / "poor", three / "good"], views=["standard"])
    for one, two in zip(ab.contests, ba.contests, strict=True):
        assert one.means[0].mean == two.means[1].mean
        for x, y in zip(one.duels, two.duels, strict=True):
            assert x.difference == pytest.approx(-y.difference)
            if x.interval is None or y.interval is None:
                # One case has none.
                assert x.interval is y.interval is None and x.units == 1
            else:
                assert x.interval == pytest.approx([-y.interval[1], -y.interval[0]])
            assert (x.p, x.corrected) == (y.p, y.corrected)
            assert (x.better_a, x.better_b) == (y.better_b, y.better_a)
        assert [rank.mean for rank in one.ranking] == [rank.mean for rank in two.ranking][::-1]


def test_a_method_does_not_differ_from_itself(three: Path, tmp_path: Path) -> None:
    shutil.copytree(three / "fair", tmp_path / "again")
    found = compare([three / "fair", tmp_path / "again"])
    duels = [duel for contest in found.contests for duel in contest.duels]
    assert duels
    assert all(d.p == d.corrected == 1 and d.difference == 0 for d in duels)
    assert all(d.interval == ([0, 0] if d.units > 1 else None) for d in duels)
    assert all(d.better_a == d.better_b == 0 for d in duels)
    assert found.names == ["fair-masks [fair]", "fair-masks [again]"]


def test_a_prompt_that_sam_never_learnt_is_shown_and_not_ranked(three: Path, tmp_path: Path) -> None:
    def mark(summary: dict) -> None:
        summary["provenance"][0]["method"]["untrained_prompt"] = True

    odd = flagged(three / "good", tmp_path / "odd", mark)
    found = compare([odd, three / "fair", three / "poor"], views=["standard"])
    summary = found.summary()
    assert [method["ranked"] for method in summary["methods"]] == [False, True, True]
    dice = summary["views"]["standard"]["A+B"]["dice"]
    assert dice["means"][0]["mean"] == 1
    assert [rank["method"] for rank in dice["ranks"]] == ["fair-masks", "poor-masks"]
    assert [(pair["a"], pair["b"]) for pair in dice["pairs"]] == [("fair-masks", "poor-masks")]
    table = found.table()
    assert "good-masks (untrained prompt, not ranked)" in table
    assert "never trained on such prompts" in table


@pytest.mark.parametrize("place", ["summary", "method", "about"])
def test_the_mark_is_found_wherever_it_stands(three: Path, tmp_path: Path, place: str) -> None:
    def mark(summary: dict) -> None:
        if place == "summary":
            summary["untrained_prompt"] = True
        elif place == "method":
            summary["method"] = {"name": "box", "untrained_prompt": True}
        else:
            summary["method"] = {"name": "box", "about": {"untrained_prompt": True}}

    odd = flagged(three / "good", tmp_path / "odd", mark)
    assert compare([odd, three / "fair"]).summary()["methods"][0]["ranked"] is False


def test_seeds_are_averaged_a_case_and_counted(three: Path, tmp_path: Path) -> None:
    seeds = flagged(three / "fair", tmp_path / "seeds", lambda summary: None)
    with (seeds / "cases.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    twice = [{**row, "seed": "1", "standard:dice": str(float(row["standard:dice"]) / 2)} for row in rows]
    with (seeds / "cases.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows + twice)
    found = compare([seeds, three / "poor"], views=["standard"])
    contest = next(c for c in found.contests if c.part == "A+B" and c.measure.name == "dice")
    single = [float(row["standard:dice"]) for row in rows]
    assert found.methods[0].seeds == 2
    assert contest.means[0].mean == pytest.approx(0.75 * np.mean(single))
    assert contest.means[0].spread == pytest.approx(np.std([np.mean(single), np.mean(single) / 2], ddof=1))
    groups = [row["group"] for row in rows]
    ends = mean_intervals(0.75 * np.array(single)[:, None], groups)[0]
    assert contest.means[0].interval == pytest.approx(tuple(ends))


def test_clips_are_the_units_of_a_view_of_clips(make: Makers, tmp_path: Path) -> None:
    root = make["sunseg"](tmp_path / "data")
    a, b = (scored("sunseg", root, tmp_path / str(rows), rows) for rows in (0, 3))
    found = compare([a, b], views=["official"])
    shown = next(c for c in found.contests if c.part == "all" and c.measure.name == "s_measure")
    assert len(shown.names) == 3
    own = json.loads((b / "summary.json").read_text())["official"]["all"]["s_measure"]
    assert shown.means[1].mean == pytest.approx(own["mean"], abs=1e-6)
    assert shown.means[1].interval == pytest.approx(tuple(own["ci95"]), abs=1e-6)


def test_evaluations_compare_too_and_the_case_whose_truth_changed_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data, masks = tmp_path / "data", {}
    for side in ("images", "masks"):
        (data / side).mkdir(parents=True)
    for name in ("a", "b", "c", "d"):
        masks[name] = np.zeros((24, 30), np.uint8)
        masks[name][4:16, 5:20] = 255
        Image.fromarray(rng.integers(0, 255, (24, 30, 3), np.uint8)).save(data / "images" / f"{name}.png")
        Image.fromarray(masks[name]).save(data / "masks" / f"{name}.png")
    for method, rows in (("one", 1), ("two", 5)):
        (tmp_path / method).mkdir()
        for name, mask in masks.items():
            Image.fromarray(np.roll(mask, rows, axis=0)).save(tmp_path / method / f"{name}.png")
        autosam.evaluate(None, data, predictions=tmp_path / method, out=tmp_path / f"{method}-scores")
    found = autosam.compare([tmp_path / "one-scores", tmp_path / "two-scores"])
    dice = found.summary()["views"]["standard"]["all"]["dice"]
    assert dice["over"] == "cases"
    assert dice["pairs"][0]["p"] == pytest.approx(0.125)
    assert dice["pairs"][0]["better_a"] == 4

    Image.fromarray(np.roll(masks["c"], 2, axis=1)).save(data / "masks" / "c.png")
    autosam.evaluate(None, data, predictions=tmp_path / "two", out=tmp_path / "changed")
    with pytest.raises(DataError, match=r"changed: image or truth differ .* in 1 of 4 cases: c\."):
        compare([tmp_path / "one-scores", tmp_path / "changed"])
    for side in ("images", "masks"):
        (data / side / "b.png").unlink()
    autosam.evaluate(None, data, predictions=tmp_path / "two", out=tmp_path / "fewer")
    with pytest.raises(DataError, match=r"fewer: other cases than .*: 1 missing \(b\)"):
        compare([tmp_path / "one-scores", tmp_path / "fewer"])


def test_folders_that_cannot_be_compared_are_named(three: Path, make: Makers, tmp_path: Path) -> None:
    other = scored("glas", three / "data", tmp_path / "other", 1, ("standard",))
    code, _, err = run(three / "good", other, "--out", tmp_path / "a")
    assert code == 3
    assert "scored under standard" in err
    assert "--view standard" in err
    assert len(compare([three / "good", other], views=["standard"]).contests) > 0
    code, _, err = run(three / "good", other, "--out", tmp_path / "c", "--view", "official")
    assert (code, "has no view 'official'" in err) == (3, True)

    polyps = scored("polyps", make["polyps"](tmp_path / "polyps"), tmp_path / "p", 1)
    code, _, err = run(three / "good", polyps, "--out", tmp_path / "d")
    assert (code, "of the benchmark polyps" in err) == (3, True)

    def redefine(summary: dict) -> None:
        summary["views"]["official"] = "another protocol"

    code, _, err = run(three / "good", flagged(three / "fair", tmp_path / "v", redefine), "--out", tmp_path / "e")
    assert (code, "another one than that of" in err) == (3, True)

    def other_truth(summary: dict) -> None:
        summary["provenance"][0]["data"]["sha256"] = "0"

    code, _, err = run(three / "good", flagged(three / "fair", tmp_path / "t", other_truth), "--out", tmp_path / "f")
    assert (code, "images or truths differ" in err) == (3, True)


def test_wrong_usage_and_damaged_folders_are_said(three: Path, tmp_path: Path) -> None:
    assert run(three / "good", "--out", tmp_path / "a")[0] == 2
    assert run(three / "good", three / "good", "--out", tmp_path / "b")[0] == 2
    code, _, err = run(three / "good", three / "fair", "--out", tmp_path / "c", "--measure", "dise")
    assert (code, "Did you mean 'dice'" in err) == (2, True)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("dear")
    assert run(three / "good", three / "fair", "--out", tmp_path / "taken")[0] == 2
    code, _, err = run(three / "good", tmp_path / "nowhere", "--out", tmp_path / "d")
    assert (code, "there is no such file" in err) == (3, True)
    assert not any((tmp_path / name).exists() for name in "abcd")
    for file, text in (("summary.json", "{"), ("summary.json", "{}"), ("cases.csv", "id\n"), ("cases.csv", "id,x\na")):
        broken = flagged(three / "good", tmp_path / f"broken-{len(list(tmp_path.iterdir()))}", lambda summary: None)
        (broken / file).write_text(text)
        with pytest.raises(DataError, match="broken"):
            compare([three / "fair", broken])
    with pytest.raises(UsageError, match="two folders"):
        compare([three / "good"])
