"""Choices and plans through their file and back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.errors import DataError, ModelError, UsageError
from autosam.training.config import TrainConfig, make_config
from autosam.training.run_config import Plan, read_run_config, rooted, write_run_config

# YAML has no form for a lone surrogate, and a name of a file none for a zero byte.
texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20)
paths = texts.map(Path)
positive = st.floats(1e-9, 1e9, allow_nan=False)
configs = st.builds(
    TrainConfig,
    data=paths,
    sam=texts,
    prompt_encoder=texts,
    weights=st.none() | paths,
    minutes=st.none() | positive,
    epochs=st.none() | st.integers(1, 10**6),
    views=st.integers(0, 1000),
    batch=st.integers(1, 1000),
    size=st.none() | st.integers(32, 4096),
    val=st.floats(0, 0.999),
    val_data=st.none() | paths,
    group=st.none() | texts,
    foreground=st.none() | texts,
    lr=positive,
    weight_decay=st.floats(0, 1e6),
    ema=st.floats(0, 0.9999),
    seed=st.integers(0, 2**64 - 1),
    init=st.none() | paths,
)
plans = st.builds(
    Plan,
    views=st.integers(0, 99),
    steps=st.integers(1, 10**7),
    epoch_steps=st.integers(1, 10**5),
    validate_every=st.integers(1, 10**5),
    warmup=st.integers(1, 200),
    encoder=st.none() | texts,
    engine=texts,
    threads=st.integers(1, 256),
    micro_batch=st.none() | st.integers(1, 99),
    train=st.integers(1, 10**6),
    val=st.integers(0, 10**6),
    data=texts,
    why=texts,
)


@given(config=configs, plan=st.none() | plans)
def test_a_runs_configuration_returns_as_it_was_with_paths_from_any_folder(
    tmp_path_factory: pytest.TempPathFactory, config: TrainConfig, plan: Plan | None
) -> None:
    file = tmp_path_factory.getbasetemp() / "property-config.yaml"
    write_run_config(file, config, plan)
    assert read_run_config(file) == (rooted(config), plan)


@given(raw=st.binary(max_size=400))
def test_any_other_file_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "property-noise.yaml"
    file.write_bytes(raw)
    with pytest.raises((DataError, ModelError)):
        read_run_config(file)


@given(name=st.sampled_from([*TrainConfig.model_fields]), value=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6,
))  # fmt: skip
def test_any_value_is_taken_or_refused_in_words(name: str, value: object) -> None:
    try:
        made = make_config({"data": Path("x"), name: value})
    except UsageError as told:
        assert name in told.message or "exclude" in told.message
    else:
        assert isinstance(made, TrainConfig)


NUMBERS = [name for name, field in TrainConfig.model_fields.items() if field.metadata]
EXTREMES = [
    float("nan"), float("inf"), float("-inf"), -1, -0.5, 0, 0.0, 2**31, 2**63, 2**64 - 1, 2**64, 10**5000, 1e308,
    5e-324, "nan", "inf", "-1", "1e400",
]  # fmt: skip


@pytest.mark.parametrize("value", EXTREMES, ids=lambda value: repr(value) if value != 10**5000 else "10**5000")
@pytest.mark.parametrize("name", [*NUMBERS, "tile"])
def test_a_number_out_of_range_is_named_with_its_range(name: str, value: float | str) -> None:
    try:
        made = make_config({"data": Path("x"), name: value})
    except UsageError as told:
        assert told.message.startswith(f"{name}: must be ")
        assert re.search(r"(above|at least|from) \d", told.message) and ", not " in told.message
    else:
        kept = getattr(made, name)
        assert isinstance(kept, int | float) and 0 <= kept < 2**64
        json.dumps(kept, allow_nan=False)


def test_the_numbers_are_all_that_a_training_counts_with() -> None:
    plain = {name for name, field in TrainConfig.model_fields.items() if {int, float} & {*_kinds(field.annotation)}}
    assert plain == {*NUMBERS, "tile"}


@pytest.mark.parametrize("seed", [2**64 - 1, 2**63])
def test_every_seed_is_torchs_and_numpys(seed: int) -> None:
    made = make_config({"data": Path("x"), "seed": seed})
    torch.Generator().manual_seed(made.seed)
    np.random.default_rng([made.seed, 1])


def _kinds(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) or (annotation,)
