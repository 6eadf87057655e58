"""`autosam benchmark` as a person types it: tables of good copies, answers to bad ones."""

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

from autosam.benchmarks.benchmark import Item
from autosam.benchmarks.names import BENCHMARKS
from autosam.cli.main import app
from autosam.data.foreground import Foreground
from autosam.data.images import read_image

Makers = dict[str, Callable[[Path], Path]]
NAMES = list(BENCHMARKS)


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["benchmark", *map(str, arguments), "--quiet"])
    return result.exit_code, result.stdout, result.stderr


def truths(name: str, root: Path, out: Path, items: tuple[Item, ...] | None = None) -> Path:
    """Writes a benchmark's own test masks as predictions."""
    benchmark = BENCHMARKS[name]
    rule = Foreground.parse(benchmark.foreground)
    for item in items or benchmark.find(root).test:
        labels, _ = benchmark.read_truth(item.truth, read_image(item.image).shape[:2])
        file = out / f"{item.id}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rule.binary(labels, item.truth).astype(np.uint8) * 255).save(file)
    return out


def score(name: str, root: Path, out: Path, *flags: str | Path) -> tuple[int, dict, str]:
    predictions = truths(name, root, out / "masks")
    code, said, err = run(name, "--data", root, "--predictions", predictions, "--out", out / "scores", "--json", *flags)
    return code, json.loads(said) if said else {}, err


BEST = {
    "glas": {"object_f1": 1, "object_dice": 1, "object_hausdorff": 0},
    "monuseg": {"aji": 1, "pq": 1, "rq": 1, "sq": 1},
    "polyps": {"max_dice": 1, "s_measure": 1, "weighted_f": 1, "mae": 0},
    "sunseg": {"max_dice": 1, "s_measure": 1, "weighted_f": 1},
}


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_itself_has_the_best_scores_in_every_view(name: str, make: Makers, tmp_path: Path) -> None:
    root = make[name](tmp_path / "data")
    before = sorted(file for file in root.rglob("*"))
    code, summary, err = score(name, root, tmp_path, "--view", "all")
    assert code == 0, err
    parts = BENCHMARKS[name].parts()
    for part, entries in summary["standard"].items():
        assert part in parts
        assert entries["dice"]["mean"] == 1
        assert entries["hd95"]["mean"] == 0
    for entries in summary["official"].values():
        for measure, wanted in BEST[name].items():
            assert entries[measure]["mean"] == pytest.approx(wanted, abs=1e-6), measure
    assert all(entries["dice"]["mean"] == 1 for entries in summary["reference-code"].values())
    assert summary["marks"][0].startswith("PARTIAL COPY")
    table = (tmp_path / "scores" / "table.md").read_text()
    for view in ("standard", "official", "reference-code"):
        section = table.split(f"## View `{view}`")[1].split("\n## ")[0]
        assert "PARTIAL COPY" in section
        assert "(partial)" in section
    rows = list(csv.DictReader((tmp_path / "scores" / "cases.csv").open()))
    assert [row["id"] for row in rows] == [item.id for item in BENCHMARKS[name].find(root).test]
    assert all(float(row["standard:dice"]) == 1 for row in rows)
    assert len(list((tmp_path / "scores" / "pictures").iterdir())) >= 3
    assert sorted(file for file in root.rglob("*")) == before


def test_standard_is_given_per_split_and_for_all_together(make: Makers, tmp_path: Path) -> None:
    root = make["glas"](tmp_path / "data")
    predictions = truths("glas", root, tmp_path / "masks")
    empty = np.zeros((40, 52), np.uint8)
    Image.fromarray(empty).save(predictions / "testB_1.png")
    out = tmp_path / "out"
    code, _, err = run("glas", "--data", root, "--predictions", predictions, "--out", out, "--view", "all")
    assert code == 0, err
    summary = json.loads((out / "summary.json").read_text())
    dice = {part: entries["dice"]["mean"] for part, entries in summary["standard"].items()}
    assert dice == {"A": 1, "B": 0, "A+B": pytest.approx(2 / 3)}
    assert set(summary["official"]) == {"A", "B"}
    assert summary["official"]["B"]["object_dice"]["mean"] == 0


def test_object_scores_are_pooled_over_a_part(make: Makers, tmp_path: Path) -> None:
    root = make["glas"](tmp_path / "data")
    predictions = truths("glas", root, tmp_path / "masks")
    half = np.zeros((40, 52), np.uint8)
    half[4:14, 3:18] = 255
    Image.fromarray(half).save(predictions / "testA_1.png")
    out = tmp_path / "out"
    run("glas", "--data", root, "--predictions", predictions, "--out", out, "--view", "official")
    summary = json.loads((out / "summary.json").read_text())
    # Three of four glands found, nothing besides: 2 * 3 / (4 + 3).
    assert summary["official"]["A"]["object_f1"]["mean"] == pytest.approx(6 / 7)
    rows = list(csv.DictReader((out / "cases.csv").open()))
    assert float(rows[0]["official:object_f1"]) == pytest.approx(2 / 3, abs=1e-5)


