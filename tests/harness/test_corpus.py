"""Files that once broke a reader, and those that fuzzing begins with: each is read, or refused in words."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from autosam.core.errors import DataError, ModelError, UsageError
from autosam.models.card import Card
from autosam.models.checkpoint import read_card, save, to_bytes
from autosam.models.tensors import check_safetensors, load_tensors
from autosam.training.config import make_config
from autosam.training.run_config import read_run_config
from harness import zoo
from harness.fuzz import CORPUS, seeds
from harness.readers import READERS

_KEPT = sorted(path for path in CORPUS.glob("*/*") if path.parent.name in READERS)


@pytest.mark.parametrize("file", _KEPT, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_what_broke_a_reader_is_told(file: Path) -> None:
    READERS[file.parent.name](file.read_bytes())


@pytest.mark.parametrize("name", READERS)
def test_every_seed_is_read_or_told(name: str) -> None:
    for data in seeds(name):
        READERS[name](data)


def test_a_number_that_a_view_repeats_takes_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(zoo.repeated(1 << 50))
    with pytest.raises(ModelError, match="claim more than its bytes hold"):
        load_tensors(file)


def test_weights_that_hold_themselves_end(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(zoo.endless())
    with pytest.raises(ModelError, match="no tensor"):
        load_tensors(file)


@pytest.mark.parametrize("shape", [[2] * 100_000, [10**4000], [-1], [True], [1.5]], ids=range(5))
def test_a_shape_costs_nothing_to_refuse(tmp_path: Path, shape: list[object]) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 8]}}).encode()
    file = tmp_path / "weights.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(ModelError, match="header is broken"):
        check_safetensors(file)


_CARD = {"format": 1, "sam": "tiny-random", "sam_fingerprint": "0", "prompt_encoder": "sam-features", "size": 32,
         "embedding_shape": [32, 8, 8]}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 1 << 40), ("size", -1), ("size", True), ("size", "64"), ("embedding_shape", [1 << 40, 8, 8]),
        ("embedding_shape", [32, 8]), ("mapping", "eval"), ("threshold", 2), ("sam", 7), ("prompt_encoder_config", 3),
        ("foreground", []), ("training", None),
    ],
)  # fmt: skip
def test_a_card_that_asks_for_too_much_is_refused(tmp_path: Path, name: str, value: object) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(to_bytes({}, _CARD))
    read_card(file)
    file.write_bytes(to_bytes({}, {**_CARD, name: value}))
    with pytest.raises(ModelError, match="impossible"):
        read_card(file)


def test_a_card_that_was_changed_is_found(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save(file, {}, Card("tiny-random", "0", "sam-features", 32, (32, 8, 8), threshold=0.5))
    read_card(file)
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'threshold\\": 0.5', b'threshold\\": 0.7'))
    assert file.read_bytes() != whole
    with pytest.raises(ModelError, match="damaged"):
        read_card(file)


def test_aliases_that_expand_without_end_are_not_spelt_out(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    laughs = zoo.yaml_traps(tmp_path)["laughs.yaml"]
    file.write_text(laughs)
    with pytest.raises((DataError, ModelError)):
        read_run_config(file)
    file.write_text(laughs.replace("epochs: *a39", "config: {data: x, epochs: *a39}"))
    with pytest.raises(ModelError, match="epochs"):
        read_run_config(file)
    with pytest.raises(UsageError, match="unknown choice 'a0'"):
        make_config({"data": "x"}, file)
