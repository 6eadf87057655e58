from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from autosam.core.prompt import ImageEmbedding
from autosam.data.embeddings import EmbeddingCache
from autosam.inference import machine as module
from autosam.inference.machine import LIBRARIES, machine


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that is not made yet."""
    folder = tmp_path / "cache" / "autosam"
    monkeypatch.setenv("AUTOSAM_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return folder


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def refuse(*_: object) -> None:
        raise AssertionError("a network call that was not asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return machine()


def test_facts_survive_json(facts: dict[str, Any]) -> None:
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_facts_are_possible(facts: dict[str, Any]) -> None:
    assert 0 < facts["memory"]["available"] <= facts["memory"]["total"]
    assert facts["cpu"]["cores"] >= 1 and facts["threads"]["torch"] >= 1
    assert facts["devices"][0]["name"] == "cpu"
    assert facts["cache"]["free"] >= 0
    assert tuple(facts["libraries"]) == LIBRARIES
    assert facts["libraries"]["torch"]


def test_an_empty_cache_is_not_made(facts: dict[str, Any], cache: Path) -> None:
    assert facts["cache"]["folder"] == str(cache) and facts["cache"]["writable"]
    assert facts["embeddings"] == {"bytes": 0, "damaged": 0}
    assert facts["weights"]["litemedsam"] is None and facts["weights"]["demo-data"] is None
    assert not cache.exists()


def test_what_self_tests_found_is_a_fact(cache: Path) -> None:
    from autosam.inference.engine import REFERENCE, Engine
    from autosam.inference.selftest import choose
    from autosam.models.sam import tiny_sam

    choose(tiny_sam(), [REFERENCE, Engine("torch", "bfloat16")])
    (found,) = machine()["engines"]
    assert found["sam"] == "tiny-random" and found["seconds"]["torch float32"] >= 0


def test_damaged_weights_are_not_there(cache: Path) -> None:
    file = cache / "weights" / "litemedsam.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no weights")
    assert machine()["weights"]["litemedsam"] is None


def test_damaged_embeddings_are_counted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = EmbeddingCache(cache / "embeddings")
    keys = [EmbeddingCache.key(case=case) for case in range(3)]
    for key in keys:
        embeddings.put(key, ImageEmbedding(torch.ones(1, 2, 3, 3)))
    (file,) = (cache / "embeddings").rglob(f"{keys[1]}*")
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    monkeypatch.setattr(module, "CHECKED_BYTES", 0)
    assert machine()["embeddings"]["damaged"] is None
    monkeypatch.undo()
    monkeypatch.setenv("AUTOSAM_CACHE", str(cache))
    assert machine()["embeddings"] == {"bytes": embeddings.size(), "damaged": 1}


def test_a_torchvision_that_does_not_load_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._torchvision() is None
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = module._torchvision()
    assert found is not None and not found["works"] and "nms does not exist" in found["error"]
    (tmp_path / "torchvision.py").write_text("")
    assert (module._torchvision() or {})["works"]


def test_no_temporary_folder_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(module.tempfile, "gettempdir", none)
    assert module._temporary() is None