def test_the_ends_of_a_clip_do_not_count_in_the_official_view(make: Makers, tmp_path: Path) -> None:
    root = make["sunseg"](tmp_path / "data")
    predictions = truths("sunseg", root, tmp_path / "masks")
    for clip in {file.parent for file in predictions.rglob("*.png")}:
        for file in (sorted(clip.iterdir())[0], sorted(clip.iterdir())[-1]):
            Image.fromarray(np.zeros((40, 52), np.uint8)).save(file)
    out = tmp_path / "out"
    run("sunseg", "--data", root, "--predictions", predictions, "--out", out, "--view", "all")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["official"]["easy"]["max_dice"]["mean"] == 1
    assert summary["official"]["easy"]["max_dice"]["cases"] == 2
    assert summary["standard"]["easy"]["dice"]["mean"] == 0.5


def test_a_missing_prediction_is_scored_as_empty_and_told(make: Makers, tmp_path: Path) -> None:
    root = make["monuseg"](tmp_path / "data")
    predictions = truths("monuseg", root, tmp_path / "masks")
    (predictions / "TCGA-4.png").unlink()
    out = tmp_path / "out"
    code, _, err = run("monuseg", "--data", root, "--predictions", predictions, "--out", out, "--view", "all")
    assert code == 4
    assert "1 predictions failed" in err
    summary = json.loads((out / "summary.json").read_text())
    assert summary["failed"] == 1
    assert summary["standard"]["test"]["dice"]["mean"] == summary["official"]["test"]["aji"]["mean"] == 0.5


def test_numbered_predictions_are_objects(make: Makers, tmp_path: Path) -> None:
    """Two nuclei that touch are one component, and two objects where their numbers say so."""
    root = make["monuseg"](tmp_path / "data")
    file = root / "MoNuSegTestData" / "TCGA-4.xml"
    text = file.read_text().replace('X="28"', 'X="18"')
    file.write_text(text.replace('Y="20"', 'Y="9"'))
    benchmark = BENCHMARKS["monuseg"]
    aji = {}
    for kind in ("binary", "numbered"):
        predictions = truths("monuseg", root, tmp_path / kind)
        if kind == "numbered":
            labels, _ = benchmark.read_truth(file, (40, 52))
            Image.fromarray(labels.astype(np.uint8)).save(predictions / "TCGA-4.png")
        out = tmp_path / f"out-{kind}"
        code, _, err = run("monuseg", "--data", root, "--predictions", predictions, "--out", out, "--view", "official")
        assert code == 0, err
        aji[kind] = json.loads((out / "summary.json").read_text())["official"]["test"]["aji"]["mean"]
    assert aji["numbered"] == 1
    assert aji["binary"] < 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "one of a run"),
        (("--view", "offical", "--predictions", "."), "Did you mean 'official'"),
        (("--minutes", "1", "--predictions", "."), "--minutes is of a training"),
        (("--seeds", "2", "--predictions", "."), "several seeds need a training"),
    ],
)
def test_wrong_usage_is_2(flags: tuple[str, ...], said: str, make: Makers, tmp_path: Path) -> None:
    code, _, err = run("glas", "--data", make["glas"](tmp_path / "d"), "--out", tmp_path / "out", *flags)
    assert code == 2
    assert said in err


def test_an_unknown_benchmark_is_2(tmp_path: Path) -> None:
    code, _, err = run("glass", "--data", tmp_path, "--predictions", tmp_path, "--out", tmp_path / "out")
    assert code == 2
    assert "Did you mean 'glas'" in err


def test_training_then_scoring_and_the_record_of_what_was_seen(make: Makers, tmp_path: Path) -> None:
    root = make["monuseg"](tmp_path / "data")
    out = tmp_path / "out"
    flags = ("--sam", "tiny-random", "--engine", "torch", "--epochs", "1", "--view", "all", "--seeds", "2")
    code, said, err = run("monuseg", "--data", root, "--train", "--out", out, "--json", *flags)
    assert code == 0, err
    summary = json.loads(said)
    entry = summary["standard"]["test"]["dice"]
    assert len(entry["seeds"]) == 2
    assert entry["mean"] == pytest.approx(sum(entry["seeds"]) / 2)
    assert {row["seed"] for row in csv.DictReader((out / "cases.csv").open())} == {"0", "1"}
    trained = out / "seed-0"
    code, said, err = run("monuseg", "--data", root, "--run", trained, "--out", tmp_path / "again", "--json")
    assert code == 0, err
    assert json.loads(said)["standard"]["test"]["dice"]["mean"] == pytest.approx(entry["seeds"][0], abs=1e-9)

    shutil.rmtree(root / "MoNuSeg 2018 Training Data")
    source = next((out / "training" / "masks").parent.parent.parent.joinpath("data").rglob("TCGA-4.tif"))
    record = trained / "data.json"
    hashes = json.loads(record.read_text())
    from autosam.data.images import content_hash

    hashes["val"]["stolen"] = content_hash(read_image(source))
    record.write_text(json.dumps(hashes))
    arguments = ("monuseg", "--data", root, "--run", trained)
    code, _, err = run(*arguments, "--out", tmp_path / "seen")
    assert code == 3
    assert "TCGA-4 = val stolen" in err
    code, _, err = run(*arguments, "--out", tmp_path / "allowed", "--allow-duplicates")
    assert code == 0, err
    assert "SEEN IN TRAINING" in (tmp_path / "allowed" / "table.md").read_text()


