"""The tables of predicted clips: a row a frame in a file a clip, and a row a clip."""

from __future__ import annotations

from dataclasses import dataclass

from autosam.inference.rows import Table


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A line of frames/CLIP.csv.

    Attributes:
        frame: the frame's place in the clip, from 0.
        time: seconds, as the clip tells it; empty where it does not.
        name: of the frame's mask, without its suffix.
        area_share: share of the frame that is foreground, 0..1.
        parts: number of 8-connected components.
        confidence: see `Prediction.confidence`.
        seconds: time of the prediction.
        error: why there is no mask; empty where there is one.
    """

    frame: int
    time: float | None
    name: str
    area_share: float | None = None
    parts: int | None = None
    confidence: float | None = None
    seconds: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ClipRow:
    """A line of clips.csv.

    Attributes:
        file: the video, or the folder of frames.
        id: the clip's name in the output folder.
        frames: how many it has, as far as it could be read.
        failed: how many of them have no mask.
        width: of the first frame, in pixels.
        height: of the first frame, in pixels.
        rate: frames a second; empty where the clip does not say.
        error: what of the clip could not be read.
    """

    file: str
    id: str
    frames: int = 0
    failed: int = 0
    width: int | None = None
    height: int | None = None
    rate: float | None = None
    error: str = ""


FRAMES = Table(FrameRow)
CLIPS = Table(ClipRow)
