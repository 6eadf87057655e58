"""What was predicted for one image, at the image's own size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autosam.core.files import write_atomically


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A probability map and what is derived from it.

    Attributes:
        id: the case's name.
        image: (H, W, 3) uint8 RGB, the image predicted.
        probability: (H, W) float32 in 0..1.
        threshold: foreground is where the probability is at least this.
        prompt: (C, h, w) float32, g's dense prompt Z; None where it was not asked for.
        surrogate: (H, W) float32 in 0..1, the surrogate decoder's probability; None where there is none.
        seconds: wall-clock time from the image in memory to the probability.
    """

    id: str
    image: npt.NDArray[np.uint8]
    probability: npt.NDArray[np.float32]
    threshold: float = 0.5
    prompt: npt.NDArray[np.float32] | None = None
    surrogate: npt.NDArray[np.float32] | None = None
    seconds: float = 0.0

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(H, W) bool."""
        return self.probability >= self.threshold

    @property
    def area_share(self) -> float:
        """Share of the image that is foreground, 0..1."""
        return float(self.mask.mean())

    @property
    def parts(self) -> int:
        """Number of 8-connected components of the mask."""
        from scipy.ndimage import label

        return int(label(self.mask, structure=np.ones((3, 3)))[1])

    @property
    def confidence(self) -> float:
        """Mean over the pixels of the probability of the side that each was put on, 0.5..1 at a threshold of 0.5."""
        return float(np.where(self.mask, self.probability, 1 - self.probability).mean())

    def overlay(self) -> npt.NDArray[np.uint8]:
        """Returns the image with the mask's outline drawn over it, (H, W, 3) uint8."""
        from autosam.data.overlay import overlay

        return overlay(self.image, self.mask)

    def save(self, file: str | Path) -> None:
        """Writes the mask as an 8-bit PNG of 0 and 255 at the image's own size."""
        write_image(Path(file), self.mask_image())

    def mask_image(self) -> npt.NDArray[np.uint8]:
        """Returns the mask as (H, W) uint8 of 0 and 255."""
        return self.mask.astype(np.uint8) * 255


def write_image(file: Path, pixels: npt.NDArray[np.generic], *, lasting: bool = True) -> None:
    """Writes (H, W) or (H, W, 3) uint8, or (H, W) uint16, as a PNG, whole or not at all; see `write_atomically`."""
    from PIL import Image

    write_atomically(
        file, lambda stream: Image.fromarray(pixels).save(stream, format="PNG", compress_level=3), lasting=lasting
    )
