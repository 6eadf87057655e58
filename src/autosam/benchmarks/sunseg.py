"""SUN-SEG: polyps in colonoscopy video, two test sets of two halves each."""

from __future__ import annotations

import re
from pathlib import Path

from autosam.benchmarks.benchmark import Benchmark, Copy, Item, Split, Union
from autosam.benchmarks.common_views import STANDARD, reference_code
from autosam.benchmarks.gray_truth import MASKS, read_gray
from autosam.benchmarks.layout import files_by_stem, incomplete, listed, locate, paired, rebuilt
from autosam.benchmarks.official_views import VIDEO
from autosam.core.errors import DataError
from autosam.core.words import counted
from autosam.data.walk import children, natural

PARTS = {
    "easy-seen": ("TestEasyDataset", "Seen"),
    "easy-unseen": ("TestEasyDataset", "Unseen"),
    "hard-seen": ("TestHardDataset", "Seen"),
    "hard-unseen": ("TestHardDataset", "Unseen"),
}

_FRAMES = frozenset({".jpg", ".jpeg", ".png"})
_ORDER = re.compile(r"_a(\d+)_.*?_?image(\d+)$")
_SHORTEST = 3
_CASE = re.compile(r"case\d+")
_SOURCE = (
    "the page of SUN-SEG on GitHub (GewelsJI/VPS, docs/DATA_PREPARATION.md); frames are asked for at sundatabase.org"
)
_LAYOUT = (
    "TrainDataset/{Frame,GT}/case*/ (112 clips), TestEasyDataset/{Seen,Unseen}/{Frame,GT}/case*/ (119 clips) and "
    "TestHardDataset/{Seen,Unseen}/{Frame,GT}/case*/ (54 clips)"
)


def find(root: Path) -> Copy:
    """Reads the training set and both test sets, of which any may be missing, as long as there is a test clip.

    Raises:
        DataError: on half a folder, clips or frames without their other side, and other suffixes.
    """
    train_folder = locate(root, "TrainDataset")
    train = [] if train_folder is None else _items(train_folder, "train", "TrainDataset")
    test: list[Item] = []
    for split, (name, half) in PARTS.items():
        place = locate(root, name)
        if place is None:
            continue
        if not any((place / other).is_dir() for other in ("Seen", "Unseen")):
            raise incomplete(place, "the folders 'Seen' and 'Unseen' are missing", _LAYOUT, _SOURCE)
        if (place / half).is_dir():
            test += _items(place / half, split, f"{name}/{half}")
    if not test:
        raise incomplete(root, "it has no clip in TestEasyDataset or TestHardDataset", _LAYOUT, _SOURCE)
    return Copy(root, tuple(train), tuple(test), rebuilt(root))


def in_order(stems: list[str]) -> list[str]:
    """Returns frames in the order of time: by part and number where all carry them as SUN's do, else naturally."""
    keys = {stem: match for stem in stems if (match := _ORDER.search(stem))}
    if len(keys) == len(stems):
        return sorted(stems, key=lambda stem: (int(keys[stem][1]), int(keys[stem][2]), natural(stem)))
    return sorted(stems, key=natural)


def _items(folder: Path, split: str, prefix: str) -> list[Item]:
    sides = []
    for name in ("Frame", "GT"):
        if not (folder / name).is_dir():
            raise incomplete(folder, f"the folder {name!r} is missing", _LAYOUT, _SOURCE)
        sides.append({clip.name: clip for clip in children(folder / name)[0]})
    frames, truths = sides
    bare, loose = sorted(set(frames) - set(truths)), sorted(set(truths) - set(frames))
    if bare or loose:
        said = [f"{clip} has no GT" for clip in bare] + [f"{clip} has no Frame" for clip in loose]
        raise DataError(
            f"clips without both sides: {listed(said)}",
            file=folder,
            cure="Copy the missing folders too, or take both sides of a clip away (the copy then counts as partial)",
        )
    return [item for clip in sorted(frames, key=natural) for item in _clip(frames[clip], truths[clip], split, prefix)]


def _clip(frames: Path, truths: Path, split: str, prefix: str) -> list[Item]:
    pairs = {
        stem: (frame, truth)
        for stem, frame, truth in paired(
            files_by_stem(frames, _FRAMES, ".jpg"), files_by_stem(truths, MASKS, ".png"), frames, "GT"
        )
    }
    clip = f"{prefix}/{frames.name}"
    case = _CASE.match(frames.name)
    order = in_order(list(pairs))
    if len(order) < _SHORTEST:
        raise DataError(
            f"the clip has {counted(len(order), 'frame')}; the protocol leaves out the first and the last, so that "
            "none is left",
            file=frames,
            cure="Copy the whole clip, or take both its folders away (the copy then counts as partial)",
        )
    return [
        Item(
            f"{clip}/{stem}",
            split,
            *pairs[stem],
            group=case[0] if case else frames.name,
            clip=clip,
        )
        for stem in order
    ]


SUNSEG = Benchmark(
    name="sunseg",
    title="SUN-SEG",
    licence="SUN's own: research and education, on request; not to be passed on",
    citation="Ji et al. Video polyp segmentation: A deep learning perspective. Machine Intelligence Research 19, 2022",
    source=_SOURCE,
    layout=_LAYOUT,
    protocol="S-measure, mean E-measure, weighted F, mean F, max Dice, sensitivity; the first and the last frame of a "
    "clip left out; mean over frames, then over clips",
    train=Split("train", 112, "clips"),
    splits=tuple(Split(name, None, "clips") for name in PARTS),
    unions=(
        Union("easy", ("easy-seen", "easy-unseen"), 119),
        Union("hard", ("hard-seen", "hard-unseen"), 54),
        Union("all", tuple(PARTS)),
    ),
    kind="saliency",
    foreground="> 128",
    image_suffix=".jpg",
    truth_suffix=".png",
    find=find,
    read_truth=read_gray,
    views={view.name: view for view in (STANDARD, VIDEO, reference_code(352))},
    training={"augment": "endoscopy"},
)
