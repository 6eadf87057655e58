"""Attention with a decomposed relative position, without a bias for every pair of positions at once.

Source: "Improved Multiscale Vision Transformers for Classification and Detection" (arXiv 2112.01526), section 4.1. The
score of a query and a key has a term for their distance in height and one for that in width, each of which depends on
the query. Written out, a 64x64 grid has 16.8 M such sums a head, and a layer of SAM's ViT-B 0.8 GB of them.
"""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

# What a piece's bias may take on a CPU: about what its last cache holds.
_PIECE_BYTES = 16 << 20
# Fused kernels of GPUs want rows of so many numbers.
_ALIGNMENT = 8


class RelativeAttention(nn.Module):
    """Multi-head attention among the positions of a square grid.

    Args:
        width: channels C.
        heads: number of heads, each of C / heads channels.
        side: height and width of the grid.
    """

    def __init__(self, width: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads = heads
        self.side = side
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, width // heads))

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, side, side, C) of (B, side, side, C)."""
        batch, side = int(x.shape[0]), self.side
        q, k, v = self.qkv(x).view(batch, side * side, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        down, across = self._distances(q)
        if x.device.type != "cpu":
            mixed = attend(q, k, v, down, across)
        else:
            # A tracer would unroll the pieces, and OpenVINO is quickest with the bias in one.
            tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
            mixed = attend_in_pieces(q, k, v, down, across, sys.maxsize if tracing else _PIECE_BYTES)
        return self.proj(mixed.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]

    def _distances(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the terms (B, heads, P, side) of each query and each row, and of each query and each column."""
        steps = torch.arange(self.side, device=q.device)
        apart = steps[:, None] - steps + self.side - 1
        grid = q.view(*q.shape[:2], self.side, self.side, -1)
        down = torch.einsum("bnhwc,hkc->bnhwk", grid, self.rel_pos_h[apart])
        across = torch.einsum("bnhwc,wkc->bnhwk", grid, self.rel_pos_w[apart])
        return down.flatten(2, 3), across.flatten(2, 3)


def attend(q: Tensor, k: Tensor, v: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Returns what queries (B, heads, P, d) gather from values (B, heads, P, d) of a grid of P = side * side.

    The terms become channels of the query, and where a key lies becomes channels of the key that pick its own out of
    them: exact, and fused kernels need no bias.

    Args:
        q: queries.
        k: keys.
        v: values.
        down: (B, heads, P, side), each query's term for the keys of each row.
        across: (B, heads, P, side), likewise for each column.
    """
    side, depth = down.shape[-1], q.shape[-1]
    one = torch.eye(side, dtype=q.dtype, device=q.device)
    row, column = one[:, None].expand(side, side, side), one.expand(side, side, side)
    spare = -(depth + 2 * side) % _ALIGNMENT
    place = pad(torch.cat([row, column], -1).view(side * side, -1), (0, spare))
    longer_q = pad(torch.cat([q * depth**-0.5, down, across], -1), (0, spare))
    longer_k = torch.cat([k, place.expand(*k.shape[:2], -1, -1)], -1)
    return scaled_dot_product_attention(longer_q, longer_k, v, scale=1.0)


def attend_in_pieces(
    q: Tensor, k: Tensor, v: Tensor, down: Tensor, across: Tensor, piece_bytes: int = _PIECE_BYTES
) -> Tensor:
    """Returns what `attend` does, with the bias written out for a few images or rows of queries at a time.

    On a CPU longer queries cost more than a bias that stays in the cache.
    """
    batch, heads, positions, side = (int(size) for size in down.shape)
    row = heads * side * positions * q.element_size()
    images = max(1, min(batch, piece_bytes // (row * side)))
    rows = max(1, min(side, piece_bytes // row))
    # One buffer for every piece: a heap that small results cut up would be asked for new room again and again.
    graded = torch.is_grad_enabled() and (down.requires_grad or across.requires_grad)
    whole = images == batch and rows == side
    room = None if graded or whole else down.new_empty(images * heads * rows * side * positions)
    done = []
    for first in range(0, batch, images):
        some = slice(first, first + images)
        parts = []
        for top in range(0, positions, rows * side):
            part = slice(top, top + rows * side)
            bias = _bias(down[some, :, part], across[some, :, part], room)
            parts.append(scaled_dot_product_attention(q[some, :, part], k[some], v[some], attn_mask=bias.flatten(3)))
        done.append(torch.cat(parts, 2))
    return torch.cat(done)


def _bias(down: Tensor, across: Tensor, room: Tensor | None) -> Tensor:
    """Returns each query's terms for every row and column, (B, heads, P, side, side), in `room` where there is some."""
    if room is None:
        return down[..., :, None] + across[..., None, :]
    shape = (*down.shape, across.shape[-1])
    return torch.add(down[..., :, None], across[..., None, :], out=room[: math.prod(shape)].view(shape))
