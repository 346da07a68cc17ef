from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from torch import nn

from camaug import GradCAM, GroupCAM, get_explainer
from camaug.explainers import LayerEvidence, Target
from camaug.explainers.methods.group_cam import cluster_channels, group_maps
from camaug.inspection.resolve_layer import ResolvedLayer

TARGETS = torch.tensor([0, 3, 2, 4])


# By hand


def two_channel_net() -> nn.Module:
    """Return a network of features (x, 3 - x) and logits (mean of channel 0, 2 * mean of channel 1)."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        model[0].bias.copy_(torch.tensor([0.0, 3.0]))
        model[3].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    return model


def confidence_in_class_0(mean: float) -> float:
    """Softmax over the two logits of an image with the given mean: (mean, 2 * (3 - mean))."""
    return 1 / (1 + math.exp(2 * (3 - mean) - mean))


def test_maps_of_one_group_per_channel():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])  # mean 3
    # Channel 0 is (1, 2, 3, 6), channel 1 is (2, 1, 0, -3), rectified (2, 1, 0, 0).
    first, second = [0.0, 0.2, 0.4, 1.0], [1.0, 0.5, 0.0, 0.0]
    # A window of one pixel blurs nothing, so the masked images are the image: both gains are 0, and the map is empty.
    plain = GroupCAM(groups=2, theta=None, weighted=False, blur_kernel_size=1)
    assert plain(two_channel_net(), image, 0).maps.eq(0).all()
    # A uniform window of 3 over reflected borders, rows first: each pixel becomes (itself + 2 * its neighbour) / 3 in
    # both directions. Rows: (5/3, 4/3), (5, 4); columns then: (35/9, 28/9), (25/9, 20/9).
    baseline = [35 / 9, 28 / 9, 25 / 9, 20 / 9]
    pixels = [1.0, 2.0, 3.0, 6.0]

    def shown(mask):
        return sum(x * m + b * (1 - m) for x, b, m in zip(pixels, baseline, mask, strict=True)) / 4

    nothing = confidence_in_class_0(sum(baseline) / 4)
    gains = [confidence_in_class_0(shown(mask)) - nothing for mask in (first, second)]
    assert gains[0] > 0 > gains[1]
    saliency = [max(gains[0] * a + gains[1] * b, 0) for a, b in zip(first, second, strict=True)]
    expected = torch.tensor(saliency).view(1, 2, 2) / max(saliency)
    blurred = GroupCAM(groups=2, theta=None, weighted=False, blur_kernel_size=3, blur_sigma=1e6)
    torch.testing.assert_close(blurred(two_channel_net(), image, 0).maps, expected, rtol=1e-5, atol=1e-5)

    # Without the baseline, the weights are the confidences themselves.
    scores = [confidence_in_class_0(shown(mask)) for mask in (first, second)]
    saliency = torch.tensor([scores[0] * a + scores[1] * b for a, b in zip(first, second, strict=True)]).view(1, 2, 2)
    expected = (saliency - saliency.min()) / (saliency.max() - saliency.min())
    raw = GroupCAM(groups=2, theta=None, weighted=False, subtract_baseline=False, blur_kernel_size=3, blur_sigma=1e6)
    torch.testing.assert_close(raw(two_channel_net(), image, 0).maps, expected, rtol=1e-5, atol=1e-5)


def test_maps_with_weights_and_denoising():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    # For class 0, w = (1/4, 0): the second group is empty. The first is x/4 = (.25, .5, .75, 1.5); half of its values
    # are above the median, (.625): (0, 0, .75, 1.5), normalised (0, 0, .5, 1). One group is left: its own map.
    explainer = GroupCAM(groups=2, theta=50, blur_kernel_size=3, blur_sigma=1e6)
    torch.testing.assert_close(explainer(two_channel_net(), image, 0).maps, torch.tensor([[[0.0, 0.0], [0.5, 1.0]]]))


def test_group_maps_of_uneven_groups():
    activations = torch.tensor([1.0, -2.0, 4.0, 8.0, -16.0]).view(1, 5, 1, 1)
    assert group_maps(activations, 1).flatten().tolist() == [0.0]
    # 5 channels in 2 groups: 3 and 2; in 3 groups: 2, 2 and 1.
    assert group_maps(activations, 2).flatten().tolist() == [3.0, 0.0]
    assert group_maps(activations, 3).flatten().tolist() == [0.0, 12.0, 0.0]
    assert group_maps(activations, 5).flatten().tolist() == [1.0, 0.0, 4.0, 8.0, 0.0]
    weights = torch.tensor([[1.0, -1.0, 0.0, 0.5, -0.25]])
    assert group_maps(activations, 2, weights).flatten().tolist() == [3.0, 8.0]


# Reference implementation of the formulas, in float64, one image at a time


def _reference_blur(image: np.ndarray, kernel_size: int, sigma: float) -> np.ndarray:
    reach = kernel_size // 2
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode="reflect")
    rows = np.apply_along_axis(np.convolve, 1, padded, kernel, "valid")
    return np.apply_along_axis(np.convolve, 2, rows, kernel, "valid")


def _reference_upsample(field: np.ndarray, height: int, width: int) -> np.ndarray:
    """Linear between the centres of the pixels along each axis, constant beyond the outermost."""
    for axis, size in enumerate((height, width)):
        old = field.shape[axis]
        places = (np.arange(size) + 0.5) * old / size - 0.5
        field = np.apply_along_axis(lambda line: np.interp(places, np.arange(old), line), axis, field)  # noqa: B023
    return field


def _reference_norm(field: np.ndarray) -> np.ndarray:
    spread = field.max() - field.min()
    return (field - field.min()) / spread if spread > 0 else np.zeros_like(field)


def _reference_group_cam(body, tail, image, target, *, groups, theta, weighted, subtract_baseline, normalise_after):
    def confidence(pixels: np.ndarray) -> float:
        with torch.no_grad():
            logits = tail(body(torch.from_numpy(pixels)[None]))[0].numpy()
        exponentials = np.exp(logits - logits.max())
        return exponentials[target] / exponentials.sum()

    features = body(image[None]).detach().requires_grad_()
    tail(features)[0, target].backward()
    weights = features.grad[0].numpy().mean(axis=(1, 2))
    maps, pixels = features.detach()[0].numpy(), image.numpy()
    height, width = pixels.shape[1:]
    base, extra = divmod(len(maps), groups)
    baseline = _reference_blur(pixels, 51, 50.0)
    saliency = np.zeros((height, width))
    start = 0
    for group in range(groups):
        stop = start + base + (group < extra)
        mask = sum((weights[k] if weighted else 1.0) * maps[k] for k in range(start, stop))
        start = stop
        mask = np.maximum(mask, 0)
        if theta is not None:
            mask = np.where(mask > np.percentile(mask, theta), mask, 0)
        if normalise_after:
            mask = _reference_norm(_reference_upsample(mask, height, width))
        else:
            mask = _reference_upsample(_reference_norm(mask), height, width)
        gain = confidence(pixels * mask + baseline * (1 - mask))
        saliency += (gain - (confidence(baseline) if subtract_baseline else 0)) * mask
    assert start == len(maps)
    return _reference_norm(np.maximum(saliency, 0))


class Ten(nn.Module):
    """A network with ten channels of 6 x 8 positions and a head with a hidden layer."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Sequential(nn.Conv2d(3, 10, 3, 2, 1), nn.Tanh())
        self.tail = nn.Sequential(nn.Flatten(), nn.Linear(480, 8), nn.Tanh(), nn.Linear(8, 5))
        with torch.no_grad():
            self.tail[3].weight.mul_(8)
        self.double().eval()

    def forward(self, images):
        return self.tail(self.body(images))


