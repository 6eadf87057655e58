"""How many views of an image there is time to encode."""

from __future__ import annotations

import time

import torch

from autosam.core.ahead import ahead
from autosam.core.words import counted
from autosam.training.cached import NOTHING, Cached
from autosam.training.config import TrainConfig
from autosam.training.examples import Examples
from autosam.training.pictures import PREVIEWED

# What a measured pace may worsen by.
MARGIN = 0.9
# Half of a long time: on GlaS in 20 minutes two thirds (5 views, 465 steps) validated at .901, a half (3 views, 667
# steps) at .907. In a short time the steps are what is missing: in 4 minutes on GlaS 1 view and 335 steps validated at
# .931, 2 and 210 at .924, 3 and 179 at .920; on two other parts of it 3 views and 1 validated alike.
EMBEDDING_SHARE = 0.5
SHORT_EMBEDDING_SHARE = 0.25
# Tiles may have more of a short time than a second view may: they show what a whole image hides.
SHORT_TILE_SHARE = 0.4
# Of a time of any length. Without a first view every step encodes its own images, which takes longer than the step. The
# share is reckoned from the pace of the two, and no measured optimum.
FIRST_VIEW_SHARE = 0.6
SHORT_SECONDS = 600.0
# What validation may have of the time for embeddings where that is too short for one of every image.
VALIDATION_PART = 0.25


def views_in_words(views: int) -> str:
    """Returns how many views an image has, for a person; 0 is live."""
    return "live views" if views == 0 else counted(views, "view")


def embedding_seconds(left: float, short: float = SHORT_EMBEDDING_SHARE) -> float:
    """Returns the seconds that embeddings may take of those that are left; `short` is their share of a short time."""
    return (short if left < SHORT_SECONDS else EMBEDDING_SHARE) * MARGIN * left


def embedding_pace(examples: Examples) -> float:
    """Returns the seconds that one view takes to read, augment and encode, measured on the first images.

    As many are worked on at a time as when the cache is filled.
    """
    workers, count, times = examples.workers, len(examples.data), []

    def make(case: int) -> None:
        frame = examples.frame((case % count, 0))
        if examples.embed is not None:
            # A GPU is waited for, as it is where embeddings are kept.
            examples.embed.encode(frame.pixels(examples.embed.encode.rule)[None]).to("cpu", torch.float16)

    for turn in range(min(max(3, 4 // workers), count)):
        started = time.perf_counter()
        for _ in ahead(make, range(turn * workers, (turn + 1) * workers), workers=workers, alone=True):
            pass
        times.append((time.perf_counter() - started) / workers)
    # The first ones pay for allocations and cold files.
    return min(times)


def first_view_seconds(left: float) -> float:
    """Returns the seconds of those that are left that one embedding of every image may take, with nothing cached."""
    return FIRST_VIEW_SHARE * MARGIN * left


def fitting_frames(pace: float | None, left: float) -> int | None:
    """Returns how many tiles there is time to encode before the steps; None where there is no bound.

    Args:
        pace: seconds a frame; None where there is no bound of time.
        left: seconds until the bound.
    """
    return None if pace is None else int(embedding_seconds(left, SHORT_TILE_SHARE) / pace)


def fitting_validation(
    pace: float | None, left: float, *, train: int, val: int, frames: int, cached: Cached = NOTHING
) -> int:
    """Returns on how many of the validation cases there is time to validate.

    All of them, where one view of each training case fits the time beside them; else as many as fit a part of it, and
    no fewer than a preview looks at.

    Args:
        pace: seconds a frame; None where there is no bound of time.
        left: seconds until the bound.
        train: number of training cases.
        val: number of validation cases.
        frames: how many frames these make.
        cached: what the cache holds of all these.
    """
    if pace is None or cached.encodings(1, train=train, val=frames) * pace <= first_view_seconds(left):
        return val
    part = VALIDATION_PART * embedding_seconds(left) / (cached.encodings(0, train=train, val=frames) * pace)
    return min(val, max(PREVIEWED, int(part * val)))


def views_on_disk(config: TrainConfig, *, train: int, val: int, room: int) -> int:
    """Returns as many of the views asked for as the cache's disk has room for, and no fewer than one of each image.

    Args:
        config: the choices.
        train: number of training cases.
        val: number of validation cases.
        room: embeddings that the disk has room for.
    """
    return min(config.views, max(1, (room - val) // train))


def choose_views(most: int, pace: float | None, left: float, *, train: int, val: int, cached: Cached = NOTHING) -> int:
    """Returns the number of cached views an image: `most`, or less where time is short; 0 for live.

    It is 0 where not even one view of each case fits: a step then encodes its own images, and no others.

    Args:
        most: what was asked for and has room; 0 for live.
        pace: seconds a view; None where there is no bound of time.
        left: seconds until the bound.
        train: number of training cases.
        val: number of frames that are validated on.
        cached: what the cache holds of all these.
    """
    if most == 0 or pace is None:
        return most
    seconds = [pace * cached.encodings(views, train=train, val=val) for views in range(1, most + 1)]
    first = seconds[0] <= first_view_seconds(left)
    return max(int(first), sum(each <= embedding_seconds(left) for each in seconds))
