from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
import subprocess
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from autosam.core.errors import ModelError, UsageError
from autosam.models import weights, wheel
from autosam.models.tensors import fill_module, load_tensors
from autosam.models.weight_sources import WEIGHTS, WheelData, WheelWeights
from autosam.models.weights import fetch, installed
from autosam.models.wheel import Member

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.int64), "c": torch.zeros(2)}


class Bomb:
    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.flag,)


@pytest.mark.parametrize("style", ["torch", "legacy", "plain"])
def test_a_pickle_with_code_is_refused_and_not_run(style: str, tmp_path: Path) -> None:
    flag, file = tmp_path / "ran", tmp_path / "weights.pth"
    if style == "plain":
        file.write_bytes(pickle.dumps({"a": Bomb(flag)}))
    else:
        torch.save({"a": TENSORS["a"], "x": Bomb(flag)}, file, _use_new_zipfile_serialization=style == "torch")
    with warnings.catch_warnings(), pytest.raises(ModelError, match=r"contains code.*refused") as fault:
        warnings.simplefilter("error")
        load_tensors(file)
    assert not flag.exists()
    assert fault.value.exit_code == 3
    assert str(file) in fault.value.message


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: {"model": t, "epoch": 1}, lambda t: {"state_dict": t}])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_are_read_however_they_are_wrapped(wrap, prefix: str, zipped: bool, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    named = {f"{prefix}{name}": tensor for name, tensor in TENSORS.items()}
    torch.save(wrap(named), file, _use_new_zipfile_serialization=zipped)
    read = load_tensors(file)
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in TENSORS.items())


def test_what_is_no_dictionary_of_tensors_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    for value in ([1, 2], {}, {"a": TENSORS["a"], "epoch": 3}):
        torch.save(value, file)
        with pytest.raises(ModelError, match=r"x\.pth"):
            load_tensors(file)
    with pytest.raises(ModelError, match="no such"):
        load_tensors(tmp_path / "absent.pth")


def test_a_torch_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save(TENSORS, file)
    whole = file.read_bytes()
    for end in [*range(0, len(whole), 97), len(whole) - 1]:
        file.write_bytes(whole[:end])
        with pytest.raises(ModelError, match=r"x\.pth"):
            load_tensors(file)


def test_a_compressed_archive_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save(TENSORS, file)
    packed = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.namelist():
            target.writestr(member, source.read(member))
    file.write_bytes(packed.getvalue())
    with pytest.raises(ModelError, match="compressed"):
        load_tensors(file)


