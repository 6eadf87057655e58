"""The frozen SAM itself: an image encoder, a prompt encoder and a mask decoder that were built and filled elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self, cast

import torch
from torch import Tensor, nn

from autosam.core.checks import check_shape
from autosam.core.letterbox import PixelRule
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.quick_decoder import decode

if TYPE_CHECKING:
    from transformers.models.sam.modeling_sam import SamMaskDecoder


class Sam(nn.Module):
    """A SAM that stays frozen and in eval mode, whatever `train()` says; only the prompt lets a gradient pass.

    Args:
        image_encoder: pixels (B, 3, S, S) -> embedding (B, C, h, w).
        prompt_encoder: transformers' SamPromptEncoder.
        mask_decoder: transformers' SamMaskDecoder.
        name: the name in the table of SAMs.
        rule: how it wants its pixels.
        embedding_shape: (C, h, w).
        trained_prompts: kinds of prompt that its weights were trained on.
    """

    code_version = 8
    image_pe: Tensor

    def __init__(
        self,
        *,
        image_encoder: nn.Module,
        prompt_encoder: nn.Module,
        mask_decoder: nn.Module,
        name: str,
        rule: PixelRule,
        embedding_shape: tuple[int, int, int],
        trained_prompts: frozenset[str],
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder
        self.name, self.rule = name, rule
        self.embedding_shape, self.trained_prompts = embedding_shape, trained_prompts
        self._fingerprint: str | None = None
        self.requires_grad_(False)
        self.eval()
        self.register_buffer("image_pe", self._grid(), persistent=False)

    def train(self, mode: bool = True) -> Self:
        """Stays in eval mode."""
        return super().train(False)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> ImageEmbedding:
        """Returns the embedding of `pixels` (B, 3, S, S), scaled by `rule`; main is (B, C, h, w).

        On a CPU the images go one by one: no slower, less memory, and an embedding's bits do not depend on its batch.
        """
        size = self.rule.size
        check_shape(pixels, (None, 3, size, size), "pixels")
        single = pixels.device.type == "cpu" and len(pixels) > 1
        main = torch.cat([self.image_encoder(p[None]) for p in pixels]) if single else self.image_encoder(pixels)
        return ImageEmbedding(main)

    def decode(self, embedding: ImageEmbedding, prompt: Prompt) -> Tensor:
        """Returns mask logits (B, 1, 4h, 4w): the single-mask output (token 0) for each image and its own prompt."""
        if prompt.sparse is not None and prompt.sparse.shape[1] > 0:
            return self.decode_with_quality(embedding, prompt)[0]
        self._check(embedding, prompt)
        return decode(cast("SamMaskDecoder", self.mask_decoder), embedding.main + prompt.dense, self.image_pe)

    def decode_with_quality(self, embedding: ImageEmbedding, prompt: Prompt) -> tuple[Tensor, Tensor]:
        """Returns mask logits (B, 1, 4h, 4w) and SAM's own estimate of their IoU (B, 1).

        Args:
            embedding: of B images.
            prompt: dense (B, C, h, w), or (1, C, h, w) for all; sparse (B, N, C) or None.
        """
        self._check(embedding, prompt)
        sparse = prompt.sparse
        if sparse is not None and sparse.shape[1] == 0:
            sparse = None
        logits, quality = self.mask_decoder(
            image_embeddings=embedding.main,
            image_positional_embeddings=self.image_pe,
            sparse_prompt_embeddings=None if sparse is None else sparse[:, None],
            dense_prompt_embeddings=prompt.dense,
            multimask_output=False,
        )
        return logits[:, 0], quality[:, 0]

    def _check(self, embedding: ImageEmbedding, prompt: Prompt) -> None:
        batch = len(embedding.main)
        check_shape(embedding.main, (None, *self.embedding_shape), "embedding")
        check_shape(prompt.dense, (1 if len(prompt.dense) == 1 else batch, *self.embedding_shape), "dense prompt")
        if prompt.sparse is not None:
            check_shape(prompt.sparse, (batch, None, self.embedding_shape[0]), "sparse prompt")

    def prompt(
        self,
        *,
        points: tuple[Tensor, Tensor] | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
    ) -> Prompt:
        """Returns what the prompt encoder makes of prompts; of none, SAM's "no mask" for every image.

        Args:
            points: coordinates (B, N, 2), x and y in the square's pixels, and labels (B, N), 1 inside, 0 outside.
            boxes: (B, 4), x0 y0 x1 y1 in the square's pixels.
            masks: (B, 1, 4h, 4w) logits.
        """
        _, height, width = self.embedding_shape
        if points is not None:
            check_shape(points[0], (None, None, 2), "points")
            check_shape(points[1], tuple(points[0].shape[:2]), "labels of the points")
        if boxes is not None:
            check_shape(boxes, (None, 4), "boxes")
        if masks is not None:
            check_shape(masks, (None, 1, 4 * height, 4 * width), "masks")
        sparse, dense = self.prompt_encoder(
            input_points=None if points is None else points[0][:, None],
            input_labels=None if points is None else points[1][:, None],
            input_boxes=None if boxes is None else boxes[:, None],
            input_masks=masks,
        )
        return Prompt(dense, None if sparse is None else sparse[:, 0])

    def fingerprint(self) -> str:
        """Returns the SHA-256 of the names, shapes, types and bytes of its weights as they were loaded."""
        if self._fingerprint is None:
            self._fingerprint = _fingerprint(self.state_dict())
        return self._fingerprint

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # Every move to a device or type comes through here: the fingerprint is that of the weights before any.
        self.fingerprint()
        moved: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return moved

    def _grid(self) -> Tensor:
        """Returns the positional encoding (1, C, h, w) of the embedding's pixel centres."""
        _, height, width = self.embedding_shape
        y = (torch.arange(height, dtype=torch.float32) + 0.5) / height
        x = (torch.arange(width, dtype=torch.float32) + 0.5) / width
        centres = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)
        encoding: Tensor = self.prompt_encoder.get_submodule("shared_embedding")(centres)
        return encoding.permute(2, 0, 1)[None].contiguous()


def _fingerprint(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
