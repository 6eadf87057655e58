"""The rules of the loop: rate, average, choice, and steps that must not happen."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from autosam.core.prompt import ImageEmbedding
from autosam.models.card import Card
from autosam.models.checkpoint import build
from autosam.models.sam import tiny_sam
from autosam.training.config import TrainConfig
from autosam.training.examples import Batch
from autosam.training.fit import blend, is_chosen
from autosam.training.losses import bce_dice
from autosam.training.optimiser import dump_optimiser, learning_rate, load_optimiser, make_optimiser
from autosam.training.run_config import Plan
from autosam.training.state import State
from autosam.training.step import update

PLAN = Plan(
    views=1, steps=100, epoch_steps=10, validate_every=10, warmup=5, encoder="x", engine="torch", threads=1, train=9,
    val=2, data="d", why="because",
)  # fmt: skip


def _state(step: int, dice: float | None) -> State:
    return State(step, {}, {}, {}, dice, step, {})


def test_the_rate_rises_then_falls() -> None:
    rates = [learning_rate(step, PLAN, 1e-3) for step in range(1, 101)]
    assert rates[4] == pytest.approx(1e-3)
    assert all(a < b for a, b in itertools.pairwise(rates[:5]))
    assert all(a > b for a, b in itertools.pairwise(rates[4:]))
    assert rates[-1] == pytest.approx(1e-5)


def test_a_constant_rate_has_no_warm_up() -> None:
    assert {learning_rate(step, PLAN, 3e-4, "constant") for step in range(1, 101)} == {3e-4}


def test_the_second_half_is_chosen_from() -> None:
    assert is_chosen(_state(0, None), 10, 0.1, PLAN)
    assert not is_chosen(_state(10, 0.9), 20, 0.8, PLAN)
    assert is_chosen(_state(10, 0.9), 60, 0.7, PLAN)
    assert not is_chosen(_state(60, 0.7), 70, 0.6, PLAN)
    assert is_chosen(_state(60, 0.7), 70, 0.8, PLAN)
    assert is_chosen(_state(60, None), 70, None, PLAN)


def test_the_average_follows_and_counters_are_copied() -> None:
    average, trained = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.constant_(trained.weight, 3.0)
    trained.num_batches_tracked.fill_(7)
    blend(average, trained, 0.75)
    assert torch.allclose(average.weight, torch.full((2,), 1.5))
    assert average.num_batches_tracked == 7


def _step_of(target: torch.Tensor) -> tuple[nn.Module, nn.Module, object]:
    sam = tiny_sam()
    segmenter = build(Card("tiny-random", "", "sam-features", 32, sam.embedding_shape), sam)
    embedding = sam.encode(torch.zeros(2, 3, sam.rule.size, sam.rule.size))
    batch = Batch(
        ("a", "b"), torch.rand(2, 3, 32, 32), target, torch.ones(2, 1, 32, 32), ImageEmbedding(embedding.main)
    )
    optimiser = torch.optim.AdamW(segmenter.parts.parameters(), lr=1e-3)
    losses = update(segmenter, optimiser, batch, bce_dice, 1e-3, torch.device("cpu"))
    return segmenter, sam, losses


def test_the_gradient_reaches_g_and_h_and_nothing_else() -> None:
    segmenter, sam, losses = _step_of(torch.ones(2, 1, 32, 32))
    assert losses is not None
    assert all(p.grad is not None for p in segmenter.trained().parameters())  # type: ignore[operator]
    assert all(p.grad is None and not p.requires_grad for p in sam.parameters())


def test_a_loss_that_is_not_finite_leaves_the_weights() -> None:
    torch.manual_seed(0)
    segmenter, _, losses = _step_of(torch.full((2, 1, 32, 32), math.nan))
    assert losses is None
    assert all(torch.isfinite(p).all() for p in segmenter.trained().parameters())  # type: ignore[operator]


def test_the_surrogate_does_not_shape_g() -> None:
    sam = tiny_sam()
    segmenter = build(Card("tiny-random", "", "sam-features", 32, sam.embedding_shape), sam)
    embedding = sam.encode(torch.zeros(1, 3, sam.rule.size, sam.rule.size))
    masks = segmenter(torch.rand(1, 3, 32, 32), embedding)
    assert masks.surrogate is not None
    masks.surrogate.sum().backward()
    assert all(p.grad is None for p in segmenter.parts.g.parameters())
    assert all(p.grad is not None for p in segmenter.parts.h.parameters())


def test_a_steep_surrogate_does_not_slow_g_down() -> None:
    sam = tiny_sam()
    segmenter = build(Card("tiny-random", "", "sam-features", 32, sam.embedding_shape), sam)
    embedding = sam.encode(torch.rand(2, 3, sam.rule.size, sam.rule.size))
    target = torch.ones(2, 1, 32, 32)
    batch = Batch(("a", "b"), torch.rand(2, 3, 32, 32), target, target, embedding)
    optimiser = torch.optim.SGD(segmenter.parts.parameters(), lr=0.0)

    def gradient() -> list[torch.Tensor]:
        assert update(segmenter, optimiser, batch, bce_dice, 0.0, torch.device("cpu")) is not None
        return [parameter.grad.clone() for parameter in segmenter.parts.g.parameters()]

    before = gradient()
    with torch.no_grad():
        segmenter.parts.h.conv2.weight.mul_(1e3)
        segmenter.parts.h.conv3.weight.mul_(1e3)
    for a, b in zip(before, gradient(), strict=True):
        assert torch.equal(a, b)


def test_the_optimiser_returns_as_it_was() -> None:
    module = nn.Linear(3, 2)
    parameters = dict(module.named_parameters())
    first = torch.optim.AdamW(parameters.values(), lr=0.1, fused=True)
    module(torch.ones(1, 3)).sum().backward()
    first.step()
    flat = dump_optimiser(first, parameters)
    second = torch.optim.AdamW(parameters.values(), lr=0.1, fused=True)
    load_optimiser(second, parameters, flat)
    again = dump_optimiser(second, parameters)
    assert flat.keys() == again.keys()
    assert all(torch.equal(flat[name], again[name]) for name in flat)


def test_the_optimisers_state_is_where_its_parameter_is() -> None:
    parameter = nn.Parameter(torch.empty(2, 3, device="meta"))
    optimiser = torch.optim.AdamW([parameter])
    moments = {f"weight.{name}": torch.zeros(2, 3) for name in ("exp_avg", "exp_avg_sq")}
    load_optimiser(optimiser, {"weight": parameter}, {"weight.step": torch.tensor(7.0), **moments})
    assert {name: value.device for name, value in optimiser.state[parameter].items()} == dict.fromkeys(
        ("exp_avg", "exp_avg_sq", "step"), parameter.device
    )


@pytest.mark.parametrize(("at_once", "parts"), [(6, 1), (3, 2), (2, 3), (1, 6), (4, 2), (5, 2)])
def test_the_gradient_of_a_batch_is_that_of_its_parts(at_once: int, parts: int) -> None:
    sam = tiny_sam()
    segmenter = build(Card("tiny-random", "", "sam-features", 32, sam.embedding_shape), sam)
    generator = torch.Generator().manual_seed(5)
    target = (torch.rand(6, 1, 32, 32, generator=generator) > 0.6).float()
    embedding = sam.encode(torch.randn(6, 3, sam.rule.size, sam.rule.size, generator=generator))
    image = torch.rand(6, 3, 32, 32, generator=generator)
    batch = Batch(tuple("abcdef"), image, target, torch.ones_like(target), embedding)
    assert [len(part.ids) for part in batch.parts(at_once)] == [min(at_once, 6 - at_once * n) for n in range(parts)]

    def step(most: int) -> tuple[float, list[torch.Tensor]]:
        optimiser = torch.optim.SGD(segmenter.parts.parameters(), lr=0.0)
        seen = update(segmenter, optimiser, batch, bce_dice, 0.0, torch.device("cpu"), at_once=most)
        assert seen is not None
        return seen[0], [parameter.grad.clone() for parameter in segmenter.parts.g.parameters()]

    whole, gradient = step(6)
    cut, summed = step(at_once)
    assert cut == pytest.approx(whole, rel=1e-5)
    for a, b in zip(gradient, summed, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("name", "coupled"), [("adamw", False), ("adam", True)])
def test_weight_decay_is_part_of_the_gradient_under_adam_only(name: str, coupled: bool) -> None:
    weight = nn.Parameter(torch.full((4,), 2.0))
    config = TrainConfig.model_validate({"data": "d", "optimiser": name, "lr": 0.1, "weight_decay": 0.5})
    optimiser = make_optimiser([weight], config)
    weight.grad = torch.zeros(4)
    optimiser.step()
    # Without any loss AdamW shrinks by lr * decay; Adam sees the decay as a gradient and takes a whole step of lr.
    assert torch.allclose(weight, torch.full((4,), 2 - 0.1 if coupled else 2 - 0.1 * 0.5 * 2))
