from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from autosam.cli.doctor import doctor
from autosam.inference import diagnosis, machine
from autosam.inference.diagnosis import Finding

FACTS: dict[str, Any] = {
    "python": {"version": "3.11.9", "executable": "/usr/bin/python"},
    "system": {"name": "Linux", "release": "6", "architecture": "x86_64"},
    "libraries": {"torch": "2.13.0+cpu", "transformers": None},
    "torchvision": None,
    "cpu": {"cores": 4, "features": {"AVX2": True, "AMX bf16": False}},
    "threads": {"torch": 4, "OMP_NUM_THREADS": None},
    "memory": {"total": 2**34, "available": 2**33},
    "devices": [{"name": "cpu", "model": None, "memory": None}, {"name": "cuda:0", "model": "GPU", "memory": 2**33}],
    "cache": {
        "folder": "/[bold]/a long name/" + 40 * "x",
        "writable": True,
        "free": 2**40,
        "disk": 1,
    },
    "temporary": None,
    "embeddings": {"bytes": 2**30, "damaged": 0},
    "engines": [
        {
            "sam": "litemedsam",
            "engine": {"name": "openvino", "precision": "bfloat16"},
            "seconds": {"torch float32": 1.5, "openvino bfloat16": 0.25},
        }
    ],
    "outdated_engines": 3,
    "weights": {"litemedsam": "/w", "other": None},
}
NOTE = Finding(False, "a note [red]", "leave it")
FAULT = Finding(True, "a fault in " + 90 * "y", "mend it")


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(doctor)
    return made


def run(app: typer.Typer, monkeypatch: pytest.MonkeyPatch, findings: list[Finding], *flags: str) -> tuple[int, str]:
    monkeypatch.setattr(machine, "machine", lambda: FACTS)
    monkeypatch.setattr(diagnosis, "diagnose", lambda facts: findings)
    result = CliRunner().invoke(app, flags)
    return result.exit_code, result.stdout


@pytest.mark.parametrize(("findings", "code"), [([], 0), ([NOTE], 0), ([FAULT, NOTE], 3)])
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_only_a_fault_fails(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, findings: list[Finding], code: int, flags: tuple[str, ...]
) -> None:
    assert run(app, monkeypatch, findings, *flags)[0] == code


def test_json_is_everything(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = run(app, monkeypatch, [FAULT], "--json")
    assert json.loads(out) == {"machine": FACTS, "findings": [FAULT.as_dict()]}


def test_each_message_is_one_whole_line(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = run(app, monkeypatch, [FAULT, NOTE])
    lines = out.splitlines()
    assert f"wrong: {FAULT.what}. {FAULT.cure}." in lines
    assert "note: a note [red]. leave it." in lines
    assert f"cache: {FACTS['cache']['folder']}, 1024.0 GiB free" in lines
    assert "devices: cpu, cuda:0 (GPU, 8.0 GiB)" in lines
    assert "weights: litemedsam" in lines
    assert "engine of litemedsam: openvino bfloat16 (an image: torch float32 1.50 s, openvino bfloat16 0.25 s)" in lines
    assert [line for line in lines if line.startswith("other self-tests: 3 of other versions")]
