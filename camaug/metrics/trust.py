"""Warnings about untrustworthy heatmaps: constant, class-independent, weight-independent or merely central."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from camaug.explainers import Explainer, as_explainer
from camaug.explainers.target import Target
from camaug.functional.rank_correlation import rank_correlation
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.random_weights import head_randomised
from camaug.inspection.unwrap import unwrap
from camaug.metrics.checks import check_targets
from camaug.metrics.confidence import predicted_classes
from camaug.metrics.mean_over_images import ModelMetric
from camaug.utils.check_types import check_types

__all__ = ["Trust", "are_constant", "centre_bias", "class_similarity", "head_similarity", "runner_up"]

Forward = Callable[[Tensor], Tensor]


def are_constant(maps: Tensor) -> Tensor:
    """Return True for each map that has one value everywhere, and so shows nothing.

    Args:
        maps: (N, H, W).

    Returns:
        Boolean (N,).

    Example:
        >>> are_constant(torch.tensor([[[0.0, 0.0]], [[0.0, 1.0]]]))
        tensor([ True, False])
    """
    return maps.amax(dim=(1, 2)) == maps.amin(dim=(1, 2))


def centre_bias(maps: Tensor) -> Tensor:
    """Compute the rank correlation of each map with a Gaussian in the centre of the image.

    Its standard deviations are a quarter of the height and of the width; only their ratio matters to ranks. A noise map
    gets about 0, a constant map 0, and the Gaussian itself 1. Photographed objects are more often in the centre than
    not, so a good method is above 0. A method near 1 shows only that; changes between epochs and differences between
    methods tell more than the value itself.

    Args:
        maps: (N, H, W).

    Returns:
        (N,), in [-1, 1].

    Example:
        >>> centre_bias(torch.tensor([[[0.0, 1.0, 0.0]], [[1.0, 0.0, 1.0]]]))
        tensor([ 1., -1.])
    """
    down, across = (_gaussian(size, maps.device) for size in maps.shape[1:])
    return rank_correlation(maps, (down[:, None] * across).expand_as(maps))


def runner_up(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the most probable class other than the explained one.

    Args:
        logits: (N, classes).
        targets: The explained classes, (N,).

    Returns:
        Classes (N,).

    Example:
        >>> runner_up(torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]]), torch.tensor([0, 1]))
        tensor([2, 0])
    """
    check_targets(targets, logits)
    return logits.scatter(1, targets[:, None], -torch.inf).argmax(dim=1)


def class_similarity(
    explainer: Explainer,
    model: nn.Module,
    images: Tensor,
    maps: Tensor,
    targets: Tensor,
    *,
    forward: Forward | None = None,
) -> Tensor:
    """Compute the rank correlation of each map with the map of the runner-up class.

    Near 1 the map does not depend on the class.

    Args:
        explainer: The method that made the maps.
        model: The classifier; its state is left unchanged.
        images: (N, C, H, W).
        maps: (N, H, W).
        targets: The explained classes, (N,).
        forward: Function from images to logits, where they cannot be read from ``model(images)``.

    Returns:
        (N,), in [-1, 1]; 1 for two constant maps, 0 for a constant map and another.
    """
    with neutral(unwrap(model)):
        logits = LogitsForward(forward or model)(images)
    others = explainer(model, images, Target(runner_up(logits, targets)), forward=forward).maps
    return rank_correlation(maps, others)


def head_similarity(
    explainer: Explainer,
    model: nn.Module,
    images: Tensor,
    maps: Tensor,
    targets: Tensor,
    *,
    forward: Forward | None = None,
    seed: int = 0,
) -> Tensor:
    """Compute the rank correlation of each map with the map of the same class under a random head.

    Adebayo et al. 2018, Sanity Checks for Saliency Maps (arXiv 1810.03292), section 3. Near 1 the map does not depend
    on what the head has learned.

    Args, returned values and their range are those of :func:`class_similarity`; ``seed`` draws the random head
    (:func:`camaug.inspection.random_weights.head_randomised`).
    """
    with head_randomised(model, images, forward=forward, seed=seed):
        others = explainer(model, images, targets, forward=forward).maps
    return rank_correlation(maps, others)


class Trust(ModelMetric):
    """Warnings about the maps of a method, averaged over images.

    ``compute`` returns

    * ``constant_maps``, the share of maps with one value everywhere, in [0, 1];
    * ``class_similarity``, the mean rank correlation with the map of the runner-up class;
    * ``head_similarity``, the mean rank correlation with the map of the same class under a random head;
    * ``centre_bias``, the mean rank correlation with a Gaussian in the centre;

    the last three in [-1, 1]. Lower is better for the first three. Both similarities are 1 for methods that ignore the
    class (``class_specific = False``). Each image is explained twice more.

    Args:
        explainer: The method that makes the maps: a name of ``camaug.list_explainers()``, or an explainer.
        seed: Seed of the random head.
        forward: Function from images to logits, where they cannot be read from ``model(images)``.
        **kwargs: Arguments of TorchMetrics' ``Metric``.

    Raises:
        ValueError: If the explainer's name is unknown.

    Example:
        >>> import torchvision
        >>> from camaug import GradCAM
        >>> model, images, explainer = torchvision.models.resnet18().eval(), torch.rand(2, 3, 64, 64), GradCAM()
        >>> metric = Trust(explainer)
        >>> metric.update(model, images, explainer(model, images).maps)
        >>> sorted(metric.compute())
        ['centre_bias', 'class_similarity', 'constant_maps', 'head_similarity']
    """

    values = ("constant_maps", "class_similarity", "head_similarity", "centre_bias")

    def __init__(
        self, explainer: str | Explainer = "group-cam", *, seed: int = 0, forward: Forward | None = None, **kwargs: Any
    ) -> None:
        chosen = as_explainer(explainer)
        check_types(Trust.__init__, locals())
        super().__init__(forward=forward, **kwargs)
        self.explainer = chosen
        self.seed = seed

    def measure(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
        """Compute the four values of each image, (N,)."""
        forward = self.forward_function
        if targets is None:
            targets = predicted_classes(model, images, forward)
        inputs = self.explainer, model, images, maps, targets
        return {
            "constant_maps": are_constant(maps),
            "class_similarity": class_similarity(*inputs, forward=forward),
            "head_similarity": head_similarity(*inputs, forward=forward, seed=self.seed),
            "centre_bias": centre_bias(maps),
        }


def _gaussian(size: int, device: torch.device) -> Tensor:
    """Return a centred Gaussian over ``size`` positions, with a quarter of them as its standard deviation: (size,)."""
    positions = torch.arange(size, device=device, dtype=torch.float32)
    return torch.exp(-(((positions - (size - 1) / 2) / (size / 4)) ** 2) / 2)
