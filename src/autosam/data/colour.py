"""Brightness, contrast, saturation and hue of an RGB picture, as torchvision's adjust functions define them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_GRAY = np.array([0.2989, 0.587, 0.114], np.float32)
_BLOCK = 1 << 14


def jitter(
    image: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_],
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
) -> npt.NDArray[np.uint8]:
    """Returns the image (H, W, 3) under the four changes in this order; itself where there is none.

    Every change clamps to 0..255 and rounding comes once, at the end. The mean that contrast turns about is that of the
    valid pixels; those that are not valid must be black and stay so.
    """
    if (brightness, contrast, saturation, hue) == (1, 1, 1, 0):
        return image
    curve = _curve(image, valid, brightness, contrast)
    flat, inside = image.reshape(-1, 3), valid.ravel().view(np.uint8)
    out = np.empty_like(flat)
    # Blocks that stay in the processor's cache make this several times faster than whole-image passes.
    for start in range(0, len(flat), _BLOCK):
        rgb = curve[flat[start : start + _BLOCK].T]
        if saturation != 1:
            gray = _GRAY[0] * rgb[0] + _GRAY[1] * rgb[1] + _GRAY[2] * rgb[2]
            rgb *= np.float32(saturation)
            rgb += gray * np.float32(1 - saturation)
            np.clip(rgb, 0, 255, out=rgb)
        if hue:
            rgb = _shifted(rgb, np.float32(hue % 1 * 6))
        rgb += np.float32(0.5)
        block = rgb.astype(np.uint8)
        block *= inside[start : start + _BLOCK]
        out[start : start + _BLOCK] = block.T
    return out.reshape(image.shape)


def _curve(
    image: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_], brightness: float, contrast: float
) -> npt.NDArray[np.float32]:
    """Returns what brightness and contrast make of the values 0..255: both look at one channel's value alone."""
    curve = np.clip(np.arange(256) * brightness, 0, 255)
    if contrast != 1 and valid.any():
        counts = np.stack([np.bincount(image[:, :, channel].ravel(), minlength=256) for channel in range(3)])
        inside = np.count_nonzero(valid)
        counts[:, 0] -= valid.size - inside
        mean = float(_GRAY.astype(np.float64) @ (counts @ curve)) / inside
        curve = np.clip(contrast * curve + (1 - contrast) * mean, 0, 255)
    return np.asarray(curve, np.float32)


def _shifted(rgb: npt.NDArray[np.float32], sixths: np.float32) -> npt.NDArray[np.float32]:
    """Turns the hue of (3, N) by `sixths` of a circle, 0 to 6, keeping value and chroma (HSV)."""
    red, green, blue = rgb
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    # Masks as numbers: an arithmetic choice is several times faster than a branch a pixel.
    is_red = (value == red).astype(np.float32)
    is_green = (value == green).astype(np.float32) * (1 - is_red)
    is_blue = 1 - is_red - is_green
    hue = is_red * (green - blue) + is_green * (blue - red) + is_blue * (red - green)
    hue /= np.maximum(chroma, np.float32(1e-6))
    hue += is_green * np.float32(2) + is_blue * np.float32(4) + sixths
    out = np.empty_like(rgb)
    for channel, offset in enumerate((5, 3, 1)):
        k = hue + np.float32(offset)
        k -= np.floor(k * np.float32(1 / 6)) * np.float32(6)
        np.minimum(k, np.float32(4) - k, out=k)
        np.clip(k, 0, 1, out=k)
        k *= chroma
        np.subtract(value, k, out=out[channel])
    return out
