"""Annotations of Aperio ImageScope: an XML of polygons."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

import numpy as np
import numpy.typing as npt

from autosam.core.errors import DataError

Polygon = npt.NDArray[np.float64]

MOST_BYTES = 64 << 20
MOST_VERTICES = 2_000_000
MOST_REGIONS = 100_000
_FARTHEST = 1e7
_CHUNK = 1 << 16
_CURE = "Put the official annotation in its place"


def read_polygons(file: Path) -> list[Polygon]:
    """Returns the outlines of all regions, in the file's order; x, y in pixels, the image's corner being 0, 0.

    The file is read as a stream. No entity is resolved: a file that declares a document type is refused, and so is one
    past `MOST_BYTES`, `MOST_REGIONS` or `MOST_VERTICES`.

    Returns:
        (N, 2) float64 for each region; N is 0 for a region without vertices.

    Raises:
        DataError: on anything but such an XML, and on a vertex without finite coordinates.
    """
    reader = _Reader(file)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    seen = 0
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                seen += len(chunk)
                if seen > MOST_BYTES:
                    raise _fault(file, f"it is larger than {MOST_BYTES >> 20} MiB")
                parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except FileNotFoundError:
        raise DataError("there is no such annotation", file=file, cure=_CURE) from None
    except (expat.ExpatError, LookupError, ValueError) as fault:
        raise _fault(file, f"it is no whole XML ({fault})") from fault
    if reader.root is None:
        raise _fault(file, "it has no element")
    return reader.polygons


class _Reader:
    """Gathers the vertices of each region."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.root: str | None = None
        self.polygons: list[Polygon] = []
        self._open: list[tuple[float, float]] | None = None
        self._vertices = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.root is None:
            self.root = name
            if name != "Annotations":
                raise _fault(self.file, f"it is an XML of {name[:40]!r}, not of Aperio's Annotations")
        elif name == "Region":
            if len(self.polygons) >= MOST_REGIONS:
                raise _fault(self.file, f"it has more than {MOST_REGIONS} regions")
            self._open = []
        elif name == "Vertex" and self._open is not None:
            self._vertices += 1
            if self._vertices > MOST_VERTICES:
                raise _fault(self.file, f"it has more than {MOST_VERTICES} vertices")
            self._open.append(self._point(attributes))

    def end(self, name: str) -> None:
        if name == "Region" and self._open is not None:
            self.polygons.append(np.array(self._open, np.float64).reshape(-1, 2))
            self._open = None

    def doctype(self, *_: object) -> NoReturn:
        raise _fault(self.file, "it declares a document type, which no annotation needs and which can hide entities")

    def _point(self, attributes: dict[str, str]) -> tuple[float, float]:
        where = f"vertex {self._vertices} (region {len(self.polygons) + 1})"
        try:
            x, y = float(attributes["X"]), float(attributes["Y"])
        except KeyError as fault:
            raise _fault(self.file, f"{where} has no {fault.args[0]}") from None
        except ValueError:
            raise _fault(self.file, f"{where} has no numbers as coordinates") from None
        if not (math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) < _FARTHEST):
            raise _fault(self.file, f"{where} lies at {x:g}, {y:g}")
        return x, y


def _fault(file: Path, what: str) -> DataError:
    return DataError(f"cannot be used as an annotation: {what}", file=file, cure=_CURE)
