"""The line that says what augmentation does and costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.augmentation.recipe import Recipe
from camaug.explainers.fast_path import COMPARED_IMAGES
from camaug.inspection.neutral import neutral
from camaug.inspection.probability_outputs import describe_probabilities
from camaug.inspection.sharded_weights import whole_weights
from camaug.utils.out_of_memory import is_out_of_memory

from .._logging.check_integer_images import check_integer_images
from .._logging.failure import Failure
from .._trainer.run_length import planned_epochs
from .expected_cost import ExpectedCost, expected_cost
from .schedule import Schedule
from .step_factor import step_factor
from .unused_settings import rounded_to_none, unused_schedule

__all__ = ["announce", "measured_images"]


def announce(
    trainer: L.Trainer,
    transform: GroupCamTransform,
    schedule: Schedule,
    batch: Any,
    *,
    refresh_every_n_epochs: int | None,
    deciding: bool,
) -> None:
    """Check the first batch, explain a few of its images, and print what augmentation does and how much time it takes.

    Args:
        trainer: The trainer.
        transform: The transform.
        schedule: The schedule.
        batch: The first batch.
        refresh_every_n_epochs: Number of epochs between refreshes of the saliency bank; None without a bank.
        deciding: True if these explanations may decide between the fast and the plain forward.

    Raises:
        ValueError: If the batch has no images or labels, or they do not fit the model.
    """
    reading = transform.read(batch)
    images, labels = reading.pixels, reading.plain_labels
    integer_dtype = reading.images.dtype if reading.are_integers else None
    check_integer_images(trainer.lightning_module, images[:1], transform.forward_function, integer_dtype)
    recipe = transform.recipe
    if recipe.needs_maps:
        share = schedule.share * recipe.share_of_batches
        try:
            cost = _measure(trainer, transform, schedule.share, images, labels, deciding)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            time = "; its cost is not known, because memory was too short to measure it"
        else:
            time = _time(cost, share, refresh_every_n_epochs, masked_views=recipe.adds_masked_views)
        method = f" by {transform.explainer.name}"
    else:
        method = time = ""
    batches = "" if recipe.share_of_batches == 1 else f", in {recipe.share_of_batches:.0%} of the batches"
    settings = _settings(recipe, transform.strength)
    rank_zero_info(f"GroupCamAugmentation: recipe {recipe.name!r}{settings}{method}, on {schedule}{batches}{time}")
    problems = unused_schedule(schedule, planned_epochs(trainer)), rounded_to_none(schedule.share, len(images))
    for problem in filter(None, problems):
        rank_zero_warn(f"GroupCamAugmentation: {problem}")
    if recipe.mixes_labels and len(images) == 1:
        rank_zero_warn(
            f"GroupCamAugmentation: the recipe {recipe.name!r} mixes images of a batch, and this batch has one image, "
            "which stays as it is: set a larger batch size"
        )
    if recipe.evidence:
        rank_zero_info(f"GroupCamAugmentation: {recipe.name}: {recipe.evidence}")


def _settings(recipe: Recipe, strength: float) -> str:
    """Return a recipe's settings in parentheses, with the strength unless it is full."""
    fields = {each.name: getattr(recipe, each.name) for each in dataclasses.fields(recipe)}
    if strength < 1:
        fields["strength"] = strength
    return f" ({', '.join(f'{name}={_shown(value)}' for name, value in fields.items())})" if fields else ""


def _shown(value: object) -> str:
    if isinstance(value, Recipe):
        return f"{value.name}{_settings(value, 1.0)}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _measure(
    trainer: L.Trainer, transform: GroupCamTransform, share: float, images: Tensor, labels: Tensor, deciding: bool
) -> ExpectedCost:
    module = trainer.lightning_module
    forward = module if transform.forward_function is None else transform.forward_function
    with whole_weights(module), trainer.precision_plugin.forward_context():
        if not transform.explaining.is_settled:
            with _clear_forward_errors(module, forward, images[:1]):
                first = transform.explain(images[:COMPARED_IMAGES], labels[:COMPARED_IMAGES], deciding=deciding)
            if sentence := describe_probabilities(first.logits):
                rank_zero_warn(f"GroupCamAugmentation: {sentence}")
        count = measured_images(share, len(images), images.device.type)
        explain = partial(transform.explain, labels=labels[:count], deciding=False)
        return expected_cost(explain, module, forward, images, count)


def measured_images(share: float, count: int, device: str) -> int:
    """Return the number of images whose explanation is timed: as many as a step explains, on a CPU up to eight.

    A small batch takes longer for each image on an accelerator, but not on a CPU, where a large one would delay the
    start.

    Args:
        share: Share of a batch that is explained.
        count: Number of images in a batch.
        device: Type of the device.

    Example:
        >>> measured_images(0.5, 64, "cpu"), measured_images(0.5, 64, "cuda"), measured_images(0.1, 4, "cuda")
        (8, 32, 1)
    """
    explained = max(1, round(share * count))
    return min(explained, COMPARED_IMAGES) if device == "cpu" else explained


@contextmanager
def _clear_forward_errors(
    module: L.LightningModule, forward: Callable[[Tensor], object], images: Tensor
) -> Iterator[None]:
    """Replace an error inside the block by one with the remedy, if the forward fails with images alone.

    Raises:
        ValueError: If the forward fails.
    """
    try:
        yield
    except ValueError:  # which says what to do
        raise
    except Exception as failure:
        if is_out_of_memory(failure):  # no mistake of the arguments
            raise
        try:
            with neutral(module):
                forward(images)
        except Exception as error:
            cause = Failure.of(error).cause.rstrip(".")
            raise ValueError(
                f"the module's forward fails when it is called with images alone, a tensor {tuple(images.shape)} "
                f"({cause}): give GroupCamAugmentation(forward=), a function of module and images that returns logits"
            ) from error
        raise


def _time(cost: ExpectedCost, share: float, refresh_every_n_epochs: int | None, *, masked_views: bool) -> str:
    # A refresh explains every image, and serves several epochs.
    explaining = cost.steps * share if refresh_every_n_epochs is None else cost.steps / refresh_every_n_epochs
    factor = step_factor(explaining, share, masked_views=masked_views)
    refresh = "" if refresh_every_n_epochs is None else f"with a refresh every {refresh_every_n_epochs} epochs "
    number = f"{cost.passes:.0f}"
    passes = [f"about {number} forward pass{'es' * (number != '1')} for each explained image"] if cost.passes else []
    views = [f"{share:.0%} more images in a batch"] if masked_views else []
    reasons = f" ({', '.join(passes + views)})" if passes or views else ""
    return f": {refresh}a step takes about {factor:g} times as long as without{reasons}"
