from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from autosam.cli.main import app
from autosam.core.prompt import ImageEmbedding
from autosam.data.embeddings import EmbeddingCache
from autosam.inference.graphs import GraphCache


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddingCache:
    """A cache of three embeddings and a graph of a thousand bytes."""
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path))
    embeddings = EmbeddingCache(tmp_path / "embeddings")
    for number in range(3):
        embeddings.put(f"{number:02d}ab", ImageEmbedding(torch.full((1, 4, 2, 2), number / 8)))
    GraphCache().get("graph", lambda place: (place / "graph.bin").write_bytes(bytes(1000)))
    return embeddings


def _run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["cache", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_show_counts_what_is_there(tmp_path: Path, cache: EmbeddingCache) -> None:
    shown = _run("show")
    assert shown["folder"] == str(tmp_path)
    assert (shown["embeddings"]["entries"], shown["embeddings"]["bytes"]) == (3, cache.size())
    assert (shown["graphs"]["entries"], shown["graphs"]["bytes"]) == (1, GraphCache().size())
    assert shown["embeddings"]["most_bytes"] > shown["embeddings"]["bytes"]


def test_check_removes_what_is_damaged(tmp_path: Path) -> None:
    (file,) = (tmp_path / "embeddings").rglob("01ab*")
    file.write_bytes(file.read_bytes()[:-1])
    (tmp_path / "graphs" / "graph" / "graph.bin").write_bytes(b"else")
    assert _run("check") == {"sound": {"embeddings": 2, "graphs": 0}, "removed": {"embeddings": 1, "graphs": 1}}
    assert _run("check")["removed"] == {"embeddings": 0, "graphs": 0}


def test_prune_keeps_graphs_longest(cache: EmbeddingCache) -> None:
    assert _run("prune")["freed"] == {"embeddings": 0, "graphs": 0}
    one, graphs = cache.size() // 3, GraphCache().size()
    assert _run("prune", "--max-size", str(graphs + 2 * one))["freed"] == {"embeddings": one, "graphs": 0}
    assert _run("prune", "--max-size", str(graphs))["freed"] == {"embeddings": 2 * one, "graphs": 0}
    assert _run("prune", "--max-size", "0") == {"freed": {"embeddings": 0, "graphs": graphs}, "bytes": 0}


def test_an_empty_cache_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "none"))
    assert _run("show")["embeddings"]["entries"] == 0
    assert _run("prune", "--max-size", "1G")["bytes"] == 0
    assert CliRunner().invoke(app, ["cache", "show"]).stdout.splitlines()[1].startswith("embeddings: 0, 0.0 KiB of")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("20G", 20 << 30), ("1.5 GiB", 3 << 29), ("500m", 500 << 20), ("2 TB", 2 << 40), ("7", 7)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    from autosam.cli.cache import parse_size

    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "1X", "G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    result = CliRunner().invoke(app, ["cache", "prune", "--max-size", text])
    assert result.exit_code == 2
    assert "no size" in result.stderr
