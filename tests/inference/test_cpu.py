from __future__ import annotations

from pathlib import Path

import pytest

from autosam.inference import cpu


def test_flags_are_read_from_the_first_cpu() -> None:
    text = "processor\t: 0\nflags\t\t: fpu avx2 avx512f amx_bf16\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    assert cpu.linux_flags(text) == {"fpu", "avx2", "avx512f", "amx_bf16"}
    assert cpu.linux_flags("Features\t: fp asimd\n") == {"fp", "asimd"}
    assert cpu.linux_flags("") is None


@pytest.mark.parametrize(
    ("text", "expected"), [("flags: avx2 avx512_bf16", {"AVX2", "AVX-512 bf16"}), ("flags: fpu", set())]
)
def test_features_have_names(text: str, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu.platform, "system", lambda: "Linux")
    monkeypatch.setattr(cpu, "_text", lambda file: text)
    assert {name for name, there in cpu.cpu_features().items() if there} == expected


def test_features_are_unknown_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu.platform, "system", lambda: "Windows")
    assert set(cpu.cpu_features().values()) == {None}


@pytest.mark.parametrize(
    ("quota", "most"), [("max 100000", None), ("200000 100000", 2), ("50000 100000", 1), ("", None)]
)
def test_a_quota_limits_the_cores(quota: str, most: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cpu, "_text", lambda file: quota)
    assert cpu.cores() == (most or 8)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "max\n", "memory.current": "5"}, (None, 0)),
        ({"memory.max": "100", "memory.current": "60", "memory.stat": "anon 40\ninactive_file 20\n"}, (100, 40)),
        ({"memory/memory.limit_in_bytes": "100", "memory/memory.usage_in_bytes": "60"}, (100, 60)),
        ({}, (None, 0)),
    ],
)
def test_a_container_limits_the_memory(
    files: dict[str, str], expected: tuple[int | None, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def text(file: Path) -> str:
        return files.get(file.relative_to("/sys/fs/cgroup").as_posix(), "")

    monkeypatch.setattr(cpu, "_text", text)
    assert cpu.memory_limit() == expected
