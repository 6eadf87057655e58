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
from torch.nn.functional import linear, pad, scaled_dot_product_attention

from autosam.models.tracing import is_tracing

# What a piece's bias may take on a CPU: about what its last cache holds.
_PIECE_BYTES = 16 << 20
# Fused kernels of GPUs want rows of so many numbers.
_ALIGNMENT = 8


class RelativeAttention(nn.Module):
    """Multi-head attention among the positions of each square window of a grid.

    Args:
        width: channels C.
        heads: number of heads, each of C / heads channels.
        side: height and width of a window, in positions.
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
        """Returns (B, h, w, C) of (B, h, w, C).

        Zeros fill up the last windows of a row and a column, and are seen like any position.
        """
        mixed = self._attend(*self._windows(x).unbind(0))
        # What a bias of the values adds to every sum. A product of a matrix and one vector has other last bits for
        # other places in memory (MKL on CPUs with AVX2 alone); sums of products have not.
        bias = self.proj.bias + (self.proj.weight * self.qkv.bias.chunk(3)[2]).sum(1)
        return linear(self._together(mixed, *x.shape[:3]), self.proj.weight, bias)

    def _windows(self, x: Tensor) -> Tensor:
        """Returns queries, keys and values (3, windows, heads, P, d) of (B, h, w, C), row by row of an image's windows.

        Keys and values have no bias: one of the keys adds the same to all scores of a query, one of the values the same
        to all that queries gather. So what fills up a window is zero here too, and no product is taken of it.
        """
        batch, side = int(x.shape[0]), self.side
        bias_q, none = self.qkv.bias.chunk(3)[0], torch.zeros_like(self.proj.bias)
        grid = linear(x, self.qkv.weight, torch.cat([bias_q, none, none]))
        below, beside = self._spare(*x.shape[1:3])
        if below or beside:
            grid = pad(grid, (0, 0, 0, beside, 0, below))
        rows, columns = (int(size) // side for size in grid.shape[1:3])
        apart = grid.view(batch, rows, side, columns, side, 3, self.heads, -1).permute(5, 0, 1, 3, 6, 2, 4, 7)
        return apart.reshape(3, batch * rows * columns, self.heads, side * side, -1)

    def _together(self, windows: Tensor, batch: int, height: int, width: int) -> Tensor:
        """Returns (B, h, w, C) of windows (windows, heads, P, d)."""
        side, (below, beside) = self.side, self._spare(height, width)
        rows, columns = (height + below) // side, (width + beside) // side
        apart = windows.view(batch, rows, columns, self.heads, side, side, -1).permute(0, 1, 4, 2, 5, 3, 6)
        return apart.reshape(batch, rows * side, columns * side, -1)[:, :height, :width]

    def _spare(self, height: int, width: int) -> tuple[int, int]:
        """Returns how many rows and columns fill up the last windows."""
        return -int(height) % self.side, -int(width) % self.side

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        down, across = self._distances(q)
        # A graph is quickest with a window's terms in longer queries and those of a whole grid written out, which
        # pieces would only unroll.
        tracing = is_tracing()
        if q.device.type != "cpu" or (tracing and 2 * self.side <= q.shape[-1]):
            return attend(q, k, v, down, across)
        return attend_in_pieces(q, k, v, down, across, sys.maxsize if tracing else _PIECE_BYTES)

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
