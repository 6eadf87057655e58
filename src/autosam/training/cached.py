"""How much of a training's embeddings the cache holds already: these take no encoder's time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from autosam.data.dataset import Source
from autosam.inference.tiles import frames_of
from autosam.training.examples import Examples

# Of each view, from all over the cases.
LOOKED_AT = 6


@dataclass(frozen=True, slots=True)
class Cached:
    """What the embeddings take, each as a share of what it takes to encode one: 1 for one that the cache lacks.

    Attributes:
        views: mean over the training cases, by view; views beyond these lack all.
        val: mean over the frames that are validated on.
    """

    views: tuple[float, ...] = ()
    val: float = 1.0

    def encodings(self, views: int, *, train: int, val: int) -> float:
        """Returns how many frames are encoded in the time that so many views and validation frames take.

        Args:
            views: views an image.
            train: number of training cases.
            val: number of frames that are validated on.
        """
        return train * (sum(self.views[:views]) + max(0, views - len(self.views))) + val * self.val


NOTHING = Cached()


def look_into_cache(examples: Examples, val: Source, tile: int | None, most: int, pace: float) -> Cached:
    """Returns what the cache holds of some cases from all over a data set.

    Views are made one after another, so that of a view behind one that it lacks it has nothing either.

    Args:
        examples: the training views.
        val: what is validated on.
        tile: side of the tiles of that; None for whole images.
        most: views that are asked for.
        pace: seconds that one frame takes to read, augment and encode.
    """
    embed = examples.embed
    if embed is None or embed.cache is None:
        return NOTHING

    def validated(case: int) -> bool:
        _, _, frame = next(iter(frames_of(val.read(case).rgb(), tile, examples.frame_size)))
        return embed.has(frame)

    def cached(view: int, case: int) -> bool:
        return embed.has(examples.frame((case, view)))

    views: list[float] = []
    for view in range(most):
        share = _share(len(examples.data), partial(cached, view), pace)
        if share == 1:
            break
        views.append(share)
    return Cached(tuple(views), _share(len(val), validated, pace) if views and len(val) else 1.0)


def _share(cases: int, has: Callable[[int], bool], pace: float) -> float:
    """Returns what a frame takes by what is cached of some, as a share of what encoding takes."""
    some = sorted({(2 * turn + 1) * cases // (2 * LOOKED_AT) for turn in range(LOOKED_AT)})
    shares = []
    for case in some:
        started = time.perf_counter()
        found = has(case)
        shares.append(min(1.0, (time.perf_counter() - started) / pace) if found else 1.0)
    return fmean(shares)
