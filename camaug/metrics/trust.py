"""What speaks against heatmaps: that they are flat, the same for every class or with a random head, or the centre."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from camaug.explainers import Explainer, as_explainer
from camaug.inspection.neutral import neutral
from camaug.inspection.random_weights import head_randomised
from camaug.inspection.unwrap import unwrap
from camaug.metrics.checks import check_maps, check_targets, require_images
from camaug.metrics.drift import rank_correlation

__all__ = ["Trust", "are_constant", "centre_bias", "class_similarity", "head_similarity", "runner_up"]

Forward = Callable[[Tensor], Tensor]


def are_constant(maps: Tensor) -> Tensor:
    """Which maps have one value everywhere, and so show nothing.

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
    """The rank correlation of each map with a Gaussian in the centre of the image.

    Its standard deviations are a quarter of the height and of the width; as ranks alone count, only their proportion
    matters. A map of noise gets about 0, a flat one 0, and the Gaussian itself 1. Objects that were photographed stand
    in the centre more often than not, so that the figure of a good method is above 0; near 1 it knows no more than
    that, and the change from epoch to epoch and the difference between methods say more than the figure alone.

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
    """The most probable class other than the explained one.

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
    """The rank correlation of each map with that of the runner-up class, of the same image by the same method.

    Near 1 the map does not say what speaks for the class, whatever it is called.

    Args:
        explainer: The method that made the maps.
        model: The classifier; it is left as it was.
        images: (N, C, H, W).
        maps: (N, H, W).
        targets: The explained classes, (N,).
        forward: How logits come from images; the model itself by default.

    Returns:
        (N,), in [-1, 1]. Two flat maps agree, 1; a flat one and another do not correlate, 0.
    """
    with neutral(unwrap(model)):
        logits = (forward or model)(images)
    others = explainer(model, images, runner_up(logits, targets), forward=forward).maps
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
    """The rank correlation of each map with that of the same class where the model's head is random.

    Adebayo et al. 2018, Sanity Checks for Saliency Maps (arXiv 1810.03292), section 3. Near 1 the map does not show
    what the head has learned.

    Args:
        explainer: The method that made the maps.
        model: The classifier; it is left as it was.
        images: (N, C, H, W).
        maps: (N, H, W).
        targets: The explained classes, (N,).
        forward: How logits come from images; the model itself by default.
        seed: Of the random head (:func:`camaug.inspection.random_weights.head_randomised`).

    Returns:
        (N,), in [-1, 1]. Two flat maps agree, 1; a flat one and another do not correlate, 0.
    """
    with head_randomised(model, images, forward=forward, seed=seed):
        others = explainer(model, images, targets, forward=forward).maps
    return rank_correlation(maps, others)


class Trust(Metric):
    """What speaks against the maps of a method, averaged over images.

    ``compute`` gives

    * ``constant_maps``, the share of maps with one value everywhere, in [0, 1];
    * ``class_similarity``, the mean rank correlation with the map of the runner-up class;
    * ``head_similarity``, the mean rank correlation with the map of the same class where the head is random;
    * ``centre_bias``, the mean rank correlation with a Gaussian in the centre;

    the last three in [-1, 1]. The lower the first three, the better; both similarities are 1 for methods that do not
    look at the class (``class_specific = False``). Each image is explained twice more.

    Args:
        explainer: The method that makes the maps: a name of ``camaug.list_explainers()``, or an explainer.
        seed: Of the random head.
        forward: How logits come from images, where ``model(images)`` does not give them.
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

    full_state_update = False
    constant_maps: Tensor
    class_similarity: Tensor
    head_similarity: Tensor
    centre_bias: Tensor
    count: Tensor

    def __init__(
        self, explainer: str | Explainer = "group-cam", *, seed: int = 0, forward: Forward | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.explainer = as_explainer(explainer)
        self.seed = seed
        self.forward_function = forward
        for name in ("constant_maps", "class_similarity", "head_similarity", "centre_bias"):
            self.add_state(name, torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, model: nn.Module, images: Tensor, maps: Tensor, targets: Tensor | None = None) -> None:
        """Add images.

        Args:
            model: The classifier; it is left as it was.
            images: (N, C, H, W).
            maps: What the explainer makes of them, (N, H, W).
            targets: The explained classes, (N,); the predicted ones where None.

        Raises:
            ValueError: If maps and images do not match.
        """
        check_maps(maps, images)
        if len(images) == 0:
            return
        forward = self.forward_function
        if targets is None:
            with neutral(unwrap(model)):
                targets = (forward or model)(images).argmax(dim=1)
        asked = self.explainer, model, images, maps, targets
        self.constant_maps += are_constant(maps).sum()
        self.class_similarity += class_similarity(*asked, forward=forward).sum()
        self.head_similarity += head_similarity(*asked, forward=forward, seed=self.seed).sum()
        self.centre_bias += centre_bias(maps).sum()
        self.count += len(images)

    def compute(self) -> dict[str, Tensor]:
        """The figures over all images.

        Raises:
            ValueError: If there were none.
        """
        require_images(self, self.count)
        return {
            "constant_maps": self.constant_maps / self.count,
            "class_similarity": self.class_similarity / self.count,
            "head_similarity": self.head_similarity / self.count,
            "centre_bias": self.centre_bias / self.count,
        }


def _gaussian(size: int, device: torch.device) -> Tensor:
    """A Gaussian in the middle of ``size`` places, its standard deviation a quarter of them: (size,)."""
    places = torch.arange(size, device=device, dtype=torch.float32)
    return torch.exp(-(((places - (size - 1) / 2) / (size / 4)) ** 2) / 2)
