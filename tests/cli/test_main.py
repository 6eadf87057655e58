"""The command line: codes, messages, and what it does not import."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import autosam
from autosam.cli.main import app


def _run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((8, 9, 3), 40 * number, np.uint8)).save(root / "images" / f"{number}.png")
        mask = np.zeros((8, 9), np.uint8)
        mask[2:5, 2:5], mask[5:7, 5:7] = 1, 2
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    return root


# Each takes a tenth of a second or more to import; rich's parts are what typer's panels need.
HEAVY = {
    "matplotlib", "nibabel", "numpy", "onnxruntime", "openvino", "PIL", "psutil", "rich", "safetensors", "scipy",
    "torch", "transformers", "yaml",
}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        "import autosam",
        "import autosam.cli.main",
        "sys.argv = ['autosam', '--help']; from autosam.cli.main import run; run()",
        "sys.argv = ['autosam', 'predict', '--help']; from autosam.cli.main import run; run()",
        "sys.argv = ['autosam', 'cache', '--help']; from autosam.cli.main import run; run()",
    ],
)
def test_help_imports_nothing_heavy(code: str) -> None:
    ending = f"import atexit, sys; atexit.register(lambda: print('heavy:', *sorted({HEAVY!r} & set(sys.modules)))); "
    done = subprocess.run([sys.executable, "-c", ending + code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy:"


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "autosam", "info", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "litemedsam" in json.loads(done.stdout)["sams"]


@pytest.mark.parametrize(
    "command",
    [["train"], ["predict"], ["evaluate"], ["data", "check"], ["fetch"], ["info"], ["doctor"], ["cache", "prune"]],
)
def test_every_command_explains_itself(command: list[str]) -> None:
    code, out, _ = _run(*command, "--help")
    assert code == 0
    assert "Usage" in out


def test_a_mask_of_three_values_is_not_guessed(labelled: Path, tmp_path: Path) -> None:
    picture = tmp_path / "check.png"
    code, out, err = _run("data", "check", labelled, "--picture", picture)
    assert code == 3
    assert "--foreground" in out + err
    code, out, _ = _run("data", "check", labelled, "--foreground", "1,2", "--picture", picture, "--json")
    assert code == 0
    assert json.loads(out)["faults"] == 0
    assert picture.exists()
    code, _, err = _run("train", labelled, "--out", tmp_path / "run", "--sam", "tiny-random", "--epochs", 1)
    assert code == 3
    assert "--foreground" in err


def test_wrong_usage_is_2(labelled: Path, tmp_path: Path) -> None:
    for flags in (
        ["--sam", "litemedsm"],
        ["--augment", "histolgy"],
        ["--minutes", "1", "--epochs", "1"],
        ["--batch", "0"],
    ):
        code, _, err = _run("train", labelled, "--foreground", "1", "--out", tmp_path / "run", *flags)
        assert code == 2, err
        assert err.splitlines()[-1].startswith("error: ")
        assert not (tmp_path / "run").exists()


def test_missing_weights_are_3_and_name_the_cure(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "empty"))
    code, _, err = _run("train", labelled, "--foreground", "1", "--out", tmp_path / "run")
    assert code == 3
    assert "autosam fetch litemedsam" in err


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    run = tmp_path / "run"
    run.mkdir()
    (run / "model.safetensors").write_bytes(pickle.dumps(Trap()))
    (tmp_path / "sam.pth").write_bytes(pickle.dumps(Trap()))
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    for arguments in ([run], [run, "--sam", tmp_path / "sam.pth"]):
        code, _, err = _run("predict", *arguments, tmp_path / "a.png", "--out", tmp_path / "out")
        assert code == 3
        assert "model.safetensors" in err
    assert not (tmp_path / "sprung").exists()


def test_info_lists_names(tmp_path: Path) -> None:
    code, out, _ = _run("info", "--json")
    assert code == 0
    known = json.loads(out)
    assert "litemedsam" in known["sams"]
    assert "demo-data" in known["data"]
    # Whatever can be fetched by a name is told, and nothing else is said to be.
    code, out, _ = _run("info")
    assert code == 0
    assert "demo-data" in out
    assert "fetch mobilesam" not in out


@pytest.mark.parametrize("name", autosam.__all__)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    assert getattr(autosam, name).__doc__


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "benchmark", "figures", "quantise"])
def test_what_reads_images_into_networks_is_held_to_a_memory(command: str) -> None:
    code, out, _ = _run(command, "--help")
    assert code == 0
    assert "--max-memory" in out


def test_evaluating_a_folder_of_masks(labelled: Path, tmp_path: Path) -> None:
    predictions = tmp_path / "p"
    predictions.mkdir()
    for number in range(2):
        mask = np.zeros((8, 9), np.uint8)
        mask[2:5, 2:5] = 255
        Image.fromarray(mask).save(predictions / f"{number}.png")
    code, out, err = _run(
        "evaluate", labelled, "--predictions", predictions, "--foreground", "1", "--out", tmp_path / "r", "--json"
    )
    assert code == 4, err
    summary = json.loads(out)
    assert summary["dice"]["mean"] == pytest.approx(2 / 3)
    assert summary["failed"] == 1
    assert (tmp_path / "r" / "report.html").exists()
    assert "the first: " in err and "cases.csv lists each" in err


def test_a_check_writes_nothing_among_the_data(labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = next((labelled / "images").iterdir())
    before = {file: file.read_bytes() for file in labelled.rglob("*.*")}
    code, _, err = _run("data", "check", labelled, "--foreground", "1", "--picture", image)
    assert code == 2 and "among the data" in err
    monkeypatch.chdir(labelled)
    code, out, _ = _run("data", "check", ".", "--foreground", "1")
    assert code == 0 and "--picture" in out
    assert {file: file.read_bytes() for file in labelled.rglob("*.*")} == before


def test_a_check_looks_for_the_place_of_its_picture_first(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    code, out, err = _run("data", "check", labelled, "--foreground", "1", "--picture", tmp_path / "file" / "a.png")
    assert (code, out) == (3, "") and str(tmp_path / "file") in err

    def refuses(path: Path, content: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuses)
    code, out, _ = _run("data", "check", labelled, "--foreground", "1")
    assert code == 0 and "3 pairs" in out and "--picture" in out
    assert json.loads(_run("data", "check", labelled, "--foreground", "1", "--json")[1])["picture"] is None


def test_a_name_of_two_lines_is_checked(labelled: Path, tmp_path: Path) -> None:
    for side in ("images", "masks"):
        file = next((labelled / side).iterdir())
        file.rename(file.with_name(f"two\nlines{file.suffix}"))
    code, _, err = _run("data", "check", labelled, "--foreground", "1", "--picture", tmp_path / "check.png")
    assert code in (0, 3) and "Traceback" not in err


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_the_interpreter_ends_leaves_the_code_of_what_was_done(name: str, tmp_path: Path) -> None:
    code = (
        "import atexit, os, signal; from autosam.cli.main import run; "
        f"atexit.register(lambda: os.kill(os.getpid(), signal.{name})); run()"
    )
    for arguments, expected in ((["--help"], 0), (["info", str(tmp_path / "none")], 3)):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stderr


def test_closed_and_full_streams_are_no_faults_of_the_program() -> None:
    command = f"{sys.executable} -m autosam"
    quiet = subprocess.run(["sh", "-c", f"{command} info none 2>&-"], capture_output=True, text=True, check=False)
    assert (quiet.returncode, quiet.stdout) == (3, "")
    if Path("/dev/full").exists():
        full = subprocess.run(["sh", "-c", f"{command} info >/dev/full"], capture_output=True, text=True, check=False)
        assert full.returncode == 5 and "no space left" in full.stderr and "Traceback" not in full.stderr
