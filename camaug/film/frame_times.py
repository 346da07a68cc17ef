"""Duration of each frame of a film."""

from __future__ import annotations

__all__ = ["frame_times"]

SLOWEST, FASTEST = 0.6, 0.04  # seconds a frame, unless they are given
USUAL_LENGTH = 8.0  # seconds of a film of many frames
SHORTEST_FRAME = 0.02  # seconds: browsers show shorter frames for longer
LONGEST_FRAME = 60.0  # seconds
LAST_FRAME = 2.0  # seconds for which the last frame is held


def frame_times(count: int, *, fps: float | None = None, seconds: float | None = None) -> list[float]:
    """Return the seconds for which each frame is shown, where the last one is held for two seconds more.

    By default they are 0.6 seconds each, fewer in films that would be longer than 8 seconds, but at least 0.04.

    Args:
        count: Number of frames.
        fps: Frames a second.
        seconds: Seconds of the film without the time for which the last frame is held.

    Raises:
        ValueError: If both are given, or the frames would be shorter than 0.02 seconds or longer than a minute.

    Example:
        >>> frame_times(3, fps=4)
        [0.25, 0.25, 2.25]
    """
    if fps is not None and seconds is not None:
        raise ValueError("--fps and --seconds are two ways to say the same: give one of them")
    if fps is not None:
        if not 1 / LONGEST_FRAME <= fps <= 1 / SHORTEST_FRAME:
            raise ValueError(f"--fps is a number of frames a second from 1/60 to 50, got {fps:g}")
        each = 1 / fps
    elif seconds is not None:
        each = seconds / count
        if not SHORTEST_FRAME <= each <= LONGEST_FRAME:
            raise ValueError(
                f"--seconds must be from {count * SHORTEST_FRAME:g} to {count * LONGEST_FRAME:g} for {count} frames, "
                f"got {seconds:g}; --every shows fewer"
            )
    else:
        each = min(SLOWEST, max(FASTEST, USUAL_LENGTH / count))
    return [each] * (count - 1) + [each + LAST_FRAME]
