"""Animated WebP files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from PIL import Image

__all__ = ["LARGEST_SIDE", "write_animation"]

LARGEST_SIDE = 16383  # pixels, of the format
QUALITY = 80
KEY_FRAMES = 64  # frames from one that is stored whole to the next: viewers play a film from its beginning


def write_animation(file: BinaryIO, frames: Iterable[Image.Image], seconds: Sequence[float]) -> None:
    """Write an animated WebP that starts again at its end.

    Args:
        file: A file that is open for writing.
        frames: Frames of one size. Each is taken when it is written, so that one at a time is in memory.
        seconds: Duration of each frame, at least one.

    Raises:
        ValueError: If a side of the frames is longer than 16,383 pixels.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> frames = (Image.new("RGB", (8, 8), (80 * number, 0, 0)) for number in range(3))
        >>> write_animation(file, frames, [0.1, 0.1, 0.5])
        >>> Image.open(file).n_frames
        3
    """
    animation = _Animation(frames, len(seconds))
    if max(animation.size) > LARGEST_SIDE:
        raise ValueError(
            f"an animated WebP has at most {LARGEST_SIDE:,} pixels a side, and these frames are {animation.width:,} x "
            f"{animation.height:,}: make the images smaller, or fewer"
        )
    animation.save(
        file,
        "WEBP",
        save_all=True,
        duration=_milliseconds(seconds),
        loop=0,
        quality=QUALITY,
        method=4,
        kmin=KEY_FRAMES - 1,
        kmax=KEY_FRAMES,
    )


def _milliseconds(seconds: Sequence[float]) -> list[int]:
    """Return the durations in whole milliseconds, whose sum is right although each is rounded."""
    ends = [round(1000 * sum(seconds[: number + 1])) for number in range(len(seconds))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


class _Animation(Image.Image):
    """Image of several frames, of which only the current one is in memory."""

    def __init__(self, frames: Iterable[Image.Image], count: int) -> None:
        super().__init__()
        self._frames = iter(frames)
        self.n_frames = count
        self._number = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Take frames up to one. Earlier frames are gone, and Pillow goes back only when it has written all."""
        while self._number < frame:
            current = next(self._frames)
            self._number, self._mode, self._size, self.im = self._number + 1, current.mode, current.size, current.im

    def tell(self) -> int:
        """Return the number of the current frame."""
        return self._number
