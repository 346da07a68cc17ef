from __future__ import annotations

import pytest

from camaug.training.schedules import Schedule, learning_rate_factor


@pytest.mark.parametrize(
    ("epoch", "factor"),
    # 2 epochs of warm-up, then half a cosine over 4 epochs: 1/2 (1 + cos(pi (epoch - 2) / 4)).
    [(0, 0.0), (0.5, 0.25), (1, 0.5), (1.5, 0.75), (2, 1.0), (3, 0.8535533906), (4, 0.5), (5, 0.1464466094), (6, 0.0)],
)
def test_cosine_rises_in_the_warm_up_and_falls_to_zero_at_the_end(epoch: float, factor: float) -> None:
    assert learning_rate_factor(epoch, schedule="cosine", total_epochs=6, warmup_epochs=2) == pytest.approx(factor)


def test_cosine_stays_at_zero_after_its_end() -> None:
    assert learning_rate_factor(9.5, schedule="cosine", total_epochs=6) == 0.0


def test_a_warm_up_as_long_as_the_training_is_no_division_by_zero() -> None:
    factors = [learning_rate_factor(e, schedule="cosine", total_epochs=2, warmup_epochs=2) for e in (0, 1, 2)]
    assert factors == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("epoch", "factor"), [(0, 1.0), (14.99, 1.0), (15, 0.1), (29.99, 0.1), (30, 0.01), (45, 0.001), (59.9, 0.001)]
)
def test_step_multiplies_by_gamma_at_every_step(epoch: float, factor: float) -> None:
    assert learning_rate_factor(epoch, schedule="step", total_epochs=60) == pytest.approx(factor)


@pytest.mark.parametrize(("epoch", "factor"), [(1, 0.5), (2, 1.0), (3.9, 1.0), (4, 0.5), (7.9, 0.5), (8, 0.25)])
def test_step_counts_its_epochs_from_the_beginning_not_from_the_warm_up(epoch: float, factor: float) -> None:
    given = learning_rate_factor(
        epoch, schedule="step", total_epochs=12, warmup_epochs=2, step_epochs=4, step_gamma=0.5
    )
    assert given == pytest.approx(factor)


@pytest.mark.parametrize(("epoch", "factor"), [(0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (7, 1.0), (100, 1.0)])
def test_constant_is_one_after_the_warm_up(epoch: float, factor: float) -> None:
    assert learning_rate_factor(epoch, schedule="constant", total_epochs=10, warmup_epochs=4) == factor


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine"])
def test_without_warm_up_training_begins_at_the_full_rate(schedule: Schedule) -> None:
    assert learning_rate_factor(0, schedule=schedule, total_epochs=10) == 1.0


def test_an_unknown_schedule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"`schedule` must be 'constant', 'step' or 'cosine', got 'cosin'"):
        learning_rate_factor(0, schedule="cosin", total_epochs=10)  # type: ignore[arg-type]
