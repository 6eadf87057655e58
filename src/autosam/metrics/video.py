"""Scores of frames to scores of clips, and of clips to one number, as SUN-SEG averages them.

Source: Ji et al., Video polyp segmentation: A deep learning perspective, Machine Intelligence Research 2022, and its
evaluation code: the first and the last frame of a clip are left out, frames are averaged within their clip, and clips
count the same whatever their length. The greatest value over thresholds is taken last, of the mean curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autosam.core.words import counted

Values = npt.NDArray[np.float64]


def clip_means(values: npt.ArrayLike, clips: Sequence[str], *, drop_ends: bool = True) -> dict[str, Values]:
    """Returns per clip the mean of its frames, clips in the order of their first frames.

    Args:
        values: (N,) scores or (N, T) curves, the frames of each clip in order of time.
        clips: the N frames' clips.
        drop_ends: whether the first and the last frame of each clip are left out.

    Raises:
        ValueError: where the two differ in number, there is no frame, or nothing is left of a clip.
    """
    scores = np.asarray(values, np.float64)
    if len(scores) != len(clips) or not clips:
        raise ValueError(f"{len(scores)} scores and {len(clips)} clips' names must be as many, and at least one")
    frames: dict[str, list[int]] = {}
    for index, clip in enumerate(clips):
        frames.setdefault(clip, []).append(index)
    if drop_ends:
        short = [clip for clip, indices in frames.items() if len(indices) < 3]
        if short:
            raise ValueError(
                f"the clip {short[0]!r} has {counted(len(frames[short[0]]), 'frame')}; without its ends none is left"
            )
        frames = {clip: indices[1:-1] for clip, indices in frames.items()}
    return {clip: scores[indices].mean(axis=0) for clip, indices in frames.items()}


def video_mean(values: npt.ArrayLike, clips: Sequence[str], *, drop_ends: bool = True) -> Values:
    """Returns the mean over clips of `clip_means`: an array without axes, or (T,) of curves."""
    return np.asarray(np.mean(list(clip_means(values, clips, drop_ends=drop_ends).values()), axis=0))
