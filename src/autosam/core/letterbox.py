"""All geometry: an image's longest side is resized to a square's side, the rest is padded; and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

Scaling = Literal["imagenet", "minmax"]

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class PixelRule:
    """How a SAM wants its pixels.

    Attributes:
        size: side S of the square input, in pixels.
        scaling: "imagenet" subtracts the mean and divides by the standard deviation of ImageNet's 0..255 values (SAM);
            "minmax" maps each image's own minimum and maximum to 0 and 1 (LiteMedSAM).
        pad: value of the padding after scaling.
    """

    size: int
    scaling: Scaling = "imagenet"
    pad: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A square picture ready for the networks.

    Attributes:
        image: (S, S, 3) uint8 RGB, zero where padded.
        valid: (S, S) bool, True where a pixel of the image is.
        mask: (S, S) bool, the truth; None for none.
    """

    image: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_] | None = None

    @property
    def size(self) -> int:
        """Side of the square in pixels."""
        return len(self.image)

    def resized(self, size: int) -> Frame:
        """Returns the frame at another side; itself where the side is the same."""
        if size == self.size:
            return self
        mask = None if self.mask is None else _resize_mask(self.mask, size, size)
        return Frame(_resize_image(self.image, size, size), _resize_mask(self.valid, size, size), mask)

    def pixels(self, rule: PixelRule) -> torch.Tensor:
        """Returns (3, S, S) float32 at `rule.size`, scaled once by the rule, padded with its pad value."""
        frame = self.resized(rule.size)
        pixels = torch.from_numpy(frame.image).permute(2, 0, 1).to(torch.float32)
        valid = torch.from_numpy(frame.valid)
        if rule.scaling == "imagenet":
            mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
            std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
            pixels = (pixels - mean) / std
        elif bool(valid.any()):
            inside = pixels[:, valid]
            low, high = inside.min(), inside.max()
            pixels = (pixels - low) / (high - low).clamp(min=1e-8)
        return torch.where(valid, pixels, torch.tensor(rule.pad)).contiguous()

    def seen(self, size: int, rule: PixelRule | None) -> torch.Tensor:
        """Returns what a segmenter asks for: `pixels(rule)` where it has a rule of its own, else `rgb(size)`."""
        return self.rgb(size) if rule is None else self.pixels(rule)

    def rgb(self, size: int) -> torch.Tensor:
        """Returns (3, size, size) float32 RGB in 0..1, zero where padded: what the prompt encoder g sees."""
        image = self.resized(size).image
        return torch.from_numpy(image).permute(2, 0, 1).to(torch.float32).div(255).contiguous()


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Resize of the longest side to `size`, and padding at the right and the bottom.

    Attributes:
        size: side S of the square, in pixels.
        height: height of the image, in pixels.
        width: width of the image, in pixels.
    """

    size: int
    height: int
    width: int

    @property
    def inner(self) -> tuple[int, int]:
        """Height and width of the resized image inside the square, at least 1 each."""
        scale = self.size / max(self.height, self.width)
        return max(1, int(self.height * scale + 0.5)), max(1, int(self.width * scale + 0.5))

    def frame(self, rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_] | None = None) -> Frame:
        """Returns the square of `rgb` (H, W, 3) uint8 and of `mask` (H, W) bool.

        The image is resized bilinearly with antialiasing. The mask is resized the same way and cut at one half, so that
        it stays binary and its area is kept.
        """
        if rgb.shape != (self.height, self.width, 3):
            raise ValueError(f"image must have shape ({self.height}, {self.width}, 3), not {rgb.shape}")
        high, wide = self.inner
        image = np.zeros((self.size, self.size, 3), np.uint8)
        image[:high, :wide] = _resize_image(rgb, high, wide)
        valid = np.zeros((self.size, self.size), np.bool_)
        valid[:high, :wide] = True
        square: npt.NDArray[np.bool_] | None = None
        if mask is not None:
            square = np.zeros((self.size, self.size), np.bool_)
            square[:high, :wide] = _resize_mask(mask.astype(np.bool_), high, wide)
        return Frame(image, valid, square)

    def undo(self, logits: torch.Tensor) -> torch.Tensor:
        """Returns the un-padded part of a square map at the image's own size.

        Args:
            logits: (..., h, w) of any resolution, covering the whole square.

        Returns:
            (..., height, width), interpolated bilinearly in one step; padding never reaches it, but for the share of a
            map's pixel that straddles the border.
        """
        rows, columns = (each.to(logits.device, logits.dtype) for each in self.way_back(*logits.shape[-2:]))
        return rows @ logits @ columns.T

    def way_back(self, high: int, wide: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns R (height, high) and C (width, wide), by which `undo` of a (high, wide) map m is R m C^T."""
        inner = self.inner
        rows = _interpolation(high, inner[0] / self.size, self.height)
        return rows, _interpolation(wide, inner[1] / self.size, self.width)

    def way_there(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns R (size, height) and C (size, width), by which an image's map m becomes the square's, R m C^T.

        It is sampled at the centres of the square's pixels: bilinear, without antialiasing, zero where padded.
        """
        rows, columns = torch.zeros(self.size, self.height), torch.zeros(self.size, self.width)
        high, wide = self.inner
        rows[:high], columns[:wide] = _interpolation(self.height, 1, high), _interpolation(self.width, 1, wide)
        return rows, columns

    def to_square(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Returns points (..., 2) given as x, y in the image's pixels, in the square's pixels."""
        high, wide = self.inner
        return np.asarray(points, np.float64) * (wide / self.width, high / self.height)

    def to_image(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Returns points (..., 2) given as x, y in the square's pixels, in the image's pixels."""
        high, wide = self.inner
        return np.asarray(points, np.float64) / (wide / self.width, high / self.height)


def _interpolation(length: int, share: float, out: int) -> torch.Tensor:
    """Returns the (out, length) matrix that samples the first `share` of `length` pixels at `out` pixel centres."""
    inside = length * share
    at = (torch.arange(out, dtype=torch.float64) + 0.5) * (inside / out) - 0.5
    last = max(0, int(np.ceil(inside)) - 1)
    at = at.clamp(0, last)
    low = at.floor().long().clamp(0, last)
    high = (low + 1).clamp(max=last)
    part = (at - low).to(torch.float32)
    matrix = torch.zeros(out, length)
    index = torch.arange(out)
    matrix[index, low] += 1 - part
    matrix[index, high] += part
    return matrix


def _resize_image(image: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    # A copy also of strides: numpy calls a turned row contiguous, torch refuses it.
    planes = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].to(torch.float32)
    planes = interpolate(planes, (height, width), mode="bilinear", align_corners=False, antialias=True)
    return planes[0].permute(1, 2, 0).add_(0.5).clamp_(0, 255).to(torch.uint8).contiguous().numpy()


def _resize_mask(mask: npt.NDArray[np.bool_], height: int, width: int) -> npt.NDArray[np.bool_]:
    if mask.shape == (height, width):
        return mask
    plane = torch.from_numpy(mask.copy())[None, None].to(torch.float32)
    plane = interpolate(plane, (height, width), mode="bilinear", align_corners=False, antialias=True)
    return (plane[0, 0] >= 0.5).numpy()