@pytest.mark.parametrize("groups", [1, 4, 10])
@pytest.mark.parametrize("theta", [None, 70])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("subtract_baseline", [True, False])
@pytest.mark.parametrize("normalise_after", [True, False])
def test_maps_against_the_formulas(groups, theta, weighted, subtract_baseline, normalise_after):
    settings = {
        "groups": groups,
        "theta": theta,
        "weighted": weighted,
        "subtract_baseline": subtract_baseline,
        "normalise_after": normalise_after,
    }
    model = Ten(seed=groups)
    images = torch.rand(3, 3, 12, 16, dtype=torch.float64)
    ours = GroupCAM(layer="body", **settings)(model, images, TARGETS[:3]).maps.double().numpy()
    reference = [
        _reference_group_cam(model.body, model.tail, image, int(target), **settings)
        for image, target in zip(images, TARGETS, strict=False)
    ]
    if groups > 1:
        assert np.max(reference) > 0
    np.testing.assert_allclose(ours, np.stack(reference), rtol=0, atol=1e-5)


# Identities


@pytest.mark.parametrize("seed", range(6))
def test_one_group_without_denoising_is_grad_cam(make_net, images, evidence_of, seed):
    net = make_net(seed).double()
    images = images.double()
    one = GroupCAM(groups=1, theta=None, blur_kernel_size=3)
    targets = (TARGETS + seed) % 5
    evidence = evidence_of(net, images, targets)
    ((gains,), masks) = (one.weights(evidence, one.maps(evidence)).T, one.maps(evidence))
    grad_cam = GradCAM()(net, images, targets).maps
    group_cam = one(net, images, targets).maps
    torch.testing.assert_close(group_cam[gains > 0], grad_cam[gains > 0], rtol=0, atol=1e-5)
    assert group_cam[gains <= 0].eq(0).all()
    # At the features' own size, whatever the gain.
    raw = GradCAM().saliency(evidence)
    low, high = raw.amin(dim=(1, 2), keepdim=True), raw.amax(dim=(1, 2), keepdim=True)
    expected = torch.where(high > low, (raw - low) / (high - low).clamp(min=1e-30), 0)
    torch.testing.assert_close(masks[:, 0], expected, rtol=0, atol=1e-5)