def test_safetensors_are_read(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file(TENSORS, file, metadata={"x": "y"})
    read = load_tensors(file)
    assert all(torch.equal(read[name], tensor) for name, tensor in TENSORS.items())


def test_safetensors_cut_at_any_byte_are_refused(tmp_path: Path) -> None:
    file, whole = tmp_path / "x.safetensors", save(TENSORS)
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        with pytest.raises(ModelError, match=r"x\.safetensors"):
            load_tensors(file)
    file.write_bytes(whole + b"\0")
    with pytest.raises(ModelError, match="should hold"):
        load_tensors(file)


def entry(first: int, last: int, shape: object = None, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": [(last - first) // 4] if shape is None else shape, "data_offsets": [first, last]}


@pytest.mark.parametrize(
    "header",
    [
        {"a": entry(0, 8), "b": entry(4, 16)},
        {"a": entry(0, 4), "b": entry(8, 16)},
        {"a": entry(0, 16, [1 << 40])},
        {"a": entry(0, 1 << 50)},
        {"a": entry(0, 16, [-2, -2])},
        {"a": entry(0, 16, [True, 4])},
        {"a": entry(0, 16, [2.0, 2])},
        {"a": entry(0, 16, dtype="F31")},
        {"a": {"dtype": "F32", "shape": [4]}},
        {"a": [1, 2]},
        [1, 2],
        "{" + ", ".join(['"a": {"dtype":"F32","shape":[4],"data_offsets":[0,16]}'] * 2) + "}",
        "[" * 100_000,
        b"\xff\xfe\xff\xfe",
        "not json",
    ],
)
def test_false_safetensors_headers_are_refused(header: object, tmp_path: Path) -> None:
    raw = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    file = tmp_path / "x.safetensors"
    file.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(16))
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        load_tensors(file)


@pytest.mark.parametrize("length", [0, 1, 1 << 24, 1 << 40, (1 << 64) - 1])
def test_a_header_of_false_length_is_refused_unread(length: int, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", length))
        stream.truncate(1 << 30)
    with pytest.raises(ModelError, match="header"):
        load_tensors(file)


def test_fill_module_names_what_does_not_fit() -> None:
    module = nn.Linear(2, 3)
    fill_module(module, {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}, "x")
    assert torch.equal(module.weight.detach(), torch.ones(3, 2))
    with pytest.raises(ModelError, match=r"missing: bias; unknown: other; of another size: weight \(9, 2\) in place"):
        fill_module(module, {"weight": torch.ones(9, 2), "other": torch.zeros(3)}, "x")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Pip:
    """Stands in for pip: writes a wheel with the given members and counts its calls."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.members, self.calls = members, 0

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        folder = Path(command[command.index("--dest") + 1])
        assert "--only-binary" in command and "--no-deps" in command
        with zipfile.ZipFile(folder / "x-1-py3-none-any.whl", "w") as archive:
            for name, data in self.members.items():
                archive.writestr(name, data)
        return subprocess.CompletedProcess(command, 0, "", "")


def member(path: str, data: bytes) -> Member:
    return Member(path, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    stream = io.BytesIO()
    torch.save(TENSORS, stream)
    pth, data = stream.getvalue(), b"template"
    faked = Pip({"p/w.pth": pth, "p/d.nii.gz": data, "../../evil": b"x"})
    monkeypatch.setattr(wheel.subprocess, "run", faked)
    monkeypatch.setitem(WEIGHTS, "litemedsam", WheelWeights("x==1", member("p/w.pth", pth), "free"))
    monkeypatch.setitem(WEIGHTS, "demo-data", WheelData("x==1", (member("p/d.nii.gz", data),), "free"))
    return faked


def test_a_repeated_fetch_does_nothing(cache: Path, pip: Pip) -> None:
    said: list[str] = []
    assert installed("litemedsam") is None
    stored = fetch("litemedsam", progress=said.append)
    assert stored == installed("litemedsam") == cache / "weights" / "litemedsam.safetensors"
    assert load_tensors(stored).keys() == TENSORS.keys()
    folder = fetch("demo-data")
    assert (folder / "d.nii.gz").read_bytes() == b"template"
    before = {file: file.stat().st_mtime_ns for file in cache.rglob("*")}
    assert fetch("litemedsam") == stored
    assert fetch("demo-data") == folder
    assert pip.calls == 2
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*")} == before
    assert not list(cache.parent.rglob("evil"))
    assert not list(cache.glob(".fetch*"))
    assert said


def test_damaged_weights_count_as_missing_and_are_mended(cache: Path, pip: Pip) -> None:
    stored = fetch("litemedsam")
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-1] + b"\x55")
    assert installed("litemedsam") is None
    assert fetch("litemedsam").read_bytes() == whole
    stored.with_suffix(".json").write_text("[]")
    assert installed("litemedsam") is None


def test_another_file_under_the_known_name_is_thrown_away(cache: Path, pip: Pip) -> None:
    pip.members["p/w.pth"] = pip.members["p/w.pth"][:-1] + b"\x55"
    with pytest.raises(ModelError, match="not the known one"):
        fetch("litemedsam")
    del pip.members["p/d.nii.gz"]
    with pytest.raises(ModelError, match=r"no p/d\.nii\.gz"):
        fetch("demo-data")
    assert not [file for file in cache.rglob("*") if file.is_file()]


def test_a_failure_of_pip_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 1, "", "noise\nERROR: No matching distribution found\n")
    monkeypatch.setattr(wheel.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(ModelError, match="No matching distribution found"):
        fetch("litemedsam")
    assert not list(cache.iterdir())


def test_what_cannot_be_fetched_says_how_to_get_it(cache: Path) -> None:
    with pytest.raises(ModelError, match=r"mobile_sam\.pth"):
        fetch("mobilesam")
    with pytest.raises(UsageError, match="'litemedsam'"):
        fetch("litemedsm")


@pytest.mark.parametrize("name", ["a/b/c", "my folder", "", "a--b/c"])
def test_what_no_repository_is_called_is_an_error_that_says_so(cache: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no name of a model"):
        fetch(f"hf:{name}")


def test_hub_weights_are_found_in_the_hubs_cache_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    config = tmp_path / "config.json"
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, name: str(config))
    assert weights.installed("sam-vit-base") is None
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert weights.installed("sam-vit-base") == tmp_path
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, name: None)
    assert weights.installed("sam-vit-base") is None
