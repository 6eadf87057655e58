"""The reordered mask decoder beside transformers' own: forward and backward, alternating in one process.

    python -m bench.decoder [--batch 4] [--rounds 5]

In float32, and in bfloat16 where the CPU has it: prints every round, the median ratio, and the greatest difference of
logits and of gradients.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from autosam.core.precision import DTYPES, computing
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.frozen_sam import load_sam
from autosam.training.pace import step_precisions
from bench.pairs import compare

_CPU = torch.device("cpu")


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
    for precision in step_precisions("auto", _CPU):
        kept = embedding.last(_CPU, DTYPES[precision])

        def own(precision: str = precision) -> tuple[torch.Tensor, torch.Tensor]:
            with computing(precision, _CPU):
                return both(lambda prompt: sam.decode_with_quality(embedding, prompt)[0], dense, weight)

        def quick(precision: str = precision, kept: ImageEmbedding = kept) -> tuple[torch.Tensor, torch.Tensor]:
            with computing(precision, _CPU):
                return both(lambda prompt: sam.decode(kept, prompt), dense.to(kept.main.dtype), weight)

        (logits, gradient), (logits2, gradient2) = own(), quick()
        print(f"{precision}, greatest difference:")
        print(f"  logits {float((logits - logits2).abs().max()):.1e} of {float(logits.std()):.2f}")
        print(f"  gradient {float((gradient - gradient2).abs().max()):.1e} of {float(gradient.std()):.2f}")
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
