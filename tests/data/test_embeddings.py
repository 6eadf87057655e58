"""The cache gives back what was put, or nothing: never something else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autosam.core.errors import ModelError, ResourceError
from autosam.core.prompt import ImageEmbedding
from autosam.data import embeddings
from autosam.data.embeddings import EmbeddingCache


def _embedding(seed: int = 0) -> ImageEmbedding:
    generator = torch.Generator().manual_seed(seed)
    main = torch.randn(1, 8, 4, 4, generator=generator)
    return ImageEmbedding(main, (main[:, :2].repeat(1, 1, 2, 2), main[:, :1]))


def _only(folder: Path) -> Path:
    (file,) = (path for path in folder.rglob("*") if path.is_file())
    return file


def test_round_trip(tmp_path: Path) -> None:
    cache, embedding = EmbeddingCache(tmp_path, None), _embedding()
    key = cache.key(image="abc", view=3)
    assert cache.get(key) is None
    cache.put(key, embedding)
    got = EmbeddingCache(tmp_path, None).get(key)
    assert got is not None
    assert torch.equal(got.main, embedding.main.half())
    assert [fine.shape for fine in got.fine] == [fine.shape for fine in embedding.fine]
    assert cache.size() == _only(tmp_path).stat().st_size
    assert _only(tmp_path).parent.name == key[:2]


def test_entries_have_the_same_bytes_whoever_wrote_them(tmp_path: Path) -> None:
    contents = set()
    for name in ("a", "b"):
        cache = EmbeddingCache(tmp_path / name)
        cache.put("00ff", _embedding())
        contents.add(_only(tmp_path / name).read_bytes())
    assert len(contents) == 1


def test_keys_depend_on_everything_but_order() -> None:
    key = EmbeddingCache.key
    assert key(a=1, b="x") == key(b="x", a=1)
    assert len({key(a=1), key(a="1"), key(b=1), key(a=2), key(a=1, b=1)}) == 5


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_trusted(tmp_path: Path, share: float, bit: int) -> None:
    cache, embedding = EmbeddingCache(tmp_path), _embedding()
    cache.put("ab12", embedding)
    file = _only(tmp_path)
    data = bytearray(file.read_bytes())
    data[int(share * len(data))] ^= 1 << bit
    file.write_bytes(data)
    got = cache.get("ab12")
    if got is None:
        assert not file.exists()
    else:
        # A bit of the header that carries nothing, such as a space of its padding.
        assert torch.equal(got.main, embedding.main.half())
        assert all(torch.equal(a, b.half()) for a, b in zip(got.fine, embedding.fine, strict=True))


def test_an_entry_is_held_to_its_checksum_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, looks = EmbeddingCache(tmp_path), []
    cache.put("ab12", _embedding())
    real = embeddings._checksum
    monkeypatch.setattr(embeddings, "_checksum", lambda *given: looks.append(1) or real(*given))
    assert all(cache.get("ab12") is not None for _ in range(3))
    assert len(looks) == 1
    EmbeddingCache(tmp_path).put("ab12", _embedding(1))
    looks.clear()
    got = cache.get("ab12")
    assert got is not None and torch.equal(got.main, _embedding(1).main.half())
    assert len(looks) == 1, "written since, and not looked at again"


def test_what_was_read_outlasts_its_file(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put("ab12", _embedding())
    got = cache.get("ab12")
    cache.put("ab12", _embedding(1))
    assert cache.prune(0) > 0
    assert got is not None and torch.equal(got.main, _embedding().main.half())
    assert cache.get("ab12") is None


def test_threads_may_read_write_and_prune_at_a_time(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path / "one").put("00aa", _embedding())
    cache = EmbeddingCache(tmp_path / "many", 6 * EmbeddingCache(tmp_path / "one").size())

    def work(number: int) -> None:
        key = f"{number % 9:02d}aa"
        cache.put(key, _embedding(number % 9))
        got = cache.get(key)
        assert got is None or torch.equal(got.main, _embedding(number % 9).main.half())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(60)))
    assert cache.check().damaged == 0
    assert cache.size() <= 6 * EmbeddingCache(tmp_path / "one").size()


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1])
def test_a_cut_entry_is_removed(tmp_path: Path, length: int) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put("ab12", _embedding())
    file = _only(tmp_path)
    file.write_bytes(file.read_bytes()[:length])
    assert cache.get("ab12") is None
    assert not file.exists()


def test_an_entry_under_another_name_is_refused(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put("ab12", _embedding())
    _only(tmp_path).rename(tmp_path / "ab" / "ab34.safetensors")
    assert cache.get("ab34") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_values_that_half_precision_cannot_hold(tmp_path: Path, value: float) -> None:
    with pytest.raises(ModelError):
        EmbeddingCache(tmp_path).put("ab12", ImageEmbedding(torch.full((1, 1, 2, 2), value)))
    assert not list(tmp_path.rglob("*.*"))


def test_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    keys = [f"{n:02d}ab" for n in range(5)]
    for age, key in enumerate(keys):
        cache.put(key, _embedding(age))
        os.utime(cache._file(key), (1000 + age, 1000 + age))
    one = cache.size() // 5
    assert cache.get(keys[0]) is not None
    assert cache.prune(2 * one) == 3 * one
    assert [cache.get(key) is not None for key in keys] == [True, False, False, False, True]


def test_size_is_bounded(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path / "one").put("00aa", _embedding())
    one = EmbeddingCache(tmp_path / "one").size()
    cache = EmbeddingCache(tmp_path / "many", 3 * one)
    for n in range(10):
        cache.put(f"{n:02d}aa", _embedding(n))
        assert cache.size() <= 3 * one
    assert cache.get("09aa") is not None


@pytest.mark.parametrize("old", [0, 3])
def test_a_full_disk_gets_back_what_was_not_used_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: int
) -> None:
    keys = [f"{n:02d}ab" for n in range(6)]
    for age, key in enumerate(keys):
        EmbeddingCache(tmp_path).put(key, _embedding(age))
        if age < old:
            os.utime(EmbeddingCache(tmp_path)._file(key), (1000 + age, 1000 + age))
    cache, whole = EmbeddingCache(tmp_path), EmbeddingCache(tmp_path).size()
    write, on_disk = embeddings.write_bytes, EmbeddingCache(tmp_path).size

    def full(file: Path, data: bytes, *, lasting: bool = True) -> None:
        if on_disk() + len(data) > whole:
            raise ResourceError("no space left to write it", file=file)
        write(file, data, lasting=lasting)

    monkeypatch.setattr(embeddings, "write_bytes", full)
    monkeypatch.setattr(embeddings, "_GIVEN_UP_AT_ONCE", 2)
    fits = 0
    with pytest.raises(ResourceError):
        for n in range(10, 20):
            cache.put(f"{n}ab", _embedding(n))
            fits += 1
    assert fits == old, "as many as were old"
    kept = [cache.get(key) is not None for key in keys]
    assert kept == [False] * old + [True] * (6 - old), "what others use stays"
    assert all(cache.get(f"{10 + n}ab") is not None for n in range(fits))


@pytest.mark.parametrize(
    ("free", "left"), [(50 << 30, 8 << 30), (10 << 30, 8 << 30), (2 << 30, 2 << 30), (1 << 30, 1 << 30)]
)
def test_room_is_what_the_disk_can_spare(tmp_path: Path, disk: Callable[[int], None], free: int, left: int) -> None:
    disk(free)
    cache = EmbeddingCache(tmp_path)
    assert cache.room((8, 4, 4)) == (free - left) // (2 * 8 * 4 * 4)
    cache.put("00aa", _embedding())
    assert cache.room((8, 4, 4)) == (free - left + cache.size()) // (2 * 8 * 4 * 4), "its own may be used again"
    bound = EmbeddingCache(tmp_path, 1000)
    assert bound.room((8, 4, 4)) == (min(900, free - left + cache.size())) // (2 * 8 * 4 * 4)


def test_check_and_leftovers_of_killed_writers(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    for n in range(3):
        cache.put(f"ab{n}", _embedding(n))
    damaged = tmp_path / "ab" / "ab1.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    old, fresh = tmp_path / "ab" / ".ab9.old.tmp", tmp_path / "ab" / ".ab9.new.tmp"
    for file in (old, fresh):
        file.write_bytes(b"part")
    os.utime(old, (time.time() - 9999,) * 2)
    state = cache.check()
    assert (state.entries, state.damaged, state.bytes) == (2, 1, cache.size())
    assert not damaged.exists()
    assert not old.exists()
    assert fresh.exists()
    assert EmbeddingCache(tmp_path / "none").check().entries == 0
