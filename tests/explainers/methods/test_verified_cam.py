"""Tests of Verified CAM: its score against a loop over the formula, its identities and its cost."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from camaug import GradCAM, get_explainer
from camaug.experiments.counting_forward import CountingForward
from camaug.explainers import Target
from camaug.explainers.base import Evidence
from camaug.explainers.methods.verified_cam import VerifiedCAM, smoothed
from camaug.functional.masks import gaussian_blur, normalise, resize
from camaug.functional.pixel_ranks import pixel_ranks

SMALL = {"blur_kernel_size": 5, "blur_sigma": 5.0}
CLOSE = {"rtol": 0, "atol": 1e-5}


class SquareNet(nn.Module):
    """Probability of class 0: the share of white pixels inside a square, with feature maps that show more than it."""

    def __init__(self, square: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("square", square)
        self.features = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.features.weight)

    def forward(self, images):
        inside = (self.features(images)[:, 0] * self.square).sum(dim=(1, 2)) / self.square.sum()
        outside = self.features(images).mean(dim=(1, 2, 3))
        return torch.stack([4 * inside, 0.01 * outside], dim=1)


def scores_by_hand(model, image, versions, target, shares):
    baseline = gaussian_blur(image, 5, 5.0)
    scores = []
    for version in versions:
        ranks = pixel_ranks((version[None] * 4096).round())[0]
        gains = []
        for share in shares:
            mask = (ranks < max(1, round(share * ranks.numel()))).float()
            shown, hidden = image * mask + baseline * (1 - mask), image * (1 - mask) + baseline * mask
            probability = [float(model(each).softmax(dim=1)[0, target]) for each in (shown, hidden)]
            gains.append(probability[0] - probability[1])
        scores.append(sum(gains) / len(gains))
    return torch.tensor(scores)


def test_scores_are_those_of_the_formula(net, images):
    explainer = VerifiedCAM(smoothing=(0, 0.1, 0.3), shares=(0.1, 0.5), **SMALL)
    evidence = explainer.gather(net, net, images, torch.tensor([1, 0, 3, 2]))
    versions = explainer.versions(evidence)
    scores = explainer.scores(evidence, versions)
    assert scores.shape == (4, 3)
    with torch.no_grad():
        for index, target in enumerate([1, 0, 3, 2]):
            expected = scores_by_hand(net, images[index : index + 1], versions[index], target, (0.1, 0.5))
            torch.testing.assert_close(scores[index], expected, **CLOSE)


def test_the_map_weights_the_versions_by_the_softmax_of_their_scores(net, images):
    explainer = VerifiedCAM(smoothing=(0, 0.1, 0.3), shares=(0.1, 0.5), temperature=0.02, **SMALL)
    evidence = explainer.gather(net, net, images, None)
    versions = explainer.versions(evidence)
    scores = explainer.scores(evidence, versions).detach()
    for index, image_map in enumerate(explainer.saliency(evidence)):
        powers = [math.exp(float(score) / 0.02) for score in scores[index]]
        expected = sum(power / sum(powers) * version for power, version in zip(powers, versions[index], strict=True))
        torch.testing.assert_close(image_map, expected, **CLOSE)


def test_at_temperature_zero_the_map_is_the_version_with_the_highest_score(net, images):
    explainer = VerifiedCAM(smoothing=(0, 0.1, 0.3), shares=(0.1, 0.5), temperature=0, **SMALL)
    evidence = explainer.gather(net, net, images, None)
    versions, maps = explainer.versions(evidence), explainer.saliency(evidence)
    best = explainer.scores(evidence, versions).argmax(dim=1)
    for index in range(4):
        assert torch.equal(maps[index], versions[index, best[index]])


@pytest.mark.parametrize("inner", ["grad-cam", "layer-cam", "group-cam"])
def test_one_version_without_smoothing_is_the_method_itself(inner, net, images):
    method = get_explainer(inner, **({"groups": 4} if inner == "group-cam" else {}))
    explanation = VerifiedCAM(method, smoothing=(0,))(net, images, 1)
    torch.testing.assert_close(explanation.maps, method(net, images, 1).maps, **CLOSE)


def test_one_width_is_the_smoothed_map(net, images):
    maps = VerifiedCAM(smoothing=(0.2,))(net, images, 1).maps
    expected = smoothed(GradCAM()(net, images, 1).maps, 0.2)
    torch.testing.assert_close(maps, normalise(expected), **CLOSE)


def test_equal_values_that_differ_by_rounding_errors_give_the_same_masks(net, images):
    explainer = VerifiedCAM(shares=(0.1, 0.5), **SMALL)
    evidence = explainer.gather(net, net, images, 1)
    versions = torch.rand(4, 2, 4, 4, generator=torch.Generator().manual_seed(0)).repeat_interleave(4, 2)
    versions = versions.repeat_interleave(4, 3)  # blocks of 16 equal pixels
    noise = 1e-7 * torch.rand(versions.shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(explainer.scores(evidence, versions), explainer.scores(evidence, versions + noise))


def test_chunks_give_the_map_of_the_whole(net, images):
    whole = VerifiedCAM(shares=(0.1, 0.4), chunk_size=1000)(net, images, 1)
    for size in (1, 2, 7):
        in_parts = VerifiedCAM(shares=(0.1, 0.4), chunk_size=size)(net, images, 1)
        torch.testing.assert_close(in_parts.maps, whole.maps, **CLOSE)


def test_a_map_at_two_sizes_reads_the_enlarged_images(net, images):
    explainer = VerifiedCAM(smoothing=(0,), scales=(1, 1.5), shares=(0.2,))
    evidence = explainer.gather(net, net, images, 2)
    versions = explainer.versions(evidence)
    small, large = GradCAM()(net, images, 2).maps, GradCAM()(net, resize(images, 1.5), 2).maps
    torch.testing.assert_close(versions[:, 0], small, **CLOSE)
    assert large.shape[-1] == 24
    assert evidence.scaled[1].images.shape[-1] == 24
    assert not torch.allclose(versions[:, 1], small, atol=1e-3)


def test_the_confirmed_version_is_the_smooth_one_where_the_object_is_wider_than_the_map():
    """The network reads a 12 × 12 square of grey pixels, of which feature maps show only a bright grid of points."""
    square = torch.zeros(24, 24)
    square[6:18, 6:18] = 1
    image = 0.4 * square.clone()
    image[6:18:4, 6:18:4] = 1.0
    image[0, 0] = 1.0  # a bright point that is no evidence
    explainer = VerifiedCAM(smoothing=(0.0, 0.12), shares=(0.25,), blur_kernel_size=23, blur_sigma=20.0)
    model, images = SquareNet(square), image[None, None]
    evidence = Evidence(model, model, images, Target(torch.tensor([0])), model(images).detach())
    points = (image == 1).float()
    scores = explainer.scores(evidence, torch.stack([points, smoothed(points[None], 0.12)[0]])[None])
    assert scores[0, 1] > scores[0, 0]


def count(explainer, net, images, targets=1):
    forward = CountingForward(net)
    explainer(net, images, targets, forward=forward)  # finds the layer
    forward.images = 0
    explainer(net, images, targets, forward=forward)
    return forward.images / len(images)


def test_passes(net, images):
    assert count(VerifiedCAM(), net, images) == 17
    assert count(VerifiedCAM(smoothing=(0.1,)), net, images) == 1
    assert count(VerifiedCAM(smoothing=(0, 0.1, 0.2), shares=(0.2,)), net, images) == 7
    assert count(VerifiedCAM(scales=(1, 1.5), shares=(0.2,)), net, images) == 10


def test_the_first_passes_are_shared_by_all_targets(net, images):
    targets = torch.tensor([[0, 3], [2, 1], [1, 4], [4, 0]])
    assert count(VerifiedCAM(scales=(1, 1.5), shares=(0.2,)), net, images, targets) == 2 + 2 * 8


@pytest.mark.parametrize("image", [torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 3.0)])
def test_constant_images(image, net):
    explanation = VerifiedCAM()(net, image)
    assert explanation.maps.isfinite().all()


def test_a_dead_layer_has_an_empty_map(net, images):
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    assert not VerifiedCAM()(net, images, 1).maps.any()


def any_network(random: torch.Generator) -> nn.Module:
    """Draw a small network, whose head may end in a ReLU, and whose channels may be dead."""
    convolution, head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
    for parameter in (*convolution.parameters(), *head.parameters()):
        parameter.data = torch.randn(parameter.shape, generator=random) * 10 ** float(torch.rand(1, generator=random))
    if torch.rand(1, generator=random) < 0.3:
        convolution.bias.data[:] = -1e4
    last = [nn.ReLU()] if torch.rand(1, generator=random) < 0.5 else []
    return nn.Sequential(convolution, nn.ReLU(), head, *last, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def any_images(random: torch.Generator, count: int) -> torch.Tensor:
    """Draw images, of which some are constant, black, dark, or very bright."""
    images = torch.randn(count, 3, 10, 12, generator=random)
    factors = torch.tensor([1.0, 0.0, 1e-6, 1e4])[torch.randint(4, (count,), generator=random)]
    images = images * factors[:, None, None, None]
    images[::5] = images[::5].mean(dim=(2, 3), keepdim=True)
    return images


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_network_and_the_images(seed):
    """50 images each, 2,000 together."""
    random = torch.Generator().manual_seed(seed)
    net, images = any_network(random), any_images(random, 50)
    widths = torch.rand(1 + seed % 3, generator=random).tolist()
    explainer = VerifiedCAM(
        smoothing=(0, *widths),
        scales=(1, 1.5) if seed % 2 else (1,),
        shares=tuple((0.05 + 0.9 * torch.rand(1 + seed % 2, generator=random)).tolist()),
        temperature=(0, 0.03)[seed % 4 // 2],
        chunk_size=13,
        **SMALL,
    )
    explanation = explainer(net, images)
    assert explanation.maps.isfinite().all()
    assert explanation.maps.amin() >= 0
    assert explanation.maps.amax() <= 1
    evidence = explainer.gather(net, net, images, None)
    scores = explainer.scores(evidence, explainer.versions(evidence)).detach()
    assert scores.abs().max() <= 1
    torch.testing.assert_close(explainer.weights(scores).sum(dim=1), torch.ones(50))
    alone = explainer(net, images[seed : seed + 1], explanation.targets[seed : seed + 1])
    if explainer.temperature:  # without it equal scores are decided by rounding errors
        torch.testing.assert_close(alone.maps[0], explanation.maps[seed], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smoothing": ()}, "`smoothing` must hold shares"),
        ({"smoothing": (-0.1,)}, "`smoothing` must hold shares"),
        ({"scales": (0,)}, "`scales` must hold sizes above 0"),
        ({"shares": (0.5, 1.0)}, "`shares` must hold shares of the pixels between 0 and 1"),
        ({"shares": ()}, "`shares` must hold shares of the pixels between 0 and 1"),
        ({"temperature": -0.1}, "`temperature` must be at least 0"),
        ({"blur_kernel_size": 4}, "`blur_kernel_size` must be a positive odd number"),
        ({"chunk_size": 0}, "`chunk_size` must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        VerifiedCAM(**settings)


def test_smoothing_keeps_the_sum_and_does_nothing_at_zero():
    maps = torch.rand(2, 12, 20)
    assert smoothed(maps, 0) is maps
    torch.testing.assert_close(smoothed(torch.ones(1, 12, 20), 0.2), torch.ones(1, 12, 20))
