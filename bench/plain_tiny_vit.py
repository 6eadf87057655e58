"""TinyViT written down as its papers describe it, on the tensors of an official checkpoint: what "plain torch" is.

Batch norms stay beside their convolutions, attention is eager and writes out all of its products, tokens and maps are
laid out anew wherever one becomes the other. No code of its authors was read or copied; `bench.lite` holds its
embedding against ours.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, gelu, layer_norm, linear, pad

from autosam.models.tiny_vit import TinyViTShape
from autosam.models.tiny_vit_blocks import HEAD_WIDTH

_PREFIX = "image_encoder."
_NECK_EPS = 1e-6


class PlainTinyViT:
    """The encoder in float32: pixels (1, 3, S, S) in, embedding (1, C, h, w) out.

    Args:
        shape: the encoder's shape.
        tensors: the checkpoint's, by their official names.
    """

    def __init__(self, shape: TinyViTShape, tensors: Mapping[str, Tensor]) -> None:
        self.shape = shape
        self._all = {k.removeprefix(_PREFIX): v.float() for k, v in tensors.items() if k.startswith(_PREFIX)}

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Returns the embedding."""
        kernel = self.shape.stem_kernel
        stride, around = (1, 0) if kernel == 1 else (2, 1)
        x = gelu(self._normed("patch_embed.seq.0", pixels, stride, around))
        x = self._normed("patch_embed.seq.2", x, stride, around)
        for stage, depth in enumerate(self.shape.depths):
            for index in range(depth):
                block = f"layers.{stage}.blocks.{index}"
                x = gelu(self._bottleneck(block, x) + x) if stage == 0 else self._block(block, x, stage)
            if stage < len(self.shape.depths) - 1:
                x = self._bottleneck(f"layers.{stage}.downsample", x, 2 if stage < 2 else 1)
        x = self._channel_norm("neck.1", conv2d(x, self._all["neck.0.weight"]))
        return self._channel_norm("neck.3", conv2d(x, self._all["neck.2.weight"], padding=1))

    def _normed(self, name: str, x: Tensor, stride: int = 1, around: int = 0, groups: int = 1) -> Tensor:
        x = conv2d(x, self._all[f"{name}.c.weight"], None, stride, around, 1, groups)
        mean, variance, weight, bias = (
            self._all[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return batch_norm(x, mean, variance, weight, bias)

    def _bottleneck(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        x = gelu(self._normed(f"{name}.conv1", x))
        x = gelu(self._normed(f"{name}.conv2", x, stride, 1, x.shape[1]))
        return self._normed(f"{name}.conv3", x)

    def _block(self, name: str, x: Tensor, stage: int) -> Tensor:
        _, width, side, _ = x.shape
        window = self.shape.windows[stage]
        tokens = x.permute(0, 2, 3, 1)
        count = -(-side // window)
        more = count * window - side
        cut = pad(tokens, (0, 0, 0, more, 0, more)).view(count, window, count, window, width).transpose(1, 2)
        mixed = self._attention(f"{name}.attn", cut.reshape(count**2, window**2, width), window)
        mixed = mixed.view(count, count, window, window, width).transpose(1, 2).reshape(1, side + more, -1, width)
        tokens = tokens + mixed[:, :side, :side]
        x = self._normed(f"{name}.local_conv", tokens.permute(0, 3, 1, 2).contiguous(), 1, 1, width)
        tokens = x.permute(0, 2, 3, 1).contiguous()
        hidden = gelu(self._linear(f"{name}.mlp.fc1", self._norm(f"{name}.mlp.norm", tokens)))
        return (tokens + self._linear(f"{name}.mlp.fc2", hidden)).permute(0, 3, 1, 2).contiguous()

    def _attention(self, name: str, tokens: Tensor, window: int) -> Tensor:
        number, length, width = tokens.shape
        qkv = self._linear(f"{name}.qkv", self._norm(f"{name}.norm", tokens))
        q, k, v = qkv.view(number, length, -1, 3, HEAD_WIDTH).permute(3, 0, 2, 1, 4)
        along = torch.arange(window)
        apart = (along[:, None] - along).abs()
        column = (apart[:, None, :, None] * window + apart[None, :, None, :]).view(length, length)
        scores = q @ k.transpose(-2, -1) * HEAD_WIDTH**-0.5 + self._all[f"{name}.attention_biases"][:, column]
        return self._linear(f"{name}.proj", (scores.softmax(-1) @ v).transpose(1, 2).reshape(number, length, width))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return linear(x, self._all[f"{name}.weight"], self._all[f"{name}.bias"])

    def _norm(self, name: str, x: Tensor, eps: float = 1e-5) -> Tensor:
        return layer_norm(x, x.shape[-1:], self._all[f"{name}.weight"], self._all[f"{name}.bias"], eps)

    def _channel_norm(self, name: str, x: Tensor) -> Tensor:
        return self._norm(name, x.permute(0, 2, 3, 1), _NECK_EPS).permute(0, 3, 1, 2)
