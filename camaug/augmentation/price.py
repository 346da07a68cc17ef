"""What each setting of the augmentation costs and is worth, for a user's own model, images and machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from camaug.augmentation.batch import class_indices
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.augmentation.price_settings import Setting, price_settings
from camaug.fast_forward.forward import FastForward
from camaug.functional.masks import map_iou
from camaug.functional.rank_correlation import rank_correlation
from camaug.functional.recipes import kept_pixels
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.timing import now

__all__ = ["Price", "Pricing", "price"]

PLANNED_ROUNDS = 4  # the warm-up among them
FORWARDS_OF_A_STEP = 3  # a backward pass takes about twice as long as a forward pass


@dataclass(frozen=True)
class Price:
    """What a setting costs, and how like its maps are to the exact ones.

    Attributes:
        setting: The setting; None for no augmentation at all.
        passes: Forward passes of full size for each image of a batch.
        seconds: Added to a training step.
        steps: The same in plain training steps.
        overlap: Mean intersection over union of the binary masks with the exact ones, in [0, 1]; None where it was not
            measured.
        correlation: Mean rank correlation of the maps with the exact ones, in [-1, 1]; None likewise.
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
    """Measure the settings in turn with a training step until the time is out.

    Args:
        model: The classifier in training.
        step: Does one plain training step of the batch.
        images: A training batch, (N, C, H, W).
        labels: Its labels, class indices (N,) or probabilities (N, classes).
        **settings: Arguments of :class:`Pricing`.

    Returns:
        The prices, and how they were measured.
    """
    pricing = Pricing(model, images, labels, **settings)
    while not pricing.is_finished:
        pricing.explain()
        begun = pricing.clock(images.device)
        step()
        pricing.add_step(pricing.clock(images.device) - begun)
    return pricing.prices(), pricing


