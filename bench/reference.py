"""The reference code's work, re-stated from its description (docs/method.md): none of its code was read or copied.

What makes it slow is kept: SAM's encoder runs at every step, in float32 with eager attention that writes out a bias for
every pair of positions; the frozen decoder keeps gradients for its own weights; HarDNet-85 is built with the stage of
stride 32 that nothing reads. What it does wrong (docs/method.md) costs no time and is left out. Its encoder is given
the images one by one: a batch at once takes no less time and several times the memory.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from autosam.core.letterbox import Frame
from autosam.models.frozen_sam import FrozenSam
from autosam.models.hardnet import HarDNet
from autosam.models.hardnet_prompt import HarDNetPromptEncoder
from autosam.models.hardnet_variants import STRIDES
from autosam.models.sam_model import Sam
from autosam.models.vit import VisionTransformer
from autosam.training.losses import minmax

LEARNING_RATE = 3e-4
WEIGHT_DECAY = 1e-4
BATCH = 3


def eager_encoder(sam: FrozenSam) -> Callable[[Tensor], Tensor]:
    """Returns transformers' vision encoder with eager attention on the very tensors of `sam`: pixels -> embedding."""
    from transformers.models.sam.configuration_sam import SamVisionConfig
    from transformers.models.sam.modeling_sam import SamVisionEncoder

    ours = cast("VisionTransformer", cast("Sam", sam).image_encoder.get_submodule("encoder"))
    shape = ours.shape
    config = SamVisionConfig(
        image_size=shape.image_size,
        patch_size=shape.patch_size,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        mlp_dim=shape.mlp_dim,
        window_size=shape.window_size,
        global_attn_indexes=list(shape.global_attn_indexes),
        output_channels=shape.prompt_width,
        num_pos_feats=shape.prompt_width // 2,
    )
    config._attn_implementation = "eager"
    with torch.device("meta"):
        encoder = SamVisionEncoder(config)
    encoder.load_state_dict(ours.state_dict(), assign=True)
    encoder.requires_grad_(False)
    encoder.train(False)
    return lambda pixels: encoder(pixels).last_hidden_state


class WholePrompt(nn.Module):
    """HarDNet with all of its stages, and the decoder that reads three of its maps.

    Args:
        g: whose weights it takes; those of the dead stage are drawn.
    """

    def __init__(self, g: HarDNetPromptEncoder) -> None:
        super().__init__()
        self.backbone = HarDNet(g.backbone.name, STRIDES)
        self.backbone.load_state_dict({**self.backbone.state_dict(), **g.backbone.state_dict()})
        self.decoder = copy.deepcopy(g.decoder)
        self.normalise = g.normalise
        self.grid = g.grid

    def forward(self, image: Tensor) -> Tensor:
        """Returns the dense prompt (B, C, h, w) of RGB (B, 3, s, s) in 0..1."""
        maps = self.backbone(self.normalise(image))
        prompt = self.decoder(*maps[1:4])
        return interpolate(prompt, self.grid, mode="bilinear", align_corners=True)


class Reference:
    """The re-stated model and its optimiser.

    Args:
        sam: the SAM, whose tensors the encoder shares and whose decoder is copied.
        g: the prompt encoder, whose weights are copied.
    """

    def __init__(self, sam: FrozenSam, g: HarDNetPromptEncoder) -> None:
        own = cast("Sam", sam)
        self.encode = eager_encoder(sam)
        self.place = own.image_pe
        self.g = WholePrompt(g)
        self.decoder = copy.deepcopy(own.mask_decoder).requires_grad_(True)
        for part in self.decoder.modules():
            config: Any = getattr(part, "config", None)
            if config is not None:
                config._attn_implementation = "eager"
        self.optimiser = torch.optim.Adam(self.g.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def logits(self, image: Tensor, pixels: Tensor) -> Tensor:
        """Returns mask logits (B, 1, 4h, 4w) of RGB (B, 3, s, s) in 0..1 and SAM's pixels (B, 3, S, S)."""
        with torch.no_grad():
            embedding = torch.cat([self.encode(one[None]) for one in pixels])
        made = self.decoder(
            image_embeddings=embedding,
            image_positional_embeddings=self.place,
            sparse_prompt_embeddings=None,
            dense_prompt_embeddings=self.g(image),
            multimask_output=False,
        )
        return cast("Tensor", made[0][:, 0])

    def step(self, image: Tensor, pixels: Tensor, target: Tensor) -> float:
        """Takes one step: encoder, g, decoder, loss, backward, optimiser. Returns the loss."""
        self.g.train()
        logits = self.logits(image, pixels)
        logits = interpolate(logits, target.shape[-2:], mode="bilinear", align_corners=False)
        loss = minmax(logits, target, torch.ones_like(target))
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return loss.item()

    @torch.no_grad()
    def predict(self, frame: Frame, size: int, sam: FrozenSam) -> Tensor:
        """Returns the logits (1, 1, 4h, 4w) of one frame, as for a new image."""
        self.g.eval()
        return self.logits(frame.rgb(size)[None], frame.pixels(sam.rule)[None])