def test_some_gains_of_the_previous_test_are_positive(make_net, images, evidence_of):
    one = GroupCAM(groups=1, theta=None, blur_kernel_size=3)
    positive = 0
    for seed in range(6):
        evidence = evidence_of(make_net(seed).double(), images.double(), (TARGETS + seed) % 5)
        positive += int((one.weights(evidence, one.maps(evidence)) > 0).sum())
    assert positive >= 8


@pytest.mark.parametrize("weighted", [True, False])
def test_the_chunk_size_does_not_change_the_maps(net, images, weighted):
    net, images = net.double(), images.double()
    whole = GroupCAM(groups=5, weighted=weighted)(net, images).maps
    assert whole.amax() == 1
    for chunk_size in (1, 3, 7, 1000):
        chunked = GroupCAM(groups=5, weighted=weighted, chunk_size=chunk_size)(net, images).maps
        torch.testing.assert_close(chunked, whole, rtol=0, atol=1e-6)


def test_chunk_size_bounds_the_forward_passes(net, images):
    sizes = []

    def forward(batch):
        sizes.append(len(batch))
        return net(batch)

    GroupCAM(groups=5, chunk_size=6, layer="body", theta=None, weighted=False)(net, images, forward=forward)
    # The images, then the 5 masked images and the baseline of each, in chunks of six.
    assert sizes == [4, 6, 6, 6, 6]
    sizes.clear()
    with torch.no_grad():
        net.body[1].bias.fill_(1)  # no channel is silent in any image
    GroupCAM(groups=12, layer="body", theta=None, weighted=False)(net, images, forward=forward)
    assert sizes == [4, 4 * 13]  # small images, all at once


def test_empty_groups_need_no_query(net, images):
    """An empty group shows the baseline, which is a query already."""
    counted = []

    def forward(batch):
        counted.append(len(batch))
        return net(batch)

    expected = GroupCAM(groups=4, theta=None, weighted=False, layer="body")(net, images).maps
    with torch.no_grad():
        net.body[1].weight[3:9], net.body[1].bias[3:9] = 0, -1  # the second and the third of four groups
    maps = GroupCAM(groups=4, theta=None, weighted=False, layer="body")(net, images, forward=forward).maps
    assert sum(counted) == 4 + 4 * 3
    assert maps.amax() == 1
    assert not torch.equal(maps, expected)


def test_queries_of_half_the_size(net, images):
    """The masked images have half the height and width, and the map covers the whole image."""
    seen = []

    def forward(batch):
        seen.append(tuple(batch.shape[2:]))
        return net(batch)

    maps = GroupCAM(groups=4, query_scale=0.5)(net, images, forward=forward).maps
    assert seen.index((8, 8)) == len(seen) - 1  # the search for the layer, the images, and all 20 queries at once
    assert maps.shape == (4, 16, 16)


@pytest.mark.parametrize("scale", [0, -1, 1.5])
def test_an_invalid_scale_is_refused(scale):
    with pytest.raises(ValueError, match="`query_scale` must be above 0 and at most 1"):
        GroupCAM(query_scale=scale)


