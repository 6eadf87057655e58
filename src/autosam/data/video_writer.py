"""Pictures written as an MP4 that any player shows, at the times of the frames that they were made of."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from autosam.core.errors import ResourceError
from autosam.data.video import pyav

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

RATE = Fraction(25)
"""Frames a second of a clip that does not say."""

LONGEST_SIDE = 4096
"""Pictures are made smaller to this: past it few players decode H.264."""

_TICKS = 65535  # MPEG-4 Part 2 counts no finer
_LONGEST_PAUSE = 3600
_BT709 = 1
_QUALITY = {"libx264": {"preset": "veryfast", "crf": "20"}, "mpeg4": {"qscale": "3"}}


class VideoWriter:
    """An MP4 in a stream: H.264, or MPEG-4 Part 2 where FFmpeg has no encoder for H.264.

    All pictures get the size of the first: even, as both want it (the last row or column is doubled), and at most
    `LONGEST_SIDE`.

    Args:
        stream: seekable and empty; closed by the caller, after `close`.
        file: named in faults.
        rate: frames a second; None for `RATE`.
    """

    def __init__(self, stream: BinaryIO, file: Path, rate: Fraction | None = None) -> None:
        self._av = pyav(file)
        self._file = file
        self._rate = rate or RATE
        whole = self._rate.numerator
        # As many ticks as fit, so that frames of uneven times keep them.
        self._base = Fraction(1, whole * (_TICKS // whole) if whole <= _TICKS else _TICKS)
        self._container = self._av.open(stream, "w", format="mp4")
        self._track: Any = None
        self._origin: float | None = None
        self._last = -1
        self._step = max(1, round(1 / self._rate / self._base))

    def add(self, picture: npt.NDArray[np.uint8], time: float | None = None) -> None:
        """Adds a picture.

        Args:
            picture: (H, W, 3) uint8 RGB.
            time: seconds, growing from one picture to the next; None, or a time that does not grow, for one frame
                later than the last.

        Raises:
            ResourceError: where FFmpeg cannot get the memory that it needs.
        """
        if self._track is None:
            self._track = self._begin(*_even(picture).shape[:2])
        frame = self._frame(picture)
        frame.pts, frame.time_base = self._tick(time), self._base
        self._mux(frame)

    def close(self) -> None:
        """Ends the file; its stream stays open.

        Raises:
            ResourceError: as `add`.
        """
        if self._track is not None:
            self._mux(None)
        self._container.close()

    def _mux(self, frame: VideoFrame | None) -> None:
        try:
            self._container.mux(self._track.encode(frame))
        except MemoryError as fault:
            raise ResourceError(
                "not enough memory to write it", file=self._file, cure="Close other programs"
            ) from fault

    def _begin(self, height: int, width: int) -> Any:
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        name = next(name for name in _QUALITY if name in self._av.codecs_available)
        track = self._container.add_stream(name, rate=self._rate, options=_QUALITY[name])
        track.height, track.width = (max(2, round(side * scale) // 2 * 2) for side in (height, width))
        track.pix_fmt = "yuv420p"
        context = track.codec_context
        context.time_base = self._base
        # Beside the networks there is no core to spare.
        context.thread_count = 1
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1
        return track

    def _frame(self, picture: npt.NDArray[np.uint8]) -> VideoFrame:
        frame = self._av.VideoFrame.from_ndarray(_even(picture), format="rgb24")
        made: VideoFrame = frame.reformat(
            self._track.width, self._track.height, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        return made

    def _tick(self, time: float | None) -> int:
        following = self._last + self._step if self._last >= 0 else 0
        tick = following
        if time is not None:
            self._origin = time if self._origin is None else self._origin
            tick = round(Fraction(time - self._origin) / self._base)
            if not self._last < tick < self._last + _LONGEST_PAUSE / self._base:
                tick = following
        self._last = tick
        return tick


def _even(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(picture)
