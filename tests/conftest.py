"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


def _shared(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"needs the {name} folder: neither {variable} nor ../shared/{name} is there")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of reference outputs."""
    return _shared("AUTOSAM_GOLDEN", "golden")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images for developers."""
    return _shared("AUTOSAM_DATA", "data")


@pytest.fixture(scope="session")
def _rule(golden: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_fill", golden / "fill.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fill(_rule: ModuleType) -> Callable[[str, tuple[int, ...]], np.ndarray]:
    """The rule that gives every weight of a golden model from its name and shape."""
    return _rule.fill


@pytest.fixture(scope="session")
def noise(_rule: ModuleType) -> Callable[[int, tuple[int, ...]], np.ndarray]:
    """The golden models' input of a seed and a shape."""
    return _rule.noise


@pytest.fixture(autouse=True)
def _steady() -> None:
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the bytes that seem free on every disk, of ten times as many: what is kept depends on it."""

    def free(count: int) -> None:
        usage = type(shutil.disk_usage("."))(10 * count, 9 * count, count)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    return free


@pytest.fixture
def make_clip() -> Callable[..., Path]:
    """Writes pictures (T, H, W, 3) as a video by PyAV alone, each one plain so that any codec keeps it."""

    def make(
        file: Path,
        pictures: np.ndarray,
        *,
        codec: str = "libx264",
        pixels: str = "yuv420p",
        rate: Fraction = Fraction(25),
        turned: int = 0,
        options: dict[str, str] | None = None,
    ) -> Path:
        av = pytest.importorskip("av")
        with av.open(str(file), "w", options=options or {}) as container:
            stream = container.add_stream(codec, rate=rate)
            stream.height, stream.width, stream.pix_fmt = *pictures.shape[1:3], pixels
            if turned:
                stream.set_display_rotation(turned)
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
            container.mux(stream.encode())
        return file

    return make
