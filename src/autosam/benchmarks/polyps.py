"""Polyps in colonoscopy images, in the split of PraNet: two sets to train on, five to test on."""

from __future__ import annotations

from pathlib import Path

from autosam.benchmarks.benchmark import Benchmark, Copy, Item, Split, Union
from autosam.benchmarks.common_views import STANDARD, reference_code
from autosam.benchmarks.gray_truth import MASKS, read_gray
from autosam.benchmarks.layout import files_by_stem, incomplete, listed, locate, paired, rebuilt
from autosam.benchmarks.official_views import STILLS
from autosam.core.errors import DataError
from autosam.data.walk import children

SETS = {"Kvasir": 100, "CVC-ClinicDB": 62, "CVC-ColonDB": 380, "ETIS-LaribPolypDB": 196, "CVC-300": 60}

_IMAGE_FOLDERS = ("image", "images")
_MASK_FOLDERS = ("mask", "masks")
_SOURCE = "the page of PraNet on GitHub (DengPingFan/PraNet), whose README links TrainDataset and TestDataset"
_LAYOUT = (
    "TrainDataset/image and TrainDataset/mask (1450), and TestDataset/NAME/images with TestDataset/NAME/masks for "
    + ", ".join(f"{name} ({count})" for name, count in SETS.items())
)


def find(root: Path) -> Copy:
    """Reads TrainDataset and TestDataset; the former, or some of the test sets, may be missing.

    Raises:
        DataError: on half a folder, unpaired names, other suffixes, or a test set that is none of the five.
    """
    train_folder, test_folder = locate(root, "TrainDataset"), locate(root, "TestDataset")
    train = [] if train_folder is None else _items(train_folder, "train", "train")
    if test_folder is None:
        raise incomplete(root, "the folder 'TestDataset' is missing", _LAYOUT, _SOURCE)
    folders = {folder.name: folder for folder in children(test_folder)[0]}
    others = [name for name in folders if name not in SETS]
    if others:
        raise DataError(
            f"{listed(others)} is no test set of this benchmark",
            file=test_folder,
            cure=f"Take it away, or give it its official name: {', '.join(SETS)}",
        )
    test = [item for name in SETS if name in folders for item in _items(folders[name], name, name)]
    if not test:
        raise incomplete(test_folder, "it has no test image", _LAYOUT, _SOURCE)
    return Copy(root, tuple(train), tuple(test), rebuilt(root))


def _items(folder: Path, split: str, prefix: str) -> list[Item]:
    images, masks = (_side(folder, names, split) for names in (_IMAGE_FOLDERS, _MASK_FOLDERS))
    return [Item(f"{prefix}/{stem}", split, image, mask) for stem, image, mask in paired(images, masks, folder, "mask")]


def _side(folder: Path, names: tuple[str, str], split: str) -> dict[str, Path]:
    there = [folder / name for name in names if (folder / name).is_dir()]
    if not there:
        raise incomplete(folder, f"the folder {names[split != 'train']!r} is missing", _LAYOUT, _SOURCE)
    return files_by_stem(there[0], MASKS, ".png")


POLYPS = Benchmark(
    name="polyps",
    title="Polyps (PraNet's split)",
    licence="research use; see each of the five sets",
    citation="Fan et al. PraNet: Parallel reverse attention network for polyp segmentation. MICCAI 2020",
    source=_SOURCE,
    layout=_LAYOUT,
    protocol="truth above 128; prediction stretched from its minimum and maximum; mDice and mIoU are means over 256 "
    "thresholds, maxDice beside; S-measure, weighted F, mean and max E-measure, MAE; each set apart",
    train=Split("train", 1450),
    splits=tuple(Split(name, count) for name, count in SETS.items()),
    unions=(Union("all", tuple(SETS)),),
    kind="saliency",
    foreground="> 128",
    image_suffix=".png",
    truth_suffix=".png",
    find=find,
    read_truth=read_gray,
    views={view.name: view for view in (STANDARD, STILLS, reference_code(352))},
    training={"augment": "endoscopy"},
)
