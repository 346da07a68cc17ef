from __future__ import annotations

import pytest

from camaug.callbacks._augmentation.schedule import Schedule


def test_share_of_each_epoch():
    schedule = Schedule(0.9, start_epoch=1, stop_epoch=5, ramp_epochs=2)
    assert [schedule.share_in(epoch) for epoch in range(6)] == pytest.approx([0, 0.3, 0.6, 0.9, 0.9, 0])
    assert [schedule.is_active(epoch) for epoch in range(6)] == [False, True, True, True, True, False]


def test_without_end_or_ramp():
    assert [Schedule(0.5).share_in(epoch) for epoch in (0, 100)] == [0.5, 0.5]


def test_a_share_of_zero_is_never_active():
    assert not Schedule(0.0).is_active(3)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Schedule(1.0), "100% of the training images from epoch 0 on"),
        (Schedule(0.25, 2, 4, 3), "25% of the training images from epoch 2 to 3, with a ramp of 3 epochs"),
    ],
)
def test_text(schedule, text):
    assert str(schedule) == text


def test_a_schedule_of_the_last_epoch():
    assert Schedule(1.0).ending_with(5).start_epoch == 4
    assert Schedule(1.0, start_epoch=2).ending_with(5).start_epoch == 2
    assert Schedule(1.0).ending_with(-1) == Schedule(1.0).ending_with(None) == Schedule(1.0)