class Pricing:
    """Measures settings of the augmentation in rounds: each explains, and there is one training step.

    A first round warms up and does not count; then there are as many as fit into the time, and at least one. Each
    explains as many images of the batch as make about three rounds possible, other ones in every round; their time
    is counted for the whole batch.

    Args:
        model: The classifier in training; it is looked at without a trace.
        images: A training batch, (N, C, H, W).
        labels: Its labels, class indices (N,) or probabilities (N, classes).
        settings: What is measured; the first is what the others' maps are compared with.
        seconds: How long it may take in all.
        forward: How logits (N, classes) come from images, where ``model(images)`` does not give them.
        blur_kernel_size: Width of the augmentation's blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        clock: Gives the seconds.

    Raises:
        ValueError: If there are no settings, or no time.

    Example:
        >>> import torchvision
        >>> model = torchvision.models.resnet18(num_classes=5)
        >>> images, labels = torch.rand(2, 3, 64, 64), torch.tensor([0, 4])
        >>> prices, pricing = price(model, lambda: model(images).sum().backward(), images, labels, seconds=0.1)
        >>> [row.setting.name for row in prices[1:3]]
        ['exact, plain', 'exact, fast']
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
            raise ValueError("`settings` names no setting: there is nothing to measure")
        if not seconds > 0:
            raise ValueError(f"`seconds` is how long the measurement may take, and must be above 0, got {seconds}")
        self.model = model
        self.images, self.labels = images, labels
        self.seconds = seconds
        self.clock = clock
        self.rounds = 0
        self._begun = self._round_begun = clock(images.device)
        self._round_seconds = 0.0
        self._steps: list[float] = []
        self._forward = forward or model
        blur = {"blur_kernel_size": blur_kernel_size, "blur_sigma": blur_sigma}
        self._measured = [_Measured.of(setting, model, self._forward, blur) for setting in self.settings]
        self.count = self._affordable()

    def explain(self) -> None:
        """Begin a round: let every setting augment its images once."""
        self._round_begun = self.clock(self.images.device)
        count = len(self.images)
        place = (torch.arange(self.count) + self.rounds * self.count) % count
        index = place.to(self.images.device)
        images, labels = self.images[index], self.labels[index]
        reference: Tensor | None = None
        seen_all = self.rounds * self.count >= count
        for measured in self._measured:
            part = max(1, round(self.count * measured.setting.share))
            begun = self.clock(images.device)
            maps = measured.explain(images[:part], labels[:part])
            explained = self.clock(images.device)
            measured.replace(images[:part], maps)
            replaced = self.clock(images.device)
            if self.rounds > 0:
                epochs = measured.setting.refresh_epochs or 1  # that an explanation serves
                measured.seconds.append(((explained - begun) / epochs + replaced - explained) / part)
            reference = maps if reference is None else reference
            if not seen_all and measured.setting.refresh_epochs is None:
                measured.compare(maps, reference[:part])

    def add_step(self, seconds: float) -> None:
        """End a round: a plain training step took so long."""
        if self.rounds > 0:
            self._steps.append(seconds)
        self.rounds += 1
        self._round_seconds = self.clock(self.images.device) - self._round_begun

    @property
    def is_finished(self) -> bool:
        """Whether one round was measured, and there is no time for another."""
        spent = self.clock(self.images.device) - self._begun
        return self.rounds > 1 and spent + self._round_seconds > self.seconds

    @property
    def step_seconds(self) -> float:
        """How long a plain training step takes."""
        return statistics.median(self._steps)

    def prices(self) -> list[Price]:
        """No augmentation first, then the settings in their order."""
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
        """Seconds since the beginning."""
        return self.clock(self.images.device) - self._begun

    def _affordable(self) -> int:
        """How many images each setting can explain in a round."""
        few = self.images[:2]
        seconds = []
        for _ in range(2):  # the first is slower
            begun = self.clock(few.device)
            with neutral(unwrap(self.model)):
                self._forward(few)
            seconds.append(self.clock(few.device) - begun)
        of_an_image = seconds[-1] / len(few)
        count = len(self.images)
        round_seconds = self.seconds / PLANNED_ROUNDS - FORWARDS_OF_A_STEP * of_an_image * count
        passes = sum(setting.expected_passes for setting in self.settings)
        if of_an_image <= 0:
            return count
        return min(count, max(1, int(round_seconds / (passes * of_an_image))))


class _CountingForward:
    """Counts the pixels that the model is asked about: a query of half the side is a quarter of a pass."""

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        self.forward = self.__wrapped__ = forward
        self.pixels = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.pixels += _pixels(images)
        return self.forward(images)


@dataclass
class _Measured:
    """A setting, and what was measured of it."""

    setting: Setting
    model: nn.Module
    asked: Callable[[Tensor], Tensor]
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
        asked = FastForward(model, counting) if setting.fast else counting
        return cls(setting, model, asked, counting, GroupCamTransform(model, setting.explainer, fast=False, **blur))

    def explain(self, images: Tensor, labels: Tensor) -> Tensor:
        """The maps, (N, H, W)."""
        before = self.counting.pixels
        # Not by the transform, which decides by itself whether the fast way is good enough.
        maps = self.setting.explainer(self.model, images, class_indices(labels), forward=self.asked).maps
        # The last round's count stays: the first has questions in it that are asked once.
        self.passes = (self.counting.pixels - before) / _pixels(images)
        return maps

    def replace(self, images: Tensor, maps: Tensor) -> None:
        """Make the images that training would get."""
        index = torch.arange(len(images), device=images.device)
        params = {"index": index, "maps": maps, "masks": kept_pixels(maps, self.transform.recipe)}
        self.transform.transform(images, params)

    def compare(self, maps: Tensor, reference: Tensor) -> None:
        """Note how like the maps are to the exact ones."""
        self.overlaps.append(map_iou(maps, reference).cpu())
        self.correlations.append(rank_correlation(maps, reference).cpu())


def _pixels(images: Tensor) -> int:
    return len(images) * images.shape[2] * images.shape[3]


def _mean(values: Sequence[Tensor]) -> float | None:
    return float(torch.cat(list(values)).float().mean()) if values else None
