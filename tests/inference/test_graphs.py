from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from autosam.core.errors import ResourceError
from autosam.inference import graphs
from autosam.inference.graphs import GraphCache


def _make(place: Path) -> None:
    (place / "graph.xml").write_text("<net/>")
    (place / "graph.bin").write_bytes(bytes(100))


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    cache = GraphCache(tmp_path)
    place = cache.get("key", _make)
    assert cache.get("key", lambda _: pytest.fail("made again")) == place
    assert (len(cache), cache.size() > 100) == (1, True)


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "sums"])
def test_what_is_damaged_is_made_again(tmp_path: Path, damage: str) -> None:
    cache = GraphCache(tmp_path)
    place = cache.get("key", _make)
    file = place / ("sums.json" if damage == "sums" else "graph.bin")
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    else:
        content = bytearray(file.read_bytes())
        content[5] ^= 4
        file.write_bytes(content)
    assert not cache.sound("key")
    cache.get("key", _make)
    assert (place / "graph.bin").read_bytes() == bytes(100)


def test_check_removes_what_is_damaged_and_what_killed_writers_left(tmp_path: Path) -> None:
    cache = GraphCache(tmp_path)
    for key in ("sound", "damaged"):
        cache.get(key, _make)
    (tmp_path / "damaged" / "graph.bin").write_bytes(bytes(99))
    for name, age in ((".left.tmp", 9999), (".now.tmp", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    assert cache.check() == 1
    assert sorted(place.name for place in tmp_path.iterdir()) == [".now.tmp", "sound"]


def test_a_failed_making_leaves_nothing(tmp_path: Path) -> None:
    def fail(place: Path) -> None:
        _make(place)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        GraphCache(tmp_path).get("key", fail)
    assert list(tmp_path.iterdir()) == []


def test_those_used_least_recently_go_first(tmp_path: Path) -> None:
    cache = GraphCache(tmp_path)
    for age, key in enumerate(["old", "middle", "new"]):
        os.utime(cache.get(key, _make), (age, age))
    one = cache.size() // 3
    assert cache.prune(2 * one) == one
    assert not cache.sound("old") and cache.sound("middle") and cache.sound("new")


def test_what_is_damaged_and_cannot_be_removed_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = GraphCache(tmp_path)
    place = cache.get("key", _make)
    (place / "graph.bin").write_bytes(bytes(99))
    real = graphs.shutil.rmtree
    monkeypatch.setattr(graphs.shutil, "rmtree", lambda path, **named: path == place or real(path, **named))
    with pytest.raises(ResourceError, match="damaged") as caught:
        cache.get("key", _make)
    assert caught.value.file == str(place)
    assert list(tmp_path.iterdir()) == [place]


def test_what_another_process_made_meanwhile_is_used(tmp_path: Path) -> None:
    cache = GraphCache(tmp_path)

    def slow(place: Path) -> None:
        GraphCache(tmp_path).get("key", _make)
        _make(place)

    assert (cache.get("key", slow) / "graph.bin").read_bytes() == bytes(100)


def test_what_cannot_be_removed_is_not_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = GraphCache(tmp_path)
    for age, key in enumerate(["old", "new"]):
        os.utime(cache.get(key, _make), (age, age))
    one, real = cache.size() // 2, graphs.shutil.rmtree
    monkeypatch.setattr(graphs.shutil, "rmtree", lambda path, **named: path.name == "old" or real(path, **named))
    assert cache.prune(one) == one
    assert cache.sound("old") and not cache.sound("new")


def test_a_folder_that_goes_meanwhile_has_no_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = GraphCache(tmp_path)
    cache.get("key", _make)
    monkeypatch.setattr(cache, "_places", lambda: [tmp_path / "gone", tmp_path / "key"])
    assert cache.size() > 100
    assert cache.prune(0) > 100
