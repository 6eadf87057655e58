"""Memory: a ViT encoder's activations beside transformers' own, and the largest SAM as a whole.

    python -m bench.memory [--sam sam-vit-base] [--huge sam-vit-huge] [--rounds 3]

Each figure is that of a process of its own: the greatest resident memory while one image is encoded in torch float32,
less what was resident before for activations, the whole of it for the largest SAM, loaded from its file; and the whole
of it while a graph is made and run by an engine, beside what the self-test asks for. The worst round counts. Linux
only. About 6 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from autosam.inference.eligible import GRAPH_COPIES
from autosam.inference.engine import Engine, build_encoder
from autosam.models.frozen_sam import load_sam
from bench.made import sam_source
from bench.reference import eager_encoder
from bench.result import Row, keep

_MIB = 1 << 20
WHOLE_LIMIT_MB = 8 * 1024


def main() -> None:
    """Runs the measurement from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="sam-vit-base", help="the SAM whose activations count; '' leaves it out")
    parser.add_argument("--huge", default="sam-vit-huge", help="the SAM that must fit as a whole; '' leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["ours", "reference", *GRAPH_COPIES], help=argparse.SUPPRESS)
    parser.add_argument("--source", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        once = graph_once if given.child in GRAPH_COPIES else encode_once
        print(json.dumps(once(given.child, given.source)))
        return
    rows = [activations(given.sam, given.rounds)] if given.sam else []
    rows += [whole(given.huge, given.rounds)] if given.huge else []
    rows += [graph(given.sam, engine, given.rounds) for engine in GRAPH_COPIES] if given.sam else []
    keep("memory", rows)


def activations(sam: str, rounds: int) -> Row:
    """Returns the row of the memory that one image takes beside the weights."""
    source, _ = sam_source(sam)
    before, after, cosines = [], [], []
    for number in range(1, rounds + 1):
        theirs, ours = _child("reference", source), _child("ours", source)
        before.append(theirs["activations"] / _MIB)
        after.append(ours["activations"] / _MIB)
        first, second = torch.tensor(theirs["some"]), torch.tensor(ours["some"])
        cosines.append(float(torch.cosine_similarity(first, second, dim=0)))
        print(f"  round {number}: activations {before[-1]:.0f} MB eager, {after[-1]:.0f} MB ours", flush=True)
    return Row(
        path=f"peak encoder activations, {sam}",
        baseline="transformers eager, bias tensors",
        unit="MB",
        before=before,
        after=after,
        ratio=min(first / second for first, second in zip(before, after, strict=True)),
        floor=5.0,
        agreement={"cosine": min(cosines)},
        note="one image, torch float32",
    )


def whole(sam: str, rounds: int) -> Row:
    """Returns the row of the memory of a whole process that loads a SAM and encodes an image."""
    source, _ = sam_source(sam)
    peaks = []
    for number in range(1, rounds + 1):
        peaks.append(_child("ours", source)["peak"] / _MIB)
        print(f"  round {number}: {sam} loaded and one image encoded in {peaks[-1]:.0f} MB", flush=True)
    return Row(
        path=f"whole process, {sam}",
        baseline="8 GB",
        unit="MB",
        before=[float(WHOLE_LIMIT_MB)] * rounds,
        after=peaks,
        ratio=WHOLE_LIMIT_MB / max(peaks),
        floor=1.0,
        note="weights, libraries and one image, torch float32",
    )


def graph(sam: str, engine: str, rounds: int) -> Row:
    """Returns the row of the memory of a process that makes an encoder's graph and runs it once."""
    source, _ = sam_source(sam)
    granted, peaks = [], []
    for number in range(1, rounds + 1):
        found = _child(engine, source)
        granted.append(GRAPH_COPIES[engine] * found["weights"] / _MIB)
        peaks.append(found["peak"] / _MIB)
        copies = found["peak"] / found["weights"]
        print(f"  round {number}: {engine}: {peaks[-1]:.0f} MB, {copies:.1f} times the weights", flush=True)
    return Row(
        path=f"making a graph, {sam}, {engine}",
        baseline=f"{GRAPH_COPIES[engine]} times the weights",
        unit="MB",
        before=granted,
        after=peaks,
        ratio=min(first / second for first, second in zip(granted, peaks, strict=True)),
        floor=1.0,
        note="the image encoder, float32; the baseline is what the self-test asks for",
    )


def graph_once(engine: str, source: str) -> dict[str, Any]:
    """Returns the greatest memory of this process while it makes and runs a graph in an empty cache, in bytes."""
    sam = load_sam(source)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["AUTOSAM_CACHE"] = cache
        encode = build_encoder(sam, Engine(engine, "float32"), torch.device("cpu"))
        encode(torch.zeros(1, 3, sam.rule.size, sam.rule.size))
    return {"peak": _status("VmHWM"), "weights": sum(one.numel() * one.element_size() for one in sam.parameters())}


def encode_once(side: str, source: str) -> dict[str, Any]:
    """Returns the memory that this process took for one image, in bytes, and a part of the embedding."""
    sam = load_sam(source)
    # Weights are mapped from their file: read once, they are resident before the image comes.
    sam.fingerprint()
    encode = eager_encoder(sam) if side == "reference" else (lambda pixels: sam.encode(pixels).main)
    size = sam.rule.size
    pixels = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    loading = _status("VmHWM")
    # Linux then counts the peak anew.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    with torch.no_grad():
        embedding = encode(pixels)
    peak = _status("VmHWM")
    some = embedding.flatten()[:: max(1, embedding.numel() // 4096)].tolist()
    return {"activations": peak - before, "peak": max(peak, loading), "some": some}


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"this system does not say {name}")


def _child(side: str, source: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.memory", "--child", side, "--source", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
