"""Frames are shown for the given time, and the last is held."""

from __future__ import annotations

import pytest

from camaug.film.frame_times import frame_times


@pytest.mark.parametrize(
    ("count", "each"),
    [(1, 0.6), (7, 0.6), (50, 0.16), (1000, 0.04)],
)
def test_by_default_a_film_takes_eight_seconds_unless_it_has_few_or_many_frames(count, each):
    times = frame_times(count)
    assert times[:-1] == [each] * (count - 1)
    assert times[-1] == pytest.approx(each + 2)


def test_frames_a_second():
    assert frame_times(3, fps=10) == [0.1, 0.1, 2.1]


def test_length_in_seconds():
    times = frame_times(8, seconds=4)
    assert times == [0.5] * 7 + [2.5]


@pytest.mark.parametrize("fps", [0, -1, 51, 0.001, float("nan"), float("inf")])
def test_frames_that_no_viewer_shows_as_asked_are_refused(fps):
    with pytest.raises(ValueError, match=r"--fps is a number of frames a second from 1/60 to 50, got"):
        frame_times(3, fps=fps)


@pytest.mark.parametrize("seconds", [0, -2, 1.9, 6001, float("nan")])
def test_a_length_that_no_viewer_shows_as_asked_is_refused(seconds):
    with pytest.raises(ValueError, match=r"--seconds must be from 2 to 6000 for 100 frames, got .*; --every"):
        frame_times(100, seconds=seconds)


def test_one_way_is_enough():
    with pytest.raises(ValueError, match=r"--fps and --seconds are two ways"):
        frame_times(3, fps=1, seconds=3)
