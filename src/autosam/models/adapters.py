"""Small nets in frozen blocks: the adapters of Medical SAM Adapter (Wu et al., arXiv 2304.12620), from the paper."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import relu

BOTTLENECK = 4
SCALE = 0.5


class Adapter(nn.Module):
    """Down-projection, ReLU, up-projection.

    The up-projection starts at zero, so that training starts at the frozen model's own behaviour.

    Args:
        width: channels C.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, max(1, width // BOTTLENECK))
        self.up = nn.Linear(max(1, width // BOTTLENECK), width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Returns what the adapter makes of `x` (..., C), to be added to it or to something beside it."""
        return self.up(relu(self.down(x)))  # type: ignore[no-any-return]


class BlockAdapters(nn.Module):
    """The two of an encoder's block: behind its attention, before the residual sum; and beside its MLP, scaled.

    Args:
        width: channels C of the block.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = Adapter(width)
        self.mlp = Adapter(width)

    def attended(self, x: Tensor) -> Tensor:
        """Returns, for the attention's output (..., C), what is added to the block's input in its place."""
        return x + self.attention(x)  # type: ignore[no-any-return]

    def beside_mlp(self, x: Tensor) -> Tensor:
        """Returns what is added to the output (..., C) of the MLP of `x`."""
        return SCALE * self.mlp(x)  # type: ignore[no-any-return]


class DecoderAdapters(nn.Module):
    """The three of a decoder's block, as `quick_decoder.Insertions`.

    The first sits behind the tokens' attention to the image, the second beside the MLP, scaled, the third behind the
    image's attention to the tokens, after its residual sum. The paper's first one is also told of the user's prompt;
    here there is none.

    Args:
        width: channels C of the decoder.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_image = Adapter(width)
        self.mlp = Adapter(width)
        self.to_tokens = Adapter(width)

    def gathered(self, tokens: Tensor) -> Tensor:
        """See `Insertions`."""
        return tokens + self.to_image(tokens)  # type: ignore[no-any-return]

    def beside_mlp(self, tokens: Tensor) -> Tensor:
        """See `Insertions`."""
        return SCALE * self.mlp(tokens)  # type: ignore[no-any-return]

    def returned(self, x: Tensor) -> Tensor:
        """See `Insertions`."""
        return x + self.to_tokens(x)  # type: ignore[no-any-return]
