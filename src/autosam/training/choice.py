"""What is trained on, what is validated on, and in how many views: chosen by the time and the disk."""

from __future__ import annotations

from collections.abc import Callable

from autosam.core.progress import Progress
from autosam.training.cached import NOTHING, look_into_cache
from autosam.training.cases import Cases
from autosam.training.encoding import Encoding
from autosam.training.networks import Networks
from autosam.training.tiling import Tiling, choose_tiling, validation_frames
from autosam.training.views import choose_views, embedding_pace, fitting_frames, fitting_validation, views_on_disk


def choose(
    networks: Networks, cases: Cases, encoding: Encoding, left: Callable[[], float], progress: Progress
) -> tuple[Tiling, Cases, int]:
    """Returns what is trained on, the cases with what is validated on, and the cached views an image; 0 for live.

    Args:
        networks: what is trained, and the choices.
        cases: all of them.
        encoding: of whole images in the views that were asked for.
        left: seconds until the bound of time.
        progress: told where the disk is short.

    Raises:
        DataError: on a mask that cannot be read or used.
    """
    config, sam = networks.config, networks.segmenter.sam
    progress.start("measuring")
    pace = None if config.bound is None else embedding_pace(encoding.examples)
    seen = networks.segmenter.size if sam is None else sam.rule.size
    # One look at the clock for all: the masks that are read for tiles take time, and these must still fit then.
    now = left()
    # What is cached has no part in the tiles: those of a data set would depend on what was trained before.
    tiling = choose_tiling(config, cases, seen, None if encoding.examples.live else fitting_frames(pace, now))
    train, val, most, cached = len(tiling.cases), len(cases.val), config.views, NOTHING
    if sam is not None:
        if pace is not None and most:
            cached = look_into_cache(encoding.on(tiling, most).examples, cases.val, tiling.tile, most, pace)
        val = fitting_validation(pace, now, train=train, val=val, frames=tiling.frames, cached=cached)
    cases = cases.validated_on(val, config.seed)
    counts = {"train": train, "val": validation_frames(cases, tiling.tile)}
    if sam is not None:
        most = views_on_disk(config, room=encoding.cache.room(sam.embedding_shape), **counts)
    if most < config.views:
        progress.say(
            f"warning: the disk of {encoding.cache.folder} has room for {most} of {config.views} views an image; "
            "free some of it, or set AUTOSAM_CACHE to a folder on a larger one"
        )
    return tiling, cases, choose_views(most, pace, now, cached=cached, **counts)
