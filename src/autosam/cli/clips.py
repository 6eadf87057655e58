"""What `autosam predict` does with clips."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autosam.core.words import counted

if TYPE_CHECKING:
    from autosam.core.progress import Progress
    from autosam.inference.model import Model


def of_clips(inputs: Sequence[Path], *, clip: bool, temporal: float | None, fps: float | None) -> bool:
    """Says whether the inputs are clips, not images; before any model is loaded.

    Raises:
        UsageError: where they are both, or a flag of clips stands beside images.
    """
    from autosam.core.errors import UsageError
    from autosam.data.container import is_clip

    videos = [one for one in inputs if is_clip(one) and not one.is_dir()]
    if clip or (videos and len(videos) == len(inputs)):
        return True
    if videos:
        other = next(one for one in inputs if one not in videos)
        raise UsageError(
            f"{other} is no video, and {videos[0]} is one: images and clips are not predicted together",
            cure="Give them in separate runs; --clip takes a folder of frames as a clip",
        )
    if temporal is not None or fps is not None:
        flag = "--temporal" if temporal is not None else "--fps"
        raise UsageError(f"{flag} is of clips", cure="Add --clip to take folders of frames as clips, or leave it out")
    return False


def predict_and_tell(
    model: Model,
    inputs: Sequence[Path],
    out: Path,
    *,
    temporal: float,
    rate: float | None,
    probabilities: bool,
    resume: bool,
    progress: Progress,
    json: bool,
) -> None:
    """Predicts clips and prints how it went.

    Raises:
        PartialFailure: where a clip or a frame failed.
    """
    from autosam.core.errors import PartialFailure
    from autosam.inference.clip_writer import predict_clips

    rows = predict_clips(
        model, inputs, out, temporal=temporal, rate=rate, probabilities=probabilities, resume=resume, progress=progress
    )
    frames, failed = sum(row.frames for row in rows), sum(row.failed for row in rows)
    broken = [row.file for row in rows if row.error]
    if json:
        result = {"out": str(out), "clips": len(rows), "frames": frames, "failed_frames": failed, "failed": broken}
        print(json_format.dumps(result))
    else:
        print(f"{out}: {frames - failed} of {counted(frames, 'frame')} of {counted(len(rows), 'clip')} segmented")
    if broken or failed:
        raise PartialFailure(
            f"{len(broken)} of {counted(len(rows), 'clip')} could not be read whole, and "
            f"{counted(failed, 'frame has', 'frames have')} no mask; clips.csv and frames/ list them",
            file=out,
        )
