"""Official folders read as they are, and an answer for each way in which a copy can be wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from autosam.core.errors import DataError
from autosam.data.walk import children, natural

REBUILT = "REBUILT.txt"
"""A file that says, in its first line, that a layout was put together from something else than the official files."""

_DEPTH = 2
_LISTED = 6


def locate(root: Path, *inside: str) -> Path | None:
    """Returns the folder `inside` of `root`, or of a folder up to two levels below it, where archives unpack to.

    Raises:
        DataError: where `root` is no folder, or several such folders are there.
    """
    if not root.is_dir():
        raise DataError("there is no such folder", file=root, cure="Give --data the folder of the benchmark")
    level = [root]
    for _ in range(_DEPTH + 1):
        found = [place for folder in level if (place := folder.joinpath(*inside)).is_dir()]
        if len(found) > 1:
            raise DataError(
                f"{'/'.join(inside)} is there {len(found)} times: {listed(str(p) for p in found)}",
                file=root,
                cure="Give --data the folder that holds one of them",
            )
        if found:
            return found[0]
        level = [child for folder in level for child in children(folder)[0]]
    return None


def incomplete(root: Path, what: str, layout: str, source: str) -> DataError:
    """Returns the answer to a wrong or partial layout: what is missing, what it should look like, where to get it."""
    return DataError(what, file=root, cure=f"The official layout is {layout}. Get it from {source}")


def files_by_stem(folder: Path, suffixes: Collection[str], official: str) -> dict[str, Path]:
    """Returns the files of a folder by their names without suffix, in natural order.

    Args:
        folder: where they lie; hidden files and the marker of a rebuilt layout are passed over.
        suffixes: those accepted, with their points, in lower case.
        official: the one that the benchmark comes with.

    Raises:
        DataError: on any other suffix, or on one name under two suffixes.
    """
    files: dict[str, Path] = {}
    for file in children(folder)[1]:
        if file.name == REBUILT:
            continue
        check_suffix(file, suffixes, official)
        if file.stem in files:
            raise DataError(
                f"{files[file.stem].name} and {file.name} are one name twice", file=folder, cure="Keep one of them"
            )
        files[file.stem] = file
    return files


def check_suffix(file: Path, suffixes: Collection[str], official: str) -> None:
    """Holds a file to the accepted suffixes.

    Raises:
        DataError: on any other.
    """
    if file.suffix.lower() not in suffixes:
        others = ", ".join(sorted(set(suffixes) - {official}))
        also = f" ({others} under the official name is accepted and marked)" if others else ""
        raise DataError(
            f"{file.suffix or 'no suffix'} is not what the benchmark comes with",
            file=file,
            cure=f"The official file is {official}{also}; take the file away or put the official one in its place",
        )


def paired(images: dict[str, Path], truths: dict[str, Path], folder: Path, what: str) -> list[tuple[str, Path, Path]]:
    """Returns (stem, image, truth) in natural order.

    Args:
        images: by stem.
        truths: by stem.
        folder: that a fault is reported of.
        what: a truth's name in a message, such as "mask".

    Raises:
        DataError: naming images without a truth, and truths without an image.
    """
    bare = [images[stem].name for stem in images if stem not in truths]
    loose = [truths[stem].name for stem in truths if stem not in images]
    if bare or loose:
        said = [f"{len(bare)} of {len(images)} images have no {what}: {listed(bare)}"] if bare else []
        said += [f"{len(loose)} of {len(truths)} {what}s have no image: {listed(loose)}"] if loose else []
        raise DataError(
            "; ".join(said),
            file=folder,
            cure="Copy the missing files too, or take both sides of a pair away (the copy then counts as partial)",
        )
    return [(stem, images[stem], truths[stem]) for stem in sorted(images, key=natural)]


def listed(names: Iterable[str]) -> str:
    """Returns the first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return ", ".join(every[:_LISTED]) + more


def rebuilt(root: Path) -> tuple[str, ...]:
    """Returns what the marker of a rebuilt layout says, as a note; nothing where there is none."""
    file = root / REBUILT
    if not file.is_file():
        return ()
    lines = file.read_text(encoding="utf-8", errors="replace")[:500].strip().splitlines()
    return (f"rebuilt layout: {lines[0] if lines else 'its maker said nothing'}",)
