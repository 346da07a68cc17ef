"""Settings of the augmentation that change nothing in a training run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from camaug.augmentation.recipe import Recipe

from .schedule import Schedule

__all__ = ["rounded_to_none", "unused_arguments", "unused_schedule"]

_OF_MASKED_VIEWS = ("consistency", "divergence")
_OF_MAPS = ("explainer", "refresh_every_n_epochs", "bank_dir", "fast")


def unused_arguments(recipe: Recipe, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for arguments that were given and that the recipe does not read.

    Args:
        recipe: The recipe.
        given: Arguments of the callback that differ from the defaults, by name.
    """
    of_views = [name for name in _OF_MASKED_VIEWS if name in given]
    if of_views and not recipe.adds_masked_views:
        yield (
            f"{_arguments(of_views, given)} without effect, because the recipe {recipe.name!r} adds no masked views, "
            "as 'paired' does"
        )
    of_maps = [name for name in _OF_MAPS if name in given]
    if of_maps and not recipe.needs_maps:
        yield f"{_arguments(of_maps, given)} without effect, because the recipe {recipe.name!r} needs no heatmaps"
    elif "bank_dir" in given and "refresh_every_n_epochs" not in given:
        yield f"{_arguments(['bank_dir'], given)} without effect without refresh_every_n_epochs=, which makes the bank"


def unused_schedule(schedule: Schedule, epochs: int | None) -> str:
    """Return a sentence if a run of so many epochs ends before the schedule takes effect, else an empty string.

    Args:
        schedule: The schedule.
        epochs: Number of epochs of the whole run; None if it is unknown.

    Example:
        >>> unused_schedule(Schedule(0.5, start_epoch=3), epochs=3)
        'nothing is augmented, because start_epoch=3 is after the last of 3 epochs, 2: choose an earlier one'
        >>> unused_schedule(Schedule(0.5, ramp_epochs=4), epochs=2)
        'the share of augmented images rises to 20% alone, because the run of 2 epochs ends within ramp_epochs=4'
    """
    if epochs is None or epochs < 1 or not schedule.share:
        return ""
    if schedule.start_epoch >= epochs:
        return (
            f"nothing is augmented, because start_epoch={schedule.start_epoch} is after the last of {epochs} epochs, "
            f"{epochs - 1}: choose an earlier one"
        )
    end = epochs if schedule.stop_epoch is None else min(schedule.stop_epoch, epochs)
    largest = schedule.share_in(end - 1)
    if largest == schedule.share:
        return ""
    stops = schedule.stop_epoch is not None and schedule.stop_epoch <= epochs
    end_of_ramp = f"stop_epoch={end} is within" if stops else f"the run of {epochs} epochs ends within"
    return (
        f"the share of augmented images rises to {largest:.0%} alone, because {end_of_ramp} "
        f"ramp_epochs={schedule.ramp_epochs}"
    )


def rounded_to_none(share: float, count: int) -> str:
    """Return a sentence if a share of a batch of so many images is no image, else an empty string.

    Example:
        >>> rounded_to_none(0.1, 4)[:77]
        'nothing is augmented, because share=0.1 of a batch of 4 images rounds to none'
        >>> rounded_to_none(0.5, 4)
        ''
    """
    if not share or not count or round(share * count) > 0:
        return ""
    return (
        f"nothing is augmented, because share={share:g} of a batch of {count} images rounds to none: give a share of "
        f"{0.51 / count:.2g} or more, or larger batches"
    )


def _arguments(names: list[str], given: Mapping[str, Any]) -> str:
    listed = " and ".join(f"{name}={given[name]!r}" for name in names)
    return f"{listed} {'is' if len(names) == 1 else 'are'}"