def test_the_average_over_a_clip_begins_anew_with_every_clip(
    make: Makers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autosam.inference.temporal import TemporalMasker

    root = make["sunseg"](tmp_path / "data")
    (tmp_path / "choices.yaml").write_text("val: 0\n")
    flags = ("--sam", "tiny-random", "--engine", "torch", "--epochs", "1", "--config", tmp_path / "choices.yaml")
    code, said, err = run("sunseg", "--data", root, "--train", "--out", tmp_path / "plain", "--json", *flags)
    assert code == 0, err
    begun: list[int] = []
    restart, call = TemporalMasker.restart, TemporalMasker.__call__
    monkeypatch.setattr(TemporalMasker, "restart", lambda self: (begun.append(0), restart(self))[1])

    def counting(self: TemporalMasker, frame: object) -> object:
        begun[-1] += 1
        return call(self, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(TemporalMasker, "__call__", counting)
    again = ("sunseg", "--data", root, "--run", tmp_path / "plain" / "seed-0", "--engine", "torch", "--json")
    code, said, err = run(*again, "--temporal", "0.6", "--out", tmp_path / "mixed")
    assert code == 0, err
    assert [count for count in begun if count] == [4, 4, 4]
    summary = json.loads(said)
    assert summary["method"].endswith("temporal 0.6")
    assert summary["provenance"][0]["method"]["temporal"] == 0.6
    code, said, err = run(*again, "--out", tmp_path / "off")
    assert code == 0, err
    plain = json.loads((tmp_path / "plain" / "summary.json").read_text())
    assert json.loads(said)["standard"] == plain["standard"]
    code, said, err = run(*again, "--mirror", "--out", tmp_path / "mirrored")
    assert code == 0, err
    summary = json.loads(said)
    assert summary["method"].endswith("mirrored") and summary["provenance"][0]["method"]["mirror"]
    assert summary["standard"] != plain["standard"]
    code, _, err = run(*again, "--mirror", "--temporal", "0.6", "--out", tmp_path / "both")
    assert code == 2 and "exclude each other" in err
    code, _, err = run("sunseg", "--data", root, "--predictions", tmp_path, "--mirror", "--out", tmp_path / "masks")
    assert code == 2 and "--mirror" in err


@pytest.mark.parametrize(
    ("name", "source", "said"), [("glas", "--run", "no clips"), ("sunseg", "--predictions", "no prompt to average")]
)
def test_an_average_of_what_has_none_is_2(name: str, source: str, said: str, make: Makers, tmp_path: Path) -> None:
    root = make[name](tmp_path / "data")
    code, _, err = run(name, "--data", root, source, tmp_path, "--temporal", "0.5", "--out", tmp_path / "out")
    assert code == 2, err
    assert said in err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--method", "sam-box", "--sam", "medsam"), "the weights of medsam are not here"),
        (("--train", "--sam", "medsam"), "the weights of medsam are not here"),
        (
            ("--method", "unet", "--epochs", "0"),
            "epochs: must be a whole number of at least 1 and at most 1000000, not 0",
        ),
        (("--train", "--config", "choices.yaml"), "lr: must be a number above 0 and at most 1e+09, not 0"),
        (("--run", "nowhere"), "nowhere"),
    ],
)
def test_what_scoring_would_stop_at_is_found_before_an_image_is_read(
    flags: tuple[str, ...], said: str, make: Makers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the images were read first")

    monkeypatch.setattr("autosam.benchmarks.run.read_contents", read)
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "choices.yaml").write_text("lr: 0\n")
    out = tmp_path / "scores"
    given = [str(tmp_path / flag) if flag in ("choices.yaml", "nowhere") else flag for flag in flags]
    code, _, err = run("glas", "--data", make["glas"](tmp_path / "data"), *given, "--out", out)
    assert code in (2, 3)
    assert said in err
    assert not out.exists()
