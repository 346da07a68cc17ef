"""Queries in chunks that fit into memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import GroupCAM, get_explainer
from camaug.explainers.queries import default_chunk_size, in_chunks, masked_scores, query_in_chunks


class Device:
    """Probabilities from the pixels' means, on a device whose memory holds `capacity` images."""

    def __init__(self, capacity: int, targets=(0, 3, 1)) -> None:
        self.capacity = capacity
        self.targets = torch.tensor(targets)
        self.sizes: list[int] = []
        self.model = nn.Identity()

    def __call__(self, images, owner):
        self.sizes.append(len(images))
        if len(images) > self.capacity:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return images.mean(dim=(2, 3)).softmax(dim=1).gather(1, self.targets[owner, None])[:, 0]


def scores_of(device, images, baseline, masks, **settings):
    return masked_scores(device, images, baseline, masks, model=device.model, **settings)


@pytest.fixture
def arguments():
    images, masks = torch.rand(3, 4, 6, 6), torch.rand(3, 5, 2, 2)
    return images, torch.zeros_like(images), masks


def test_scores_of_a_hidden_and_a_shown_pixel():
    """The pixel of class 0 is hidden, or shown with odds of 3 : 1."""
    image = torch.tensor([3.0, 1.0]).log().view(1, 2, 1, 1).expand(1, 2, 4, 4)
    masks = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    scores = scores_of(Device(99), image, torch.zeros_like(image), masks)
    torch.testing.assert_close(scores, torch.tensor([[0.5, 0.75]]))


def test_each_image_has_its_own_masks_and_target(arguments):
    images, baseline, masks = arguments
    together = scores_of(Device(99), images, baseline, masks)
    for n in range(3):
        for g in range(5):
            one = (images[n, None], baseline[n, None], masks[n, None, g, None])
            alone = scores_of(Device(99, [(0, 3, 1)[n]]), *one)
            torch.testing.assert_close(alone[0, 0], together[n, g])


@pytest.mark.parametrize("capacity", [1, 2, 3, 5, 8, 10])
@pytest.mark.parametrize("chunk_size", [None, 11])
def test_chunks_shrink_until_they_fit(arguments, capacity, chunk_size):
    expected = scores_of(Device(99), *arguments)
    device = Device(capacity)
    torch.testing.assert_close(scores_of(device, *arguments, chunk_size=chunk_size), expected)
    assert device.sizes[0] == (15 if chunk_size is None else 11)  # 4 × 4 pixels: all of them
    assert sum(size for size in device.sizes if size <= capacity) == 15  # chunks that did not fit were repeated
    assert device.sizes == sorted(device.sizes, reverse=True)


def test_one_image_that_does_not_fit_raises(arguments):
    device = Device(0)
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        scores_of(device, *arguments, chunk_size=8)
    assert device.sizes == [8, 4, 2, 1]


def test_an_explainer_works_with_little_memory(net, images, unchanged):
    net, images = net.double(), images.double()
    expected = GroupCAM(groups=4)(net, images).maps

    def forward(batch):
        if len(batch) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return net(batch)

    with unchanged(net):
        maps = GroupCAM(groups=4)(net, images, forward=forward).maps
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["score-cam", "ss-cam", "is-cam", "group-cam", "rise", "ablation-cam"])
def test_the_chunk_size_does_not_change_the_maps(net, images, name):
    settings = {"ss-cam": {"samples": 2}, "is-cam": {"steps": 2}, "group-cam": {"groups": 6}, "rise": {"masks": 80}}
    net, images = net.double(), images.double()
    whole, parts = (
        get_explainer(name, chunk_size=size, **settings.get(name, {}))(net, images).maps for size in (None, 5)
    )
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="`chunk_size` must be at least 1"):
        get_explainer(name, chunk_size=0)


@pytest.mark.parametrize("name", ["score-cam", "rise", "ablation-cam"])
def test_chunks_shrink_where_memory_is_short(net, images, name):
    net, images = net.double(), images.double()
    settings = {"rise": {"masks": 40}}.get(name, {})

    def forward(batch):
        logits = net(batch)
        if len(logits) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return logits

    expected = get_explainer(name, **settings)(net, images).maps
    torch.testing.assert_close(
        get_explainer(name, **settings)(net, images, forward=forward).maps, expected, rtol=1e-5, atol=1e-6
    )


def test_the_size_that_fitted_is_remembered_for_the_model_and_the_shape(arguments):
    device = Device(4)
    scores_of(device, *arguments, chunk_size=16)
    assert device.sizes == [15, 8, 4, 4, 4, 3]
    device.sizes.clear()
    scores_of(device, *arguments, chunk_size=16)
    assert device.sizes == [4, 4, 4, 3]
    device.sizes.clear()
    images = torch.rand(3, 4, 8, 8)
    scores_of(device, images, images, torch.rand(3, 5, 2, 2), chunk_size=16)
    assert device.sizes[0] == 15
    device.model, device.sizes = nn.Identity(), []
    scores_of(device, *arguments, chunk_size=16)
    assert device.sizes[0] == 15


def test_a_failure_of_a_single_image_is_not_remembered(arguments):
    device = Device(0)
    with pytest.raises(torch.OutOfMemoryError):
        scores_of(device, *arguments)
    device.capacity = 99
    device.sizes.clear()
    scores_of(device, *arguments)
    assert device.sizes == [15]


@pytest.mark.parametrize("count", [1, 4, 5, 7, 12, 13])
@pytest.mark.parametrize("chunk_size", [1, 3, 4, 50])
def test_overlapping_chunks_have_one_size(count, chunk_size):
    items, sizes = torch.arange(count), []

    def query(chunk):
        sizes.append(len(items[chunk]))
        return 2 * items[chunk]

    assert torch.equal(torch.cat(list(in_chunks(query, count, chunk_size, overlapping=True))), 2 * items)
    assert set(sizes) == {min(count, chunk_size)}


class Elsewhere(torch.Tensor):
    """Tensor that claims to be on an accelerator."""

    @property
    def device(self):
        return torch.device("cuda")


@pytest.mark.parametrize(("count", "chunk_size", "sizes"), [(34, 16, [12, 12, 12]), (32, 64, [32]), (7, 3, [3, 3, 3])])
def test_on_an_accelerator_all_chunks_have_one_size(count, chunk_size, sizes):
    images, seen = torch.rand(2, 3, 4, 4).as_subclass(Elsewhere), []

    def query(chunk):
        seen.append(chunk.stop - chunk.start)
        return torch.arange(chunk.start, chunk.stop)

    assert torch.equal(query_in_chunks(query, count, chunk_size, nn.Identity(), images), torch.arange(count))
    assert seen == sizes
    assert default_chunk_size(images) == 64
