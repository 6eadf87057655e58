from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from autosam.inference.diagnosis import GIB, diagnose

SOUND: dict[str, Any] = {
    "system": {"name": "Linux", "release": "6", "architecture": "x86_64"},
    "libraries": {"torch": "2.13.0+cpu", "transformers": "5.0"},
    "torchvision": None,
    "cpu": {"cores": 4, "features": {"AVX2": True}},
    "threads": {"torch": 4, "OMP_NUM_THREADS": None},
    "memory": {"total": 16 * GIB, "available": 8 * GIB},
    "devices": [{"name": "cpu", "model": None, "memory": None}],
    "cache": {"folder": "/cache", "writable": True, "free": 100 * GIB, "disk": 1},
    "temporary": {"folder": "/tmp", "writable": True, "free": 100 * GIB, "disk": 1},
    "embeddings": {"bytes": GIB, "damaged": 0},
    "weights": {"litemedsam": "/weights", "other": None},
}
BROKEN = {"version": "0.28", "works": False, "error": "operator torchvision::nms does not exist"}


def test_a_sound_machine_has_no_findings() -> None:
    assert diagnose(SOUND) == []


@pytest.mark.parametrize(
    ("path", "value", "fault", "said"),
    [
        ("libraries.transformers", None, True, "transformers is not installed"),
        ("libraries.torch", "2.9.1+cpu", True, "torch 2.9.1"),
        ("torchvision", BROKEN, True, "nms does not exist"),
        ("weights.litemedsam", None, True, "autosam fetch litemedsam"),
        ("embeddings.damaged", 3, False, "3 embeddings"),
        ("memory.available", GIB // 2, True, "0.5 GiB of memory"),
        ("memory.available", 2 * GIB, False, "2.0 GiB of memory"),
        ("cache.writable", False, True, "/cache, the cache, cannot be written"),
        ("cache.free", GIB // 10, True, "GiB of disk"),
        ("cache.free", GIB, False, "1.0 GiB of disk"),
        ("temporary", None, True, "TMPDIR"),
        ("temporary.disk", 2, False, "different disks"),
        ("cpu.features.AVX2", False, False, "no AVX2"),
        ("threads", {"torch": 1, "OMP_NUM_THREADS": "1"}, False, "1 of 4 cores"),
        ("threads", {"torch": 64, "OMP_NUM_THREADS": None}, False, "64 threads on 4 cores"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(path: str, value: object, fault: bool, said: str) -> None:
    facts = deepcopy(SOUND)
    *way, last = path.split(".")
    place = facts
    for step in way:
        place = place[step]
    place[last] = value
    (finding,) = diagnose(facts)
    assert finding.fault is fault
    assert said in f"{finding.what}. {finding.cure}"
    assert finding.what and finding.cure and not finding.what.endswith(".") and not finding.cure.endswith(".")


def test_faults_come_first() -> None:
    facts = deepcopy(SOUND) | {"temporary": {**SOUND["temporary"], "disk": 2}}
    facts["threads"] = {"torch": 64, "OMP_NUM_THREADS": None}
    facts["weights"]["litemedsam"] = None
    assert [finding.fault for finding in diagnose(facts)] == [True, False, False]