def test_without_weights_there_is_no_backward_pass(net, images, monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("a backward pass")

    monkeypatch.setattr(torch.autograd, "grad", refuse)
    monkeypatch.setattr(torch.autograd, "backward", refuse)
    assert GroupCAM(groups=4, weighted=False)(net, images).maps.amax() == 1


# Bad input


def test_empty_groups_change_nothing(net, images):
    """Channels 0 to 5 are always 0: half of the groups are empty, and the others keep their maps."""
    with torch.no_grad():
        net.body[0].weight[:6] = 0
        net.body[0].bias[:6] = -1
    maps = GroupCAM(groups=4)(net, images).maps
    assert maps.isfinite().all()
    assert maps.amax() == 1
    alive = GroupCAM(groups=12)(net, images).maps
    assert alive.isfinite().all()


def test_the_map_of_empty_groups_is_empty(net, images):
    with torch.no_grad():
        net.body[0].weight.zero_()
        net.body[0].bias.fill_(-1)
    for settings in ({}, {"theta": None}, {"weighted": False}, {"normalise_after": True}, {"subtract_baseline": False}):
        assert GroupCAM(groups=4, **settings)(net, images, 0).maps.eq(0).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("settings", [{}, {"weighted": False, "theta": None}, {"normalise_after": True}])
def test_maps_of_images_that_are_not_finite_are_finite(net, images, bad, settings):
    net, images = net.double(), images.double()
    explainer = GroupCAM(groups=4, **settings)
    expected = explainer(net, images, 0).maps
    broken = images.clone()
    broken[1, 2, 3, 4] = bad
    maps = explainer(net, broken, 0).maps
    assert maps[1].eq(0).all()
    others = [0, 2, 3]
    assert expected[others].amax() > 0
    torch.testing.assert_close(maps[others], expected[others], rtol=0, atol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_maps_of_models_that_are_not_finite_are_finite(net, images, bad):
    with torch.no_grad():
        net.head.weight.fill_(bad)
    assert GroupCAM(groups=4)(net, images, 0).maps.eq(0).all()
    assert GradCAM()(net, images, 0).maps.eq(0).all()


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"groups": 0}, "`groups` must be at least 1, got 0"),
        ({"theta": 101}, "`theta` is a percentile and must be between 0 and 100, or None, got 101"),
        ({"theta": -0.5}, "`theta` .* got -0.5"),
        ({"theta": math.nan}, "`theta` .* got nan"),
        ({"chunk_size": 0}, "`chunk_size` must be at least 1 image, or None, got 0"),
    ],
)
def test_invalid_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        GroupCAM(**settings)


def test_more_groups_than_channels_are_refused(net, images):
    with pytest.raises(ValueError, match="`groups` must be between 1 and the layer's 12 channels, got 13"):
        GroupCAM(groups=13)(net, images)
    with pytest.raises(ValueError, match="between 1 and the layer's 3 channels, got 0"):
        group_maps(torch.ones(1, 3, 2, 2), 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blur_kernel_size": 4}, "`blur_kernel_size` must be a positive odd number of pixels, got 4"),
        ({"blur_sigma": 0}, "`blur_sigma` must be a positive number of pixels, got 0"),
    ],
)
def test_an_invalid_blur_is_refused(net, images, settings, message):
    with pytest.raises(ValueError, match=message):
        GroupCAM(groups=4, **settings)(net, images)


@pytest.mark.parametrize(("weighted", "expected"), [(True, 32), (False, 16)])
def test_the_default_number_of_groups_is_the_papers_or_the_number_of_channels(weighted, expected):
    for channels in (8, 40):
        batch_sizes = []

        def forward(queries, batch_sizes=batch_sizes):
            batch_sizes.append(len(queries))
            return torch.full((len(queries), 2), 0.5)

        evidence = LayerEvidence(
            nn.Identity(),
            forward,
            images=torch.rand(1, 3, 8, 8),
            target=Target(torch.tensor([0])),
            logits=torch.zeros(1, 2),
            layer=ResolvedLayer("", nn.Identity()),
            activations=torch.rand(1, channels, 4, 4),
            gradients=torch.ones(1, channels, 4, 4),
        )
        GroupCAM(weighted=weighted).saliency(evidence)
        assert sum(batch_sizes) == min(expected, channels) + 1  # the masks, and the baseline


@pytest.mark.parametrize("grouping", ["k-means", "agglomerative"])
def test_similar_channels_form_one_group(grouping):
    patterns = torch.zeros(3, 4, 4)
    patterns[0, :2], patterns[1, 2:], patterns[2, :, :2] = 1, 1, 1
    kinds = torch.tensor([[0, 2, 1, 0, 1, 2, 0], [1, 1, 2, 0, 2, 0, 1]])
    maps = patterns[kinds] + 0.01 * torch.rand(2, 7, 4, 4)
    labels = cluster_channels(maps, 3, grouping)
    for found, kind in zip(labels, kinds, strict=True):
        assert torch.equal(found[:, None] == found, kind[:, None] == kind)
    sums = group_maps(maps, 3, grouping=grouping)
    expected = torch.stack([maps[0][labels[0] == group].sum(dim=0) for group in range(3)])
    torch.testing.assert_close(sums[0], expected)


@pytest.mark.parametrize("grouping", ["k-means", "agglomerative"])
def test_one_cluster_equals_one_group(net, images, grouping):
    together, alone = (
        get_explainer("group-cam", groups=1, theta=None, grouping=how)(net, images).maps for how in (grouping, "order")
    )
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="`grouping` must be 'order', 'k-means' or 'agglomerative', got 'dbscan'"):
        get_explainer("group-cam", grouping="dbscan")


def test_clusters_need_scikit_learn(monkeypatch, net, images):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(ImportError, match=r"'k-means' needs scikit-learn, .* pip install 'camaug\[clusters\]'"):
        get_explainer("group-cam", groups=4, grouping="k-means")(net, images)
