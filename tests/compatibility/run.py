"""Training with the callbacks on a case, and checks of what they did."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from camaug import GroupCAM
from camaug.callbacks import CamLogger, GroupCamAugmentation
from tests.compatibility.case import Case
from tests.compatibility.recording import MemoryLogger, RecordingExplainer
from tests.compatibility.sources import SIZE
from tests.toys import Blobs, quiet_trainer

__all__ = ["Run", "make_augmentation", "make_logger"]

IMAGES = 6
CALLBACKS = ("CamLogger", "GroupCamAugmentation")


def make_logger(settings: dict[str, Any]) -> CamLogger:
    """Return a logger whose explainer records."""
    settings = {"explainer": "layer-cam", **settings}
    return CamLogger(
        RecordingExplainer(explainer=settings.pop("explainer")),
        num_images=IMAGES,
        **settings,
    )


def make_augmentation(settings: dict[str, Any]) -> GroupCamAugmentation:
    """Return an augmentation of every image whose explainer records."""
    small = GroupCAM(groups=2, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
    settings = {"share": 1.0, "blur_kernel_size": 5, "blur_sigma": 5.0, **settings}
    return GroupCamAugmentation(RecordingExplainer(explainer=small), **settings)


class Run:
    """A training run of a case.

    Args:
        case: The case.
        folder: A folder for the Trainer.

    Attributes:
        module: The module.
        logged: What was logged.
        warned: The callbacks' warnings.
    """

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder = case, folder
        self.module, self.logged = case.module(), MemoryLogger()
        self.warned: list[str] = []

    def fit(self, *callbacks: L.Callback) -> None:
        """Train an epoch."""
        case, loader = self.case, self.case.loader()
        validation = loader if case.validation is None else case.validation()
        settings = {"max_epochs": 1, "logger": self.logged, **case.trainer}
        trainer = quiet_trainer(self.folder, *callbacks, *case.callbacks(), **settings)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            trainer.fit(self.module, loader, validation)
        texts = [str(each.message) for each in caught]
        self.warned = [text for text in texts if text.startswith(CALLBACKS) and "not to be trusted" not in text]

    @property
    def logged_heatmaps(self) -> list[str]:
        """The tags of the heatmaps."""
        return [tag for tag in self.logged.images if tag.startswith("cam/")]

    def check_heatmaps(self, explainer: RecordingExplainer) -> None:
        """Check that the heatmaps are of the data set's images, of the right classes, and not constant."""
        tags = [tag.split("/")[1:] for tag in self.logged_heatmaps if tag not in ("cam/overview", "cam/mistakes")]
        assert IMAGES - 1 <= len(tags) <= IMAGES
        classes = self.case.classes if self.case.shown is None else self.case.shown
        for *folder, index in tags:
            names = [(Blobs.classes[each], f"class {each}") for each in classes[int(index) % 3][:1]]
            assert folder in ([[name] for name in names[0]] if names else [[]]), f"image {index} is shown as {folder}"
        assert all(_is_original(image) for images, _ in explainer.calls for image in images)
        assert self.logged.metrics["cam/constant_maps"] == 0

    def check_augmented(self, explainer: RecordingExplainer) -> None:
        """Check that images were changed, and that the classes of their labels were explained."""
        assert not all(_is_original(image) for images in self.module.seen for image in images)
        calls = [(images, targets) for images, targets in explainer.calls if targets is not None]
        assert calls
        for images, targets in calls:
            rows = targets[:, None] if targets.dim() == 1 else targets
            for image, row in zip(images, rows.tolist(), strict=True):
                expected = self.case.classes[_position(image)]
                if targets.dim() == 2 or expected:  # the map of a single missing label is cleared afterwards
                    assert tuple(each for each in row if each >= 0) == expected


def check_warnings(warned: Sequence[str], expected: Sequence[str]) -> None:
    """Check that there are exactly the expected warnings."""
    assert len(warned) == len(expected), warned
    assert all(any(part in text for text in warned) for part in expected), warned


def _position(image: Tensor) -> int:
    """Return where the bright square of an image is: 0 left, 1 in the middle, 2 right."""
    columns = image.float()[:, 8:16].mean(dim=(0, 1))
    return int(columns.reshape(3, 8).mean(dim=1).argmax())


def _is_original(image: Tensor) -> bool:
    """Return True for an image of the data set, in whatever scale."""
    differences = _stretched(Blobs(SIZE).images) - _stretched(image[None])
    return bool((differences.abs().amax(dim=(1, 2, 3)) < 0.05).any())


def _stretched(images: Tensor) -> Tensor:
    """Return images stretched to [0, 1]."""
    low, high = (extreme(images.float(), (1, 2, 3), keepdim=True) for extreme in (torch.amin, torch.amax))
    return (images.float() - low) / (high - low).clamp(min=1e-6)
