"""A clip's frames in order and in time, one at a time: of a video file, or of a folder of frames."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from autosam.core.errors import AutoSAMError, DataError, UsageError
from autosam.core.words import counted
from autosam.data.clips import frame_files, frame_names
from autosam.data.container import container_of, missing_bytes
from autosam.data.header import PIXEL_LIMIT, check_size
from autosam.data.images import read_image

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_PLANES = 1.5
_RATES = (Fraction(1, 100), Fraction(1000))
_SLACK = 1.0
_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d\.\d+)")
_CURE = "It is cut or damaged: copy or export it again"


@dataclass(frozen=True, slots=True, eq=False)
class ClipFrame:
    """One frame of a clip.

    Attributes:
        number: its place in the clip, from 0.
        time: seconds, as the clip tells it; None where it does not.
        name: what its mask is called: the number in six digits, or the name of its own file.
        image: (H, W, 3) uint8 RGB, or as `read_image` gives it; None where it cannot be read.
        file: its own file; None for a frame of a video.
        error: why there is no image.
    """

    number: int
    time: float | None
    name: str
    image: npt.NDArray[np.generic] | None
    file: Path | None = None
    error: str = ""


class Clip(Protocol):
    """Frames in order, read as they are asked for.

    Attributes:
        rate: frames a second; None where the clip does not say.
        count: how many frames it says that it has; None where it does not say.
    """

    rate: Fraction | None
    count: int | None

    def __iter__(self) -> Iterator[ClipFrame]:
        """Yields the frames.

        Raises:
            DataError: after the last frame that could be read, where some of the clip could not.
        """
        ...


@contextlib.contextmanager
def open_clip(path: Path, rate: Fraction | None = None) -> Iterator[Clip]:
    """Opens a video file, told by its content, or a folder whose images are frames in natural order.

    Args:
        path: the file or folder; of a folder only the images right in it are frames.
        rate: frames a second of a folder, which has no time of its own; no say in a video's.

    Raises:
        DataError: where it is missing, no video, cut before its first frame, or has frames too large to decode; or the
            folder holds no image.
        UsageError: for a video where PyAV is not installed.
    """
    if path.is_dir():
        yield Folder(path, rate)
        return
    container = container_of(path)
    av = pyav(path)
    lost = missing_bytes(path, container)
    # A stream, not a name: FFmpeg takes some names for addresses and for lists of other files.
    with path.open("rb") as stream:
        try:
            opened = av.open(stream, "r", format=container, options={"max_pixels": str(PIXEL_LIMIT)})
        except (av.FFmpegError, ValueError) as fault:
            said = f"{lost} of its bytes are missing at the end" if lost else _reason(fault)
            raise DataError(f"no frame can be decoded ({said})", file=path, cure=_CURE) from fault
        with opened:
            yield Video(path, opened, lost)


def frame_rate(rate: float | None) -> Fraction | None:
    """Returns a rate that was given by hand, as near as a clip can have it; None for none.

    Raises:
        UsageError: for one outside 0.01 to 1000 frames a second.
    """
    if rate is None:
        return None
    if not _RATES[0] <= rate <= _RATES[1]:
        raise UsageError(f"a frame rate of {rate} cannot be", cure="Give 0.01 to 1000 frames a second")
    return Fraction(rate).limit_denominator(1001)


class Folder:
    """The images right in a folder, as frames."""

    def __init__(self, folder: Path, rate: Fraction | None = None) -> None:
        self._files = frame_files(folder)
        if not self._files:
            raise DataError("there is no frame in this folder", file=folder, cure="Give a folder of images, or a video")
        self.rate = rate
        self.count: int | None = len(self._files)

    def __iter__(self) -> Iterator[ClipFrame]:
        """See `Clip`; a frame that cannot be read is given with its fault, in its place."""
        for number, (name, file) in enumerate(zip(frame_names(self._files), self._files, strict=True)):
            time = None if self.rate is None else float(number / self.rate)
            try:
                yield ClipFrame(number, time, name, read_image(file), file)
            except (AutoSAMError, OSError) as fault:
                said = fault.message if isinstance(fault, AutoSAMError) else f"{file}: {fault.strerror or fault}"
                yield ClipFrame(number, time, name, None, file, said)


class Video:
    """The frames of an open video, turned upright as the file says."""

    def __init__(self, path: Path, container: InputContainer, lost: int) -> None:
        stream = cast("VideoStream | None", container.streams.best("video"))
        if stream is None:
            raise DataError("it holds no video", file=path, cure="Give a file with pictures in it")
        self._path, self._container, self._lost, self._end = path, container, lost, 0.0
        self._stream = stream
        self._check(stream.height, stream.width)
        # Matroska counts how long it lasts from 0, others from their first frame.
        self._began = 0 if "matroska" in container.format.name else stream.start_time or 0
        rate = self._stream.average_rate
        self.rate = rate if rate is not None and _RATES[0] <= rate <= _RATES[1] else None
        self.count: int | None = stream.frames or None

    def __iter__(self) -> Iterator[ClipFrame]:
        """See `Clip`; a frame that the decoder could only patch up is given with its fault, in its place."""
        number, bad, told = 0, 0, ""
        for frame in self._decoded():
            if isinstance(frame, str):
                bad, told = bad + 1, told or frame
                continue
            yield self._frame(number, frame)
            number += 1
        said = [f"{self._lost} of its bytes are missing at the end"] if self._lost else []
        said += [f"{bad} of its packets cannot be decoded ({told})"] if bad else []
        # A packet need not say how long its frame is shown.
        slack = _SLACK if self.rate is None else _SLACK + float(1 / self.rate)
        if not said and self._end + slack < (length := self._length()):
            said = [f"it should last {length:.1f} s, and its frames end at {self._end:.1f} s"]
        if number == 0:
            said = [f"no frame can be decoded ({', '.join(said) or 'it holds none'})"]
        elif said:
            said.append(f"{counted(number, 'frame was', 'frames were')} decoded")
        if said:
            raise DataError("; ".join(said), file=self._path, cure=_CURE)

    def _decoded(self) -> Iterator[VideoFrame | str]:
        """Yields frames, and the fault of each packet that gives none."""
        av = pyav(self._path)
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, ValueError) as fault:
                yield _reason(fault)
                return
            if packet is None:
                return
            if packet.is_corrupt:
                yield "cut short"
                continue
            if packet.pts is not None and packet.time_base is not None:
                last = packet.pts + (packet.duration or 0) - self._began
                self._end = max(self._end, float(last * packet.time_base))
            try:
                yield from packet.decode()
            except (av.FFmpegError, ValueError) as fault:
                yield _reason(fault)

    def _frame(self, number: int, frame: VideoFrame) -> ClipFrame:
        time = None if frame.time is None else float(frame.time)
        name = f"{number:06d}"
        if frame.is_corrupt:
            fault = f"{self._path}: frame {number} is damaged; what the decoder made up for it is not segmented"
            return ClipFrame(number, time, name, None, error=fault)
        self._check(frame.height, frame.width)
        pixels = frame.to_ndarray(format="rgb24")
        turns, askew = divmod(frame.rotation, 90)
        if askew:
            fault = f"{self._path}: frame {number} is to be turned by {frame.rotation} degrees, not a quarter"
            return ClipFrame(number, time, name, None, error=fault)
        return ClipFrame(number, time, name, np.ascontiguousarray(np.rot90(pixels, turns)))

    def _length(self) -> float:
        """Returns the seconds that the file says the video lasts; 0 where it says none, or none of the video alone."""
        told = _CLOCK.fullmatch(self._stream.metadata.get("DURATION", ""))
        if told is not None:
            return 3600 * int(told[1]) + 60 * int(told[2]) + float(told[3])
        return (self._container.duration or 0) / 1e6 if len(self._container.streams) == 1 else 0.0

    def _check(self, height: int, width: int) -> None:
        # A decoder that saw no picture yet may not know the size; max_pixels bounds it then.
        if height and width:
            check_size(self._path, height, width, _PLANES)


def pyav(path: Path) -> Any:
    """Returns the module av.

    Raises:
        UsageError: where it is not installed.
    """
    try:
        import av
    except ImportError:
        raise UsageError(
            "reading and writing video needs PyAV", file=path, cure="Install it: pip install 'autosam[video]'"
        ) from None
    return av


def _reason(fault: BaseException) -> str:
    return str(getattr(fault, "strerror", None) or fault).splitlines()[0]
