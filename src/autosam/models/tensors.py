"""Tensors from files that nobody vouches for: nothing in them is run, and no claim of theirs is believed unchecked."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autosam.core.errors import ModelError
from autosam.core.memory import is_out_of_memory

_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_MOST_HEADER = 1 << 23
_MOST_DIMENSIONS = 8
_LINE_BYTES = 64
_SMALL_BYTES = 4 << 20
_WRAPPERS = ("model", "state_dict", "model_state_dict")
_AGAIN = "Get the file again from where it came from"


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a weights file by name, on the CPU.

    Args:
        path: a `.safetensors` file, or one saved by torch (`.pth`, `.pt`, `.bin`). A dictionary nested under "model" or
            "state_dict" is unwrapped, and so is the prefix "module." where every name has it.

    Raises:
        ModelError: where the file is missing, cut, inconsistent or of another kind, or is a pickle with code in it;
            nothing of such a pickle is run, and there is no fallback.
    """
    if not path.is_file():
        raise ModelError("there is no such weights file", file=path, cure="Check the path")
    if path.suffix == ".safetensors":
        check_safetensors(path)
        return _load_safetensors(path)
    return _unwrap(_load_pickle(path), path)


def check_safetensors(path: Path) -> None:
    """Holds a safetensors file to its format before a byte of its data is read.

    The header must fit the file, be below 8 MB, and describe tensors that fill the rest without gap or overlap.

    Raises:
        ModelError: where it does not.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        prefix = stream.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if length < 2 or length > min(size - 8, _MOST_HEADER):
            raise ModelError("not a whole safetensors file: its header does not fit", file=path, cure=_AGAIN)
        raw = stream.read(length)
    try:
        header = json.loads(raw, object_pairs_hook=_no_twins)
        spans = sorted(_span(name, entry) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise ModelError(f"its safetensors header is broken ({fault})", file=path, cure=_AGAIN) from fault
    end = 0
    for first, last, name in spans:
        if first != end:
            raise ModelError(f"its tensor {name!r} overlaps another or leaves a gap", file=path, cure=_AGAIN)
        end = last
    if end != size - 8 - length:
        raise ModelError(f"it should hold {end} bytes of tensors, not {size - 8 - length}", file=path, cure=_AGAIN)


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """Returns the SHA-256 over names, types, shapes and bytes of tensors, in hexadecimal."""
    total = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        total.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def fill_module(module: nn.Module, tensors: Mapping[str, Tensor], file: Path | str) -> None:
    """Gives `module` its weights; every name on either side must have its partner, of the same shape.

    Raises:
        ModelError: naming the missing, the unknown and the misshapen tensors.
    """
    wanted = module.state_dict()
    faults = [
        _listing("missing", wanted.keys() - tensors.keys()),
        _listing("unknown", tensors.keys() - wanted.keys()),
        _listing(
            "of another size",
            (
                f"{name} {tuple(tensors[name].shape)} in place of {tuple(wanted[name].shape)}"
                for name in wanted.keys() & tensors.keys()
                if wanted[name].shape != tensors[name].shape
            ),
        ),
    ]
    if any(faults):
        raise ModelError(
            f"its tensors do not fit this model: {'; '.join(f for f in faults if f)}",
            file=file,
            cure="These are the weights of another model or size",
        )
    whole = {name: _placed(tensor.to(wanted[name].dtype).contiguous()) for name, tensor in tensors.items()}
    module.load_state_dict(whole, strict=True, assign=True)


def _placed(tensor: Tensor) -> Tensor:
    """Returns a small tensor where a cache line begins, copied where its file has it elsewhere.

    On CPUs with AVX2 alone products with others are a few per cent slower and have other last bits. Large ones stay in
    the file's mapping, which costs no memory before they are used.
    """
    small = tensor.numel() * tensor.element_size() <= _SMALL_BYTES
    return tensor.clone() if small and tensor.data_ptr() % _LINE_BYTES else tensor


def _listing(what: str, names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{what}: {', '.join(names[:3])}{more}" if names else ""


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _span(name: str, entry: Mapping[str, Any]) -> tuple[int, int, str]:
    shape, (first, last) = entry["shape"], entry["data_offsets"]
    if len(shape) > _MOST_DIMENSIONS or not all(type(n) is int and 0 <= n < 1 << 48 for n in (*shape, first, last)):
        raise ValueError(f"{name!r} has an impossible shape or place")
    if last - first != math.prod(shape) * _BYTES[entry["dtype"]]:
        raise ValueError(f"{name!r} has not the length of its shape")
    return first, last, name


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as fault:
        raise ModelError(f"not a sound safetensors file ({fault})", file=path, cure=_AGAIN) from fault


def _load_pickle(path: Path) -> object:
    zipped = _is_archive(path)
    if zipped:
        _check_archive(path)
    try:
        with warnings.catch_warnings():
            # Torch asks of strange pickles that they be reported to it; whoever offers one is told here.
            warnings.filterwarnings("ignore", message="Detected pickle protocol", category=UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as fault:
        text = str(fault)
        if "Unsupported" in text or "GLOBAL" in text:
            named = re.search(r"GLOBAL ([\w.]+)", text)
            what = f" ({named[1]})" if named else ""
            raise ModelError(
                f"it contains code{what} and was refused; nothing of it was run",
                file=path,
                cure="Weights must be plain tensors: use a safetensors file, or one saved from a state dict",
            ) from fault
        raise ModelError("not a weights file", file=path, cure=_AGAIN) from fault
    except Exception as fault:
        # Its reader fails in as many ways as there are damages.
        if is_out_of_memory(fault):
            raise
        raise ModelError("cut, or not a weights file", file=path, cure=_AGAIN) from fault


def _is_archive(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile as fault:
        raise ModelError("cut, or not a weights file", file=path, cure=_AGAIN) from fault


def _check_archive(path: Path) -> None:
    """Refuses an archive that would unpack to more than its own bytes."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
        raise ModelError("cut, or not a weights file", file=path, cure=_AGAIN) from fault
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if packed or sum(member.file_size for member in members) > path.stat().st_size:
        raise ModelError("a compressed archive; torch saves weights uncompressed", file=path, cure=_AGAIN)


def _unwrap(value: object, path: Path) -> dict[str, Tensor]:
    # A pickle may hold itself, and would be unwrapped for ever.
    for _ in range(len(_WRAPPERS)):
        if not isinstance(value, Mapping):
            break
        inner = next((value[name] for name in _WRAPPERS if isinstance(value.get(name), Mapping)), None)
        if inner is None:
            break
        value = inner
    if not isinstance(value, Mapping) or not value:
        raise ModelError("it holds no named tensors", file=path)
    stray = next((name for name, tensor in value.items() if not isinstance(tensor, Tensor)), None)
    if stray is not None:
        raise ModelError(f"its entry {stray!r} is no tensor", file=path, cure="Save the model's state dict only")
    _check_room(value, path)
    prefix = "module." if all(str(name).startswith("module.") for name in value) else ""
    return {str(name).removeprefix(prefix): tensor for name, tensor in value.items()}


def _check_room(tensors: Mapping[Any, Tensor], path: Path) -> None:
    """Refuses tensors that would take more memory than their file: a view may repeat one number a billion times."""
    room = 2 * path.stat().st_size
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise ModelError(f"its entry {name!r} is no plain tensor", file=path, cure="Save dense tensors of the CPU")
        room -= tensor.numel() * tensor.element_size()
        if room < 0:
            raise ModelError(
                f"its tensors, {name!r} the last, claim more than its bytes hold", file=path, cure="Save whole tensors"
            )
