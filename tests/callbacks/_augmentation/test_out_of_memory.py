"""Augmentation where the explanations do not fit into the device's memory beside the weights."""

from __future__ import annotations

import pytest
import torch

from camaug.callbacks import CamLogger, GroupCamAugmentation
from tests.toys import ToyClassifier

SMALL = {"blur_kernel_size": 5, "blur_sigma": 5.0}


class ShortOfMemory(ToyClassifier):
    """Classifier whose forward pass in evaluation mode fits into memory for a few images alone."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.failures: list[tuple[int, int]] = []  # number of training steps before, and of images

    def forward(self, images):
        if not self.training and len(images) > self.capacity:
            self.failures.append((len(self.seen), len(images)))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(images)


def train(make_trainer, loader, capacity, *callbacks):
    torch.manual_seed(0)
    module = ShortOfMemory(capacity)
    make_trainer(*callbacks, max_epochs=2).fit(module, loader)
    return module


@pytest.mark.parametrize("explainer", ["grad-cam", "group-cam"])
@pytest.mark.parametrize("recipe", ["paired", "hide-salient", "snapmix"])
def test_training_goes_on_with_the_same_images(recipe, explainer, make_trainer, loader):
    def callback():
        return GroupCamAugmentation(explainer, recipe=recipe, share=1.0, **SMALL)

    expected = train(make_trainer, loader, 10**6, callback())
    short = train(make_trainer, loader, 3, callback())
    assert len(short.seen) == len(expected.seen)
    # A pixel at the edge of a mask may fall either way in another batch.
    close = [torch.isclose(a, b, atol=1e-5).float().mean() for a, b in zip(short.seen, expected.seen, strict=True)]
    assert min(close) > 0.9
    explained = [failure for failure in short.failures if failure[0] > 0]
    assert explained == []  # the size that fitted is remembered from the first step on
    assert short.failures


@pytest.mark.filterwarnings("ignore:GroupCamAugmentation could not augment a batch")
def test_the_first_line_says_that_the_cost_is_not_known(make_trainer, loader, caplog):
    module = train(make_trainer, loader, 0, GroupCamAugmentation("grad-cam", share=1.0, **SMALL))
    assert len(module.seen) == 6
    assert "its cost is not known, because memory was too short to measure it" in caplog.text


def test_heatmaps_are_left_out_with_a_warning(make_trainer, loader):
    with pytest.warns(UserWarning, match="out of memory"):
        module = train(make_trainer, loader, 0, CamLogger("grad-cam", num_images=4))
    assert len(module.seen) == 6
