from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autosam.benchmarks import aperio
from autosam.benchmarks.aperio import read_polygons
from autosam.core.errors import DataError

Xml = Callable[[list[list[tuple[float, float]]]], str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.xml"


def test_regions_in_order_with_their_vertices(file: Path, xml: Xml) -> None:
    polygons = [[(1.5, 2.25), (3, 4), (5, 6)], [], [(-1, 1e3)]]
    file.write_text(xml(polygons))
    read = read_polygons(file)
    assert [len(polygon) for polygon in read] == [3, 0, 1]
    for wanted, polygon in zip(polygons, read, strict=True):
        np.testing.assert_array_equal(polygon, np.array(wanted, float).reshape(-1, 2))


def test_vertices_outside_regions_are_passed_over(file: Path) -> None:
    file.write_text('<Annotations><Attributes><Vertex X="1" Y="2"/></Attributes></Annotations>')
    assert read_polygons(file) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no whole XML"),
        ("<Annotations><Regions>", "no whole XML"),
        ("not xml", "no whole XML"),
        ("<svg/>", "XML of 'svg'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><Annotations>&b;</Annotations>', "document type"),
        ('<Annotations><Region><Vertex X="1"/></Region></Annotations>', "has no Y"),
        ('<Annotations><Region><Vertex X="1" Y="b"/></Region></Annotations>', "no numbers"),
        ('<Annotations><Region><Vertex X="1" Y="nan"/></Region></Annotations>', "lies at"),
        ('<Annotations><Region><Vertex X="1" Y="1e9"/></Region></Annotations>', "lies at"),
    ],
)
def test_what_is_no_annotation_is_refused(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        read_polygons(file)


def test_bytes_of_an_unknown_encoding_are_refused(file: Path) -> None:
    file.write_bytes(b'<?xml version="1.0" encoding="no-such"?><Annotations/>')
    with pytest.raises(DataError, match="no whole XML"):
        read_polygons(file)


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_REGIONS", "MOST_VERTICES"])
def test_there_is_an_end_to_size(file: Path, xml: Xml, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aperio, limit, 3)
    file.write_text(xml([[(1, 2)]] * 4))
    with pytest.raises(DataError, match=r"more than 3|larger than"):
        read_polygons(file)


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=r"a\.xml: there is no such annotation"):
        read_polygons(file)
