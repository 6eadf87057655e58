"""What is wrong with a machine, judged from its facts alone, and the cure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

DEFAULT_SAM = "litemedsam"
OLDEST_TORCH = (2, 10)
GIB = 2**30
NEEDED_MEMORY, NEEDED_DISK = GIB, GIB // 4
ENOUGH_MEMORY, ENOUGH_DISK = 4 * GIB, 4 * GIB


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about a machine.

    Attributes:
        fault: True where it must be mended before AutoSAM works as it should; False where it is worth knowing only.
        what: what is wrong, a sentence without its full stop.
        cure: what to do, a sentence without its full stop.
    """

    fault: bool
    what: str
    cure: str

    def as_dict(self) -> dict[str, Any]:
        """Returns the finding as JSON knows it."""
        return asdict(self)


def diagnose(facts: dict[str, Any]) -> list[Finding]:
    """Returns what is wrong with the machine that `machine()` described, faults first."""
    found = [*_libraries(facts), *_stored(facts), *_room(facts), *_speed(facts)]
    return sorted(found, key=lambda finding: not finding.fault)


def _libraries(facts: dict[str, Any]) -> Iterator[Finding]:
    for name, version in facts["libraries"].items():
        if version is None:
            yield Finding(True, f"{name} is not installed", "Install AutoSAM again")
    torch = facts["libraries"]["torch"]
    if torch is not None and tuple(int(part) for part in torch.split("+")[0].split(".")[:2]) < OLDEST_TORCH:
        yield Finding(True, f"torch {torch} can be made to run code by weights", "Install torch 2.10 or later")
    vision = facts["torchvision"]
    if vision is not None and not vision["works"]:
        yield Finding(
            True,
            f"torchvision {vision['version']}, which transformers imports, does not load ({vision['error']})",
            "Remove it: python -m pip uninstall torchvision. AutoSAM does not use it",
        )


def _stored(facts: dict[str, Any]) -> Iterator[Finding]:
    if facts["weights"][DEFAULT_SAM] is None:
        what = f"the weights of {DEFAULT_SAM}, the default SAM, are missing or damaged"
        yield Finding(True, what, f"Run: autosam fetch {DEFAULT_SAM}")
    if facts["embeddings"]["damaged"]:
        yield Finding(
            False,
            f"{facts['embeddings']['damaged']} embeddings in the cache were damaged and have been removed",
            "Nothing to do: they are made again when they are needed. Where it comes back, look at the disk",
        )


def _room(facts: dict[str, Any]) -> Iterator[Finding]:
    memory = facts["memory"]["available"]
    if memory < ENOUGH_MEMORY:
        few = memory < NEEDED_MEMORY
        yield Finding(
            few, f"only {memory / GIB:.1f} GiB of memory are free", "Close programs, or use a smaller --batch"
        )
    cache, temporary = facts["cache"], facts["temporary"]
    if not cache["writable"]:
        yield Finding(
            True,
            f"{cache['folder']}, the cache, cannot be written",
            "Mend its rights, or name another one in AUTOSAM_CACHE",
        )
    if cache["free"] < ENOUGH_DISK:
        few = cache["free"] < NEEDED_DISK
        yield Finding(
            few,
            f"only {cache['free'] / GIB:.1f} GiB of disk are free for the cache in {cache['folder']}",
            "Free some, name another disk in AUTOSAM_CACHE, or train with fewer --views",
        )
    if temporary is None or not temporary["writable"]:
        yield Finding(True, "there is no temporary folder that can be written", "Name one in TMPDIR")
    elif temporary["disk"] != cache["disk"]:
        yield Finding(
            False,
            f"the temporary folder {temporary['folder']} and the cache are on different disks",
            "Nothing to do: AutoSAM writes beside the final file, never by way of the temporary folder",
        )


def _speed(facts: dict[str, Any]) -> Iterator[Finding]:
    gpu = any(device["name"] != "cpu" for device in facts["devices"])
    if not gpu and facts["cpu"]["features"]["AVX2"] is False and facts["system"]["architecture"] in ("x86_64", "AMD64"):
        yield Finding(False, "the CPU has no AVX2: everything will be slow", "Allow more --minutes")
    threads, cores = facts["threads"]["torch"], facts["cpu"]["cores"]
    if threads < cores and facts["threads"]["OMP_NUM_THREADS"]:
        yield Finding(False, f"torch uses {threads} of {cores} cores, as OMP_NUM_THREADS asks", "Unset OMP_NUM_THREADS")
    elif threads > cores:
        yield Finding(False, f"torch uses {threads} threads on {cores} cores", f"Set OMP_NUM_THREADS={cores}")
