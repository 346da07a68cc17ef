"""Animated WebP files have their frames, durations and loop."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops

from camaug.images.animation import LARGEST_SIDE, write_animation


def blocks(count: int, size=(48, 32)):
    """Yield frames in which a white block moves to the right."""
    for number in range(count):
        frame = Image.new("RGB", size, (40, 60, 90))
        frame.paste((255, 255, 255), (8 * number, 8, 8 * number + 8, 16))
        yield frame


def written(frames, seconds) -> Image.Image:
    file = io.BytesIO()
    write_animation(file, frames, seconds)
    return Image.open(file)


def test_each_frame_is_shown_for_its_time_and_the_film_starts_again():
    film = written(blocks(5), [0.1, 0.25, 0.1, 0.1, 2.0])
    assert (film.format, film.n_frames, film.size, film.info["loop"]) == ("WEBP", 5, (48, 32), 0)
    durations = []
    for number, frame in enumerate(blocks(5)):
        film.seek(number)
        film.load()
        durations.append(film.info["duration"])
        difference = ImageChops.difference(film.convert("L"), frame.convert("L"))
        assert difference.getextrema()[1] < 40, f"frame {number} is another one"
    assert durations == [100, 250, 100, 100, 2000]


def test_rounding_to_milliseconds_does_not_add_up():
    film = written(blocks(3), [1 / 3000] * 3)
    durations = []
    for number in range(film.n_frames):
        film.seek(number)
        film.load()
        durations.append(film.info["duration"])
    assert sum(durations) == 1


def test_a_frame_is_drawn_when_the_one_before_is_written():
    alive = []

    def frames():
        for frame in blocks(6):
            alive.append(frame)
            yield frame

    taken = frames()
    film = written(taken, [0.1] * 6)
    assert film.n_frames == len(alive) == 6
    assert next(taken, None) is None


def test_one_frame_is_an_image():
    assert getattr(written(blocks(1), [2.0]), "n_frames", 1) == 1


def test_too_large_frames_are_refused():
    with pytest.raises(ValueError, match=r"at most 16,383 pixels a side, and these frames are 16,384 x 1: make the"):
        written([Image.new("RGB", (LARGEST_SIDE + 1, 1))] * 2, [0.1, 0.1])
