"""The reordered mask decoder beside transformers' own: forward and backward, alternating in one process.

    python -m bench.decoder [--batch 4] [--rounds 5]

Prints every round, the median ratio, and the greatest difference of logits and of gradients.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.frozen_sam import load_sam
from bench.pairs import compare


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
    print(f"greatest difference: logits {float((logits - logits2).abs().max()):.1e} of {float(logits.std()):.2f}")
    print(f"                   gradient {float((gradient - gradient2).abs().max()):.1e} of {float(gradient.std()):.2f}")
    compare(("transformers", "reordered"), (own, quick), given.rounds)


def both(
    decode: Callable[[Prompt], torch.Tensor], dense: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the logits, and the gradient of their weighted sum at the dense prompt."""
    leaf = dense.clone().requires_grad_()
    logits = decode(Prompt(leaf))
    return logits.detach(), torch.autograd.grad((logits * weight).sum(), leaf)[0]


if __name__ == "__main__":
    main()
