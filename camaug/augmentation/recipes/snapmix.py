"""SnapMix: a box of one image in a box of another, with labels weighted by the saliency that is visible."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from camaug.augmentation.recipe import Recipe, RecipeParams, Regions
from camaug.augmentation.recipe_registry import register_recipe
from camaug.explainers import Explainer
from camaug.explainers.methods.grad_cam import GradCAM
from camaug.functional.boxes import box_masks, paste_boxes
from camaug.functional.energy_share import energy_share
from camaug.utils.check_fraction import check_fraction
from camaug.utils.copied_to import copied_to

__all__ = ["SnapMix"]


@register_recipe("snapmix")
@dataclass(frozen=True)
class SnapMix(Recipe):
    """A box of the previous image of the batch, resized into a box of another place and size.

    Huang, Wang, Tao 2021, SnapMix (arXiv 2012.04846), section 3: each box covers ``1 - lambda`` of the image, with
    ``lambda ~ Beta(alpha, alpha)``, around a random centre, cut off at the border, the same in all images of the batch.
    With S the class activation map of an image's label, divided by its sum, the labels' weights are
    ``own = 1 - sum(S_own in the box pasted into)`` and ``other = sum(S_other in the box cut out)``, and the loss is
    ``own * loss(label) + other * loss(other label)`` (equations 4 and 5; the weights need not sum to one). The map is
    Grad-CAM without its last ReLU, which is CAM where the head is one linear layer on pooled features, shifted to a
    minimum of 0. Labels become :class:`camaug.augmentation.mixed_labels.MixedLabels`, of which the ``training_step``
    computes its loss as ever.

    Args:
        alpha: Parameter of the beta distribution. The paper's is 5.
        probability: Probability that a batch is mixed.
    """

    usual_share = 1.0
    evidence = (
        "it lost in short training runs on photos of clothes, and public reports of a gain are of fine-grained classes "
        "and long training: docs/augmentation.md has the evidence"
    )
    mixes_labels = True
    alpha: float = 5.0
    probability: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fraction("probability", self.probability)
        if self.alpha <= 0:
            raise ValueError(f"`alpha` must be positive, got {self.alpha}")

    def explainer(self) -> Explainer:
        """Return Grad-CAM without its last ReLU."""
        return GradCAM(relu=False)

    @property
    def share_of_batches(self) -> float:
        """The recipe's probability."""
        return self.probability

    def is_due(self) -> bool:
        """Return True with the recipe's probability."""
        return bool(torch.rand((), device="cpu") < self.probability)

    def masks(self, maps: Tensor) -> Tensor:
        """Return the masks of random regions."""
        return self.regions(maps).masks

    def regions(self, maps: Tensor) -> Regions:
        """Return the pixels that are kept, and two boxes: the one pasted into and the one cut out of the partner."""
        count, height, width = maps.shape
        boxes = copied_to(torch.stack([_draw_box(self.alpha, height, width) for _ in range(2)]), maps.device)
        has_evidence = maps.flatten(1).amax(dim=1) > 0 if maps.numel() else maps.new_zeros(count, dtype=torch.bool)
        is_mixed = has_evidence & has_evidence.roll(1) & (count > 1) & (boxes[:, 2:] > 0).all()
        boxes = boxes * is_mixed[:, None, None]
        return Regions(~box_masks(boxes[:, 0], (height, width)), boxes)

    def images(self, images: Tensor, params: RecipeParams) -> Tensor:
        """Return the images with the pasted boxes, (M, C, H, W)."""
        target, source = _boxes(params).unbind(1)
        return images.lerp(paste_boxes(images, images.roll(1, dims=0), source, target), params.strength)

    def label_weights(self, params: RecipeParams) -> tuple[Tensor, Tensor]:
        """Return the saliency that remains of each image, and that is pasted from its partner, (M,) each."""
        size = (params.maps.shape[1], params.maps.shape[2])
        target, source = (box_masks(boxes, size) for boxes in _boxes(params).unbind(1))
        partner_maps = params.maps.roll(1, dims=0)
        return 1 - params.strength * energy_share(params.maps, target), params.strength * energy_share(
            partner_maps, source
        )


def _boxes(params: RecipeParams) -> Tensor:
    assert params.regions.boxes is not None, "regions() makes them"
    return params.regions.boxes


def _draw_box(alpha: float, height: int, width: int) -> Tensor:
    """Draw a box that covers 1 - lambda of an image unless the border cuts it, (4,)."""
    kept = torch.distributions.Beta(alpha, alpha).sample()
    side = (1 - kept).sqrt()
    edges = []
    for length in (height, width):
        reach = int(length * side) // 2
        centre = int(torch.randint(length, (), device="cpu"))
        edges.append((max(centre - reach, 0), min(centre + reach, length)))
    (top, bottom), (left, right) = edges
    return torch.tensor([top, left, bottom - top, right - left], device="cpu")
