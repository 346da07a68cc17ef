"""Arms of the comparison of recipes: how each trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms import v2

from camaug import GroupCamTransform
from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipes import as_recipe
from camaug.augmentation.recipes.hide_random import HideRandom
from camaug.augmentation.recipes.hide_salient import HideSalient
from camaug.augmentation.recipes.mask_tune import MaskTune
from camaug.augmentation.recipes.paired import Paired
from camaug.augmentation.recipes.paired_random import PairedRandom
from camaug.functional.pair_consistency import Consistency, pair_consistency
from camaug.functional.shifted_masks import shifted_masks

__all__ = ["ARMS", "CONTROLS", "Arm", "Mixed"]

CLASSES = 10
Mixed = tuple[Tensor, Tensor]
BatchMix = Callable[[Tensor, Tensor], Mixed]


@dataclass(frozen=True)
class Arm:
    """Training of one arm of the comparison.

    Attributes:
        recipe: The recipe, or its name; None for none.
        divergence: Kind of the consistency term of recipes with masked views.
        explainer: The explainer's name; None for the recipe's own.
        pixels: A transform of the uint8 images of each batch.
        mix: A transform of images and labels, on half of the batches.
        mixes_features: Whether half of the batches are mixed at a random stage of the network (ManifoldMixup).
        longer: Epochs, as a multiple of the other arms'.
        last_epoch_only: Whether the recipe is applied in one more epoch at the end alone, with maps made before it.
    """

    recipe: str | Recipe | None = None
    divergence: Consistency = "one-way"
    explainer: str | None = None
    pixels: nn.Module | None = None
    mix: BatchMix | None = None
    mixes_features: bool = False
    longer: float = 1.0
    last_epoch_only: bool = False

    def transform(self, model: nn.Module) -> GroupCamTransform | None:
        """Return the transform of its recipe, with the recipe's usual share."""
        if self.recipe is None:
            return None
        recipe = as_recipe(self.recipe)
        return GroupCamTransform(model, self.explainer, recipe=recipe, share=recipe.usual_share, fast=False)

    def loss(self, model: nn.Module, transform: GroupCamTransform | None, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of one training step."""
        if self.mixes_features:
            return _manifold_mixup_loss(model, images, labels)
        if self.mix is not None and torch.rand(()) < 0.5:
            images, labels = self.mix(images, labels)
        if transform is None:
            return F.cross_entropy(model(images), labels)
        augmented = transform.augment([images, labels])
        logits = model(augmented.images)
        loss = F.cross_entropy(logits, augmented.labels)
        if not transform.appends_masked_views:
            return loss
        return loss + pair_consistency(logits, augmented.index, kind=self.divergence)


@dataclass(frozen=True)
class MaskTuneRandom(MaskTune):
    """Control of MaskTune: the hidden regions are moved to random positions."""

    def masks(self, maps: Tensor) -> Tensor:
        """Return all but the moved regions."""
        return shifted_masks(super().masks(maps))


def _manifold_mixup_loss(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the loss with the features of a random stage mixed by Beta(0.2, 0.2), in half of the batches.

    Verma et al. 2019, Manifold Mixup (arXiv 1806.05236).
    """
    if torch.rand(()) < 0.5:
        return F.cross_entropy(model(images), labels)
    share = float(torch.distributions.Beta(0.2, 0.2).sample())
    order = torch.randperm(len(images)).to(images.device)
    stages: list[nn.Module] = list(model.blocks) if hasattr(model, "blocks") else list(model.features)  # type: ignore[arg-type]
    stage = int(torch.randint(len(stages) + 1, ()))
    if stage == 0:
        logits = model(torch.lerp(images[order], images, share))
    else:
        with _changed_output(stages[stage - 1], lambda features: torch.lerp(features[order], features, share)):
            logits = model(images)
    own, other = F.cross_entropy(logits, labels), F.cross_entropy(logits, labels[order])
    return share * own + (1 - share) * other


@contextmanager
def _changed_output(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    hook: Any = module.register_forward_hook(lambda module, inputs, output: change(output))
    with hook:
        yield


class _EraseHalf(nn.Module):
    """Random rectangles of a fifth of the area in half of the images, filled with the mean grey."""

    def __init__(self) -> None:
        super().__init__()
        self._erase = v2.RandomErasing(p=0.5, scale=(0.2, 0.2), ratio=(0.5, 2.0), value=127)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([self._erase(image) for image in images])


class _TrivialAugment(nn.Module):
    """TrivialAugment of each image."""

    def __init__(self) -> None:
        super().__init__()
        self._augment = v2.TrivialAugmentWide()

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([self._augment(image) for image in images])


HIDE, RANDOM = HideSalient(filling="mean"), HideRandom(filling="mean")
ARMS: Mapping[str, Arm] = {
    "none": Arm(),
    "none-long": Arm(longer=1.5),
    "mixup": Arm(mix=v2.MixUp(alpha=0.2, num_classes=CLASSES)),
    "manifold-mixup": Arm(mixes_features=True),
    "cutmix": Arm(mix=v2.CutMix(alpha=1.0, num_classes=CLASSES)),
    "random-erasing": Arm(pixels=_EraseHalf()),
    "trivial-augment": Arm(pixels=_TrivialAugment()),
    "hide-salient": Arm(HIDE),
    "hide-random": Arm(RANDOM),
    "hide-salient-blur": Arm(replace(HIDE, filling="blur")),
    "hide-random-blur": Arm(replace(RANDOM, filling="blur")),
    "hide-salient-image": Arm(replace(HIDE, filling="image")),
    "hide-random-image": Arm(replace(RANDOM, filling="image")),
    "hide-salient-0.1": Arm(replace(HIDE, area=0.1)),
    "hide-salient-0.35": Arm(replace(HIDE, area=0.35)),
    "hide-salient-0.5": Arm(replace(HIDE, area=0.5)),
    "hide-runner-up": Arm(replace(HIDE, explains="runner-up")),
    "hide-by-group-cam": Arm(HIDE, explainer="group-cam"),
    "mask-tune": Arm(MaskTune(filling="mean"), last_epoch_only=True),
    "mask-tune-random": Arm(MaskTuneRandom(filling="mean"), last_epoch_only=True),
    "salient-crop": Arm("salient-crop"),
    "avoid-crop": Arm("avoid-crop"),
    "random-crop": Arm("random-crop"),
    "snapmix": Arm("snapmix"),
    "paired-hide": Arm(Paired(view=HIDE)),
    "paired-hide-random": Arm(PairedRandom(view=RANDOM)),
    "paired-hide-symmetric": Arm(Paired(view=HIDE), divergence="jensen-shannon"),
    "paired-crop": Arm(Paired(view="salient-crop")),
    "paired-crop-random": Arm(PairedRandom(view="random-crop")),
    "paired-keep": Arm(Paired(view="keep-salient"), explainer="grad-cam"),
    "keep-salient": Arm("keep-salient", explainer="grad-cam"),
    "random-mask": Arm("random-mask", explainer="grad-cam"),
}
CONTROLS = {
    "hide-salient": "hide-random",
    "hide-salient-blur": "hide-random-blur",
    "hide-salient-image": "hide-random-image",
    "mask-tune": "mask-tune-random",
    "salient-crop": "random-crop",
    "avoid-crop": "random-crop",
    "snapmix": "cutmix",
    "paired-hide": "paired-hide-random",
    "paired-crop": "paired-crop-random",
    "keep-salient": "random-mask",
}
"""Arms and their controls, which differ in nothing but the use of the maps (SnapMix differs from CutMix in more)."""
