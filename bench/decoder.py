"""The reordered mask decoder beside transformers' own: forward and backward, alternating in one process.

    python bench/decoder.py [--batch 4] [--rounds 5]

Prints every round, the median ratio, and the greatest difference of logits and of gradients.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch

from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.frozen_sam import load_sam


def main() -> None:
    """Runs the comparison from its command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sam", default="litemedsam")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.manual_seed(0)
    sam = load_sam(given.sam)
    shape = (given.batch, *sam.embedding_shape)
    embedding, dense = ImageEmbedding(torch.randn(shape) * 0.1), torch.randn(shape) * 0.1
    weight = torch.randn(given.batch, 1, 4 * shape[2], 4 * shape[3])

    def own() -> tuple[torch.Tensor, torch.Tensor]:
        return both(lambda prompt: sam.decode_with_quality(embedding, prompt)[0], dense, weight)

    def quick() -> tuple[torch.Tensor, torch.Tensor]:
        return both(lambda prompt: sam.decode(embedding, prompt), dense, weight)

    (logits, gradient), (logits2, gradient2) = own(), quick()
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(f"greatest difference: logits {float((logits - logits2).abs().max()):.1e} of {float(logits.std()):.2f}")
    print(
        f"                     gradient {float((gradient - gradient2).abs().max()):.1e} of {float(gradient.std()):.2f}"
    )
    ratios = []
    for number in range(given.rounds):
        slow, fast = seconds(own), seconds(quick)
        ratios.append(slow / fast)
        print(f"round {number + 1}: transformers {slow:.2f} s, reordered {fast:.2f} s, ratio {ratios[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}")


def both(
    decode: Callable[[Prompt], torch.Tensor], dense: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the logits, and the gradient of their weighted sum at the dense prompt."""
    leaf = dense.clone().requires_grad_()
    logits = decode(Prompt(leaf))
    (logits * weight).sum().backward()
    assert leaf.grad is not None
    return logits.detach(), leaf.grad


def seconds(work: Callable[[], object]) -> float:
    """Returns the time that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
