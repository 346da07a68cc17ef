"""Cost and map quality of augmentation settings, measured on a user's own model, images and machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from camaug.augmentation.explain_labels import explain_labels
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.augmentation.price_settings import Setting, price_settings
from camaug.fast_forward.forward import FastForward
from camaug.functional.masks import map_iou
from camaug.functional.rank_correlation import rank_correlation
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.timing import now

__all__ = ["Price", "Pricing", "price"]

PLANNED_ROUNDS = 4  # including the warm-up
FORWARDS_PER_STEP = 3  # a backward pass takes about twice as long as a forward pass


@dataclass(frozen=True)
class Price:
    """Cost of a setting, and agreement of its maps with those of the first setting.

    Attributes:
        setting: The setting; None for training without augmentation.
        passes: Full-size forward passes for each image of a batch.
        seconds: Seconds added to a training step.
        steps: The same in plain training steps.
        overlap: Mean IoU of the binary masks with the first setting's, in [0, 1]; None if not measured.
        correlation: Mean rank correlation of the maps with the first setting's, in [-1, 1]; None if not measured.
    """

    setting: Setting | None
    passes: float = 0.0
    seconds: float = 0.0
    steps: float = 0.0
    overlap: float | None = None
    correlation: float | None = None


def price(
    model: nn.Module, step: Callable[[], object], images: Tensor, labels: Tensor, **settings: Any
) -> tuple[list[Price], Pricing]:
    """Measure the settings in alternation with a training step until the time is up.

    Args:
        model: The classifier in training.
        step: A function that does one plain training step with the batch.
        images: A training batch, (N, C, H, W).
        labels: Its labels, of any kind that :func:`camaug.augmentation.label_targets.label_targets` reads.
        **settings: Further arguments of :class:`Pricing`.

    Returns:
        The prices, and the measurement with its number of rounds and duration.
    """
    pricing = Pricing(model, images, labels, **settings)
    while not pricing.is_finished:
        pricing.explain()
        start = pricing.clock(images.device)
        step()
        pricing.add_step(pricing.clock(images.device) - start)
    return pricing.prices(), pricing


class Pricing:
    """Measurement of augmentation settings in rounds: every setting explains images, then one training step runs.

    The first round is a warm-up and does not count. After it at least one round runs, and more while the time lasts.
    The number of images that each setting explains is chosen so that about three rounds fit. Every round explains
    other images of the batch, and their time is scaled to the whole batch.

    Args:
        model: The classifier in training; its state stays as it is.
        images: A training batch, (N, C, H, W).
        labels: Its labels, of any kind that :func:`camaug.augmentation.label_targets.label_targets` reads.
        settings: The settings; the maps of the first are the reference for the others. None for the usual ones.
        seconds: Total time of the measurement.
        forward: A function from images to logits (N, classes), for a model whose forward returns something else.
        blur_kernel_size: Width of the augmentation's blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        clock: A function from a device to the current time in seconds.

    Raises:
        ValueError: If there are no settings, or ``seconds`` is not positive.

    Example:
        >>> import torchvision
        >>> model = torchvision.models.resnet18(num_classes=5)
        >>> images, labels = torch.rand(2, 3, 64, 64), torch.tensor([0, 4])
        >>> prices, pricing = price(model, lambda: model(images).sum().backward(), images, labels, seconds=0.1)
        >>> [row.setting.name for row in prices[1:3]]
        ['grad-cam, without the fast forward', 'grad-cam, all images']
    """

    def __init__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        settings: Sequence[Setting] | None = None,
        *,
        seconds: float = 45.0,
        forward: Callable[[Tensor], Tensor] | None = None,
        blur_kernel_size: int = 51,
        blur_sigma: float = 50.0,
        clock: Callable[[torch.device], float] = now,
    ) -> None:
        self.settings = price_settings() if settings is None else list(settings)
        if not self.settings:
            raise ValueError("`settings` is empty: give at least one setting to measure")
        if not seconds > 0:
            raise ValueError(f"`seconds`, the time of the measurement, must be above 0, got {seconds}")
        self.model = model
        self.images, self.labels = images, labels
        self.seconds = seconds
        self.clock = clock
        self.rounds = 0
        self._start = self._round_start = clock(images.device)
        self._round_seconds = 0.0
        self._steps: list[float] = []
        self._forward = forward or model
        blur = {"blur_kernel_size": blur_kernel_size, "blur_sigma": blur_sigma}
        self._measured = [_Measured.of(setting, model, self._forward, blur) for setting in self.settings]
        self.count = self._images_per_round()

    def explain(self) -> None:
        """Start a round: let every setting augment its images once."""
        self._round_start = self.clock(self.images.device)
        count = len(self.images)
        index = ((torch.arange(self.count) + self.rounds * self.count) % count).to(self.images.device)
        images, labels = self.images[index], self.labels[index]
        reference: Tensor | None = None
        seen_all = self.rounds * self.count >= count
        for measured in self._measured:
            part = max(1, round(self.count * measured.setting.share))
            start = self.clock(images.device)
            maps = measured.explain(images[:part], labels[:part])
            explained = self.clock(images.device)
            measured.augment(images[:part], labels[:part], maps)
            augmented = self.clock(images.device)
            if self.rounds > 0:
                epochs_per_map = measured.setting.refresh_epochs or 1
                measured.seconds.append(((explained - start) / epochs_per_map + augmented - explained) / part)
            reference = maps if reference is None else reference
            if not seen_all and measured.setting.refresh_epochs is None:
                measured.compare(maps, reference[:part])

    def add_step(self, seconds: float) -> None:
        """End a round with the seconds that its plain training step took."""
        if self.rounds > 0:
            self._steps.append(seconds)
        self.rounds += 1
        self._round_seconds = self.clock(self.images.device) - self._round_start

    @property
    def is_finished(self) -> bool:
        """True if a round was measured and the time does not suffice for another."""
        spent = self.clock(self.images.device) - self._start
        return self.rounds > 1 and spent + self._round_seconds > self.seconds

    @property
    def step_seconds(self) -> float:
        """Median seconds of a plain training step."""
        return statistics.median(self._steps)

    def prices(self) -> list[Price]:
        """Return the prices: training without augmentation first, then the settings in their order."""
        step = self.step_seconds
        rows = [Price(None)]
        for measured in self._measured:
            seconds = statistics.median(measured.seconds) * len(self.images) * measured.setting.share
            passes = measured.passes * measured.setting.share / (measured.setting.refresh_epochs or 1)
            overlap, correlation = (_mean(values) for values in (measured.overlaps, measured.correlations))
            rows.append(Price(measured.setting, passes, seconds, seconds / step, overlap, correlation))
        return rows

    @property
    def took(self) -> float:
        """Seconds since the start of the measurement."""
        return self.clock(self.images.device) - self._start

    def _images_per_round(self) -> int:
        """Return how many images each setting can explain in a round."""
        few = self.images[:2]
        for _ in range(2):  # the first pass is slower
            start = self.clock(few.device)
            with neutral(unwrap(self.model)):
                self._forward(few)
            pass_seconds = (self.clock(few.device) - start) / len(few)
        count = len(self.images)
        round_seconds = self.seconds / PLANNED_ROUNDS - FORWARDS_PER_STEP * pass_seconds * count
        passes = sum(setting.expected_passes for setting in self.settings)
        if pass_seconds <= 0:
            return count
        return min(count, max(1, int(round_seconds / (passes * pass_seconds))))


class _CountingForward:
    """A forward function that counts pixels: a query of half the side is a quarter of a pass."""

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        self.forward = self.__wrapped__ = forward
        self.pixels = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.pixels += _pixels(images)
        return self.forward(images)


@dataclass
class _Measured:
    """A setting and its measurements."""

    setting: Setting
    model: nn.Module
    forward: Callable[[Tensor], Tensor]
    counting: _CountingForward
    transform: GroupCamTransform
    seconds: list[float] = field(default_factory=list)
    overlaps: list[Tensor] = field(default_factory=list)
    correlations: list[Tensor] = field(default_factory=list)
    passes: float = 0.0

    @classmethod
    def of(
        cls, setting: Setting, model: nn.Module, forward: Callable[[Tensor], Tensor], blur: dict[str, Any]
    ) -> _Measured:
        counting = _CountingForward(forward)
        used = FastForward(model, counting) if setting.fast else counting
        return cls(setting, model, used, counting, GroupCamTransform(model, setting.explainer, fast=False, **blur))

    def explain(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the maps, (N, H, W)."""
        before = self.counting.pixels
        # Not through the transform, which would itself decide between the fast and the plain forward.
        explain = partial(self.setting.explainer, self.model, forward=self.forward)
        maps = explain_labels(explain, images, labels).maps
        # Overwritten in every round, because the first also contains passes that are needed only once.
        self.passes = (self.counting.pixels - before) / _pixels(images)
        return maps

    def augment(self, images: Tensor, labels: Tensor, maps: Tensor) -> None:
        """Make the images that training would get."""
        self.transform.augment([images, labels], maps)

    def compare(self, maps: Tensor, reference: Tensor) -> None:
        """Record the agreement of the maps with the first setting's."""
        self.overlaps.append(map_iou(maps, reference).cpu())
        self.correlations.append(rank_correlation(maps, reference).cpu())


def _pixels(images: Tensor) -> int:
    return len(images) * images.shape[2] * images.shape[3]


def _mean(values: Sequence[Tensor]) -> float | None:
    return float(torch.cat(list(values)).float().mean()) if values else None
