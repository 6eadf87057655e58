"""One module writes files; whatever else opens one for writing is listed here with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import autosam

SOURCES = Path(autosam.__file__).parent
WRITER = "core/files.py"
# What may write all the same: it writes into memory, through core.files, or into a folder that becomes visible whole.
ALLOWED = {
    ("data/sheet.py", "save"): "into a buffer",
    ("cli/faults.py", "open"): "the null device, in place of a closed stream",
    ("evaluation/pictures.py", "save"): "into a buffer",
    ("training/pictures.py", "savefig"): "into a buffer",
    ("inference/prediction.py", "save"): "into the stream of write_atomically",
    ("inference/clip_folder.py", "save"): "Prediction.save, which is write_atomically",
    ("inference/clip_writer.py", "save"): "ClipFolder.save, which is that",
    ("data/video_writer.py", "open"): "into the stream of files.written",
    ("evaluation/printing.py", "savefig"): "into a buffer",
    ("inference/openvino_encoder.py", "write_bytes"): "into a folder that GraphCache renames",
    ("training/fit.py", "save"): "the hook that keeps a state",
    ("inference/openvino_encoder.py", "save_model"): "into a folder that GraphCache renames",
    ("inference/onnx_encoder.py", "export"): "into a folder that GraphCache renames",
    ("models/wheel.py", "TemporaryDirectory"): "a download, thrown away",
    ("models/weights.py", "TemporaryDirectory"): "a download, thrown away",
    ("models/weights.py", "write_bytes"): "into that folder",
    ("data/embeddings.py", "save"): "safetensors' save, to bytes",
    ("training/quantise.py", "TemporaryDirectory"): "a folder in the output, of files that become visible together",
    ("training/run.py", "open"): "the lock, which stays empty",
}
_METHODS = frozenset(
    """write_text write_bytes save savez savez_compressed savefig save_file save_model save_pretrained tofile imwrite
    imsave to_csv to_json touch copy2 copyfile copytree move TemporaryDirectory NamedTemporaryFile TemporaryFile
    mkstemp mkdtemp memmap export symlink_to hardlink_to""".split()  # noqa: SIM905
)
_OWN = frozenset({"write_text", "write_bytes"})


def writes(source: str) -> Iterator[tuple[int, str]]:
    """Yields the line and the name of every call that may write a file."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        method = called.attr if isinstance(called, ast.Attribute) else None
        name = method or (called.id if isinstance(called, ast.Name) else "")
        # Plain `write_bytes(...)` is that of core.files, imported by name.
        if name in _METHODS and not (method is None and name in _OWN | {"save"}):
            yield node.lineno, name
        if name in ("open", "fdopen", "ZipFile", "TarFile"):
            modes = [
                *node.args[(0 if method == "open" else 1) :][:1],
                *(k.value for k in node.keywords if k.arg == "mode"),
            ]
            plain = all(isinstance(mode, ast.Constant) and mode.value in ("r", "rb", "rt") for mode in modes)
            # `archive.open(NAME)` and `Image.open(FILE)` take no mode there.
            reads = isinstance(called, ast.Attribute) and ast.unparse(called.value) in ("archive", "Image", "av")
            if not plain and not reads:
                yield node.lineno, name


@pytest.mark.parametrize("file", sorted(SOURCES.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCES)))
def test_nothing_but_core_files_writes(file: Path) -> None:
    place = file.relative_to(SOURCES).as_posix()
    if place == WRITER:
        return
    strangers = [
        f"line {line}: {name}" for line, name in writes(file.read_text("utf-8")) if (place, name) not in ALLOWED
    ]
    assert not strangers, f"{place} writes files by itself: {strangers}; use autosam.core.files"


@pytest.mark.parametrize(
    "code",
    [
        "open('x', 'w')", "open('x', mode='ab')", "open('x', m)", "p.open('xb')", "p.write_text('')",
        "p.write_bytes(b'')", "image.save(p)", "np.save(p, a)", "torch.save(a, p)", "figure.savefig(p)",
        "os.fdopen(h, 'w')", "zipfile.ZipFile(p, 'w')", "tempfile.mkstemp()",
    ],
)  # fmt: skip
def test_every_way_to_write_is_seen(code: str) -> None:
    assert list(writes(code))


@pytest.mark.parametrize("code", ["open('x')", "open('x', 'rb')", "p.open('rb')", "p.open()", "write_bytes(p, b'')"])
def test_reading_is_not(code: str) -> None:
    assert not list(writes(code))


def test_every_exception_is_still_needed() -> None:
    found = {
        (file.relative_to(SOURCES).as_posix(), name)
        for file in SOURCES.rglob("*.py")
        for _, name in writes(file.read_text("utf-8"))
    }
    assert set(ALLOWED) <= found
