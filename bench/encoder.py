"""A SAM's image encoder in torch beside OpenVINO, both in float32: one image, alternating in one process.

    python -m bench.encoder [--sam litemedsam] [--rounds 5]

Prints the CPU's vectors, every round, the median ratio, and the greatest difference of the embeddings.
"""

from __future__ import annotations

import argparse

import torch

from autosam.inference.cpu import cpu_features
from autosam.inference.engine import make_encoder
from autosam.models.frozen_sam import load_sam
from bench.pairs import compare


def main() -> None:
    """Runs the comparison from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="litemedsam")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    sam = load_sam(given.sam)
    pixels = torch.rand(1, 3, sam.rule.size, sam.rule.size)
    plain, graph = make_encoder(sam, "torch"), make_encoder(sam, "openvino")
    print(", ".join(name for name, there in cpu_features().items() if there))
    first, second = plain(pixels).main, graph(pixels).main
    print(f"greatest difference: {float((first - second).abs().max()):.1e} of {float(first.std()):.2f}")
    compare(("torch", "openvino"), (lambda: plain(pixels), lambda: graph(pixels)), given.rounds)


if __name__ == "__main__":
    main()
