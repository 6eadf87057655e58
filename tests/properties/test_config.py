"""Choices and plans through their file and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.errors import DataError, ModelError, UsageError
from autosam.training.config import TrainConfig, make_config
from autosam.training.run_config import Plan, read_run_config, write_run_config

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
    seed=st.integers(0, 2**63),
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
def test_a_runs_configuration_returns_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, config: TrainConfig, plan: Plan | None
) -> None:
    file = tmp_path_factory.getbasetemp() / "property-config.yaml"
    write_run_config(file, config, plan)
    assert read_run_config(file) == (config, plan)


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
