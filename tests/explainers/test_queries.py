"""Chunks that fit memory."""

from __future__ import annotations

import pytest
import torch

from camaug import GroupCAM
from camaug.explainers.queries import masked_scores


class Device:
    """Probabilities from the pixels' means, on a device whose memory holds `room` images."""

    def __init__(self, room: int, targets=(0, 3, 1)) -> None:
        self.room = room
        self.targets = torch.tensor(targets)
        self.asked: list[int] = []

    def __call__(self, images, owner):
        self.asked.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return images.mean(dim=(2, 3)).softmax(dim=1).gather(1, self.targets[owner, None])[:, 0]


@pytest.fixture
def arguments():
    images, masks = torch.rand(3, 4, 6, 6), torch.rand(3, 5, 2, 2)
    return images, torch.zeros_like(images), masks


def test_by_hand():
    """Class 0's pixel is shown, or is not; log 3 against 0 is 3 : 1."""
    image = torch.tensor([3.0, 1.0]).log().view(1, 2, 1, 1).expand(1, 2, 4, 4)
    masks = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    scores = masked_scores(Device(99), image, torch.zeros_like(image), masks)
    torch.testing.assert_close(scores, torch.tensor([[0.5, 0.75]]))


def test_each_image_with_its_own_masks_and_target(arguments):
    images, baseline, masks = arguments
    together = masked_scores(Device(99), images, baseline, masks)
    for n in range(3):
        for g in range(5):
            one = (images[n, None], baseline[n, None], masks[n, None, g, None])
            alone = masked_scores(Device(99, [(0, 3, 1)[n]]), *one)
            torch.testing.assert_close(alone[0, 0], together[n, g])


@pytest.mark.parametrize("room", [1, 2, 3, 5, 8, 10])
@pytest.mark.parametrize("chunk_size", [None, 11])
def test_chunks_shrink_until_they_fit(arguments, room, chunk_size):
    expected = masked_scores(Device(99), *arguments)
    device = Device(room)
    torch.testing.assert_close(masked_scores(device, *arguments, chunk_size=chunk_size), expected)
    assert device.asked[0] == (15 if chunk_size is None else 11)  # 4 × 4 pixels: all of them
    assert sum(size for size in device.asked if size <= room) == 15  # those that did not fit were asked again
    assert device.asked == sorted(device.asked, reverse=True)


def test_one_image_that_does_not_fit_is_an_error(arguments):
    device = Device(0)
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        masked_scores(device, *arguments, chunk_size=8)
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
