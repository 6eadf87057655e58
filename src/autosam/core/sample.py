"""One image with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autosam.core.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image, an optional mask, and their names.

    Attributes:
        id: the case's name: its path below the data folder without extension, "/" between folders.
        image: (H, W, 3) uint8 RGB, or (H, W) of any integer or float type.
        mask: (H, W), boolean once the foreground rule was applied, an integer label map before; None for none.
        spacing: millimetres per pixel as (row, column); None where unknown.
        group: what must not straddle a split (patient, clip, slide); None where unknown.
        file: where the image was read from; None for one made in memory.

    Raises:
        DataError: on any other shape or type, on an empty image, on NaN or infinity, on a mask of another size.
    """

    id: str
    image: npt.NDArray[np.generic]
    mask: npt.NDArray[np.generic] | None = None
    spacing: tuple[float, float] | None = None
    group: str | None = None
    file: Path | None = None

    def __post_init__(self) -> None:
        image, where = self.image, self.file or self.id
        colour = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
        gray = image.ndim == 2 and image.dtype.kind in "buif"
        if not (colour or gray):
            raise DataError(f"an image must be (H, W, 3) uint8 or (H, W), not {image.shape} {image.dtype}", file=where)
        if image.size == 0:
            raise DataError("the image has no pixels", file=where)
        if image.dtype.kind == "f" and not _is_finite(image):
            raise DataError(
                "the image holds NaN or infinite values",
                file=where,
                cure="Replace them (numpy.nan_to_num) and save it again",
            )
        if self.mask is not None and self.mask.shape != image.shape[:2]:
            raise DataError(
                f"the mask is {self.mask.shape[1]} x {self.mask.shape[0]} pixels, its image "
                f"{image.shape[1]} x {image.shape[0]}",
                file=where,
                cure="Save both at the same size; nothing is resized silently",
            )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]

    def rgb(self) -> npt.NDArray[np.uint8]:
        """Returns the image as (H, W, 3) uint8.

        A colour or 8-bit gray image as it is; any other depth is stretched from its own minimum and maximum to 0..255
        (a constant one becomes black), since its range is not known to the frozen SAM.
        """
        image = self.image
        if image.ndim == 3:
            return image.astype(np.uint8, copy=False)
        if image.dtype != np.uint8:
            wide = image.astype(np.float64)
            low, high = float(wide.min()), float(wide.max())
            if not np.isfinite(high - low):
                wide, low, high = wide / 2, low / 2, high / 2
            scaled = (wide - low) / (high - low) if high > low else np.zeros_like(wide)
            image = np.rint(scaled * 255).astype(np.uint8)
        return np.repeat(image[:, :, None], 3, axis=2).astype(np.uint8, copy=False)

    def with_mask(self, mask: npt.NDArray[np.generic] | None) -> Sample:
        """Returns this sample with `mask` in place of its own."""
        return replace(self, mask=mask)


def _is_finite(image: npt.NDArray[np.generic]) -> bool:
    """Says whether all values are finite as float64, in which the image is stretched."""
    if image.dtype.itemsize > np.dtype(np.float64).itemsize:
        with np.errstate(over="ignore"):
            image = image.astype(np.float64)
    return bool(np.isfinite(image).all())
