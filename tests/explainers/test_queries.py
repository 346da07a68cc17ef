"""Chunks that fit memory."""

from __future__ import annotations

import pytest
import torch

from camaug import GroupCAM
from camaug.explainers.queries import masked_probabilities


class Device:
    """Probabilities from the pixels' means, on a device whose memory holds `room` images."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked: list[int] = []

    def __call__(self, images):
        self.asked.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return images.mean(dim=(2, 3)).softmax(dim=1)


@pytest.fixture
def arguments():
    images, masks = torch.rand(3, 4, 6, 6), torch.rand(3, 5, 2, 2)
    return images, torch.zeros_like(images), masks, torch.tensor([0, 3, 1])


def test_by_hand():
    """Class 0's pixel is shown, or is not; log 3 against 0 is 3 : 1."""
    image = torch.tensor([3.0, 1.0]).log().view(1, 2, 1, 1).expand(1, 2, 4, 4)
    masks = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    scores = masked_probabilities(Device(99), image, torch.zeros_like(image), masks, torch.tensor([0]))
    torch.testing.assert_close(scores, torch.tensor([[0.5, 0.75]]))


def test_each_image_with_its_own_masks_and_target(arguments):
    images, baseline, masks, targets = arguments
    together = masked_probabilities(Device(99), images, baseline, masks, targets)
    for n in range(3):
        for g in range(5):
            one = (images[n, None], baseline[n, None], masks[n, None, g, None], targets[n, None])
            torch.testing.assert_close(masked_probabilities(Device(99), *one)[0, 0], together[n, g])


@pytest.mark.parametrize("room", [1, 2, 3, 5, 8, 10])
@pytest.mark.parametrize("chunk_size", [None, 11])
def test_chunks_shrink_until_they_fit(arguments, room, chunk_size):
    expected = masked_probabilities(Device(99), *arguments)
    device = Device(room)
    torch.testing.assert_close(masked_probabilities(device, *arguments, chunk_size=chunk_size), expected)
    assert device.asked[0] == (15 if chunk_size is None else 11)
    assert sum(size for size in device.asked if size <= room) == 15
    assert device.asked == sorted(device.asked, reverse=True)


def test_one_image_that_does_not_fit_is_an_error(arguments):
    device = Device(0)
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        masked_probabilities(device, *arguments, chunk_size=8)
    assert device.asked == [8, 4, 2, 1]


def test_explainer_with_little_memory(net, images, unchanged):
    net, images = net.double(), images.double()
    expected = GroupCAM(groups=4)(net, images).maps

    def forward(batch):
        if len(batch) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return net(batch)

    with unchanged(net):
        maps = GroupCAM(groups=4)(net, images, forward=forward).maps
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-6)
