"""What one clip leaves in an output folder, and what of it an earlier prediction left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from autosam.core.files import last_change
from autosam.data.clips import frame_files, frame_names
from autosam.data.images import read_mask
from autosam.data.video import ClipFrame
from autosam.inference.clip_table import FRAMES, ClipRow, FrameRow
from autosam.inference.prediction import Prediction, write_image


class ClipFolder:
    """The places of one clip's masks, tables and overlay.

    Args:
        out: the output folder.
        name: the clip's id.
        file: the video, or the folder of frames.
        probabilities: whether they are written too.

    Attributes:
        overlay: the overlay video.
    """

    def __init__(self, out: Path, name: str, file: Path, probabilities: bool) -> None:
        self._out, self._probabilities = out, probabilities
        self.name, self.file = name, file
        self.overlay = out / "overlays" / f"{name}.mp4"
        self._table = out / "frames" / f"{name}.csv"
        self._known: dict[int, FrameRow] = {}

    def whole(self, row: ClipRow) -> bool:
        """Says whether nothing is left to do for a clip that an earlier prediction ended with this row."""
        if row.error or row.failed or not self.overlay.exists():
            return False
        sources = frame_files(self.file) if self.file.is_dir() else [self.file]
        rows = FRAMES.read(self._table)
        if self.file.is_dir() and frame_names(sources) != [known.name for known in rows]:
            return False
        made = self.overlay.stat().st_mtime
        return (
            len(rows) == row.frames
            and all(path.exists() for known in rows for path in self._files(known.name))
            and all(made >= last_change(source) for source in sources)
        )

    def begin(self, *, anew: bool) -> None:
        """Begins a table of frames, or goes on with the one that is there."""
        self._known = {} if anew else {row.frame: row for row in FRAMES.read(self._table)}
        FRAMES.write(self._table, list(self._known.values()))

    def add(self, row: FrameRow) -> None:
        """Adds a row, once the frame's files are written."""
        if self._known.get(row.frame) is not row:
            FRAMES.append(self._table, row)

    def end(self, frames: int) -> None:
        """Puts the rows of so many frames in order, where some were of an earlier prediction."""
        if self._known:
            rows = {row.frame: row for row in FRAMES.read(self._table)}
            FRAMES.write(self._table, [rows[number] for number in sorted(rows) if number < frames])

    def known(self, frame: ClipFrame) -> FrameRow | None:
        """Returns the row that an earlier prediction made of a frame, all its files there and newer than the frame."""
        row = self._known.get(frame.number)
        if row is None or row.error or row.name != frame.name:
            return None
        files = self._files(frame.name)
        source = last_change(frame.file or self.file)
        return row if all(file.exists() and file.stat().st_mtime >= source for file in files) else None

    def mask(self, frame: ClipFrame) -> npt.NDArray[np.bool_]:
        """Returns the mask (H, W) that was written for a frame."""
        return read_mask(self._files(frame.name)[0]) > 0

    def save(self, frame: ClipFrame, prediction: Prediction) -> FrameRow:
        """Writes a frame's mask and, where asked for, its probability; returns its row."""
        files = self._files(frame.name)
        prediction.save(files[0])
        for file in files[1:]:
            write_image(file, np.rint(prediction.probability * 65535).astype(np.uint16))
        return FrameRow(
            frame=frame.number,
            time=seconds(frame),
            name=frame.name,
            area_share=round(prediction.area_share, 6),
            parts=prediction.parts,
            confidence=round(prediction.confidence, 4),
            seconds=round(prediction.seconds, 3),
        )

    def _files(self, name: str) -> list[Path]:
        kinds = ("masks", "probabilities") if self._probabilities else ("masks",)
        return [self._out / kind / self.name / f"{name}.png" for kind in kinds]


def seconds(frame: ClipFrame) -> float | None:
    """Returns a frame's time as tables hold it, to the microsecond."""
    return None if frame.time is None else round(frame.time, 6)
