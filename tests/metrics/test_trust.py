from __future__ import annotations

import pytest
import torch

from camaug import GradCAM, get_explainer
from camaug.inspection.random_weights import head_randomised
from camaug.metrics import (
    Trust,
    are_constant,
    centre_bias,
    class_similarity,
    head_similarity,
    rank_correlation,
    runner_up,
)

TARGETS = torch.tensor([1, 3, 0, 2])


def test_constant_maps_are_found():
    maps = torch.zeros(4, 2, 2)
    maps[1, 0, 0], maps[2] = 1e-6, 0.7
    assert are_constant(maps).tolist() == [True, False, True, True]


def test_centre_bias_of_small_maps():
    # The Gaussian's ranks are 1.5 3.5 3.5 1.5. The ramp goes up as much as down along it. 0 0 1 0 ranks 2 2 4 2:
    # centred (-1 1 1 -1) . (-.5 -.5 1.5 -.5) = 2, norms² 4 and 3.
    maps = torch.tensor([[[0.0, 1.0, 2.0, 3.0]], [[0.0, 0.0, 1.0, 0.0]], [[0.0, 5.0, 5.0, 0.0]]])
    torch.testing.assert_close(centre_bias(maps), torch.tensor([0.0, 2 / 12**0.5, 1.0]))


@pytest.mark.parametrize("size", [(32, 32), (31, 57)])
def test_centre_bias_of_a_centred_blob_of_noise_and_of_constant_maps(size):
    height, width = size
    down, across = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    blob = 1 / (1 + down**2 + across**2)
    # The proportions of the image: (size - 1) of the blob, size of the Gaussian.
    assert centre_bias(torch.stack([blob, -blob])).tolist() == pytest.approx([1, -1], abs=1e-2)
    assert centre_bias(torch.rand(20, height, width)).mean().abs() < 0.02
    assert centre_bias(torch.full((1, height, width), 0.5)).tolist() == [0]
    corner = torch.zeros(1, height, width)
    corner[:, : height // 3, : width // 3] = 1
    assert centre_bias(corner) < -0.2


def test_runner_up_is_never_the_explained_class():
    logits = torch.randn(50, 7)
    targets = torch.randint(7, (50,))
    others = runner_up(logits, targets)
    assert (others != targets).all()
    best = logits.argsort(dim=1, descending=True)
    expected = torch.where(best[:, 0] == targets, best[:, 1], best[:, 0])
    assert torch.equal(others, expected)


def test_similarities_are_those_of_maps_computed_one_by_one(net, images):
    explainer = GradCAM()
    explained = explainer(net, images, TARGETS)
    others = torch.cat(
        [explainer(net, images[n : n + 1], runner_up(explained.logits, TARGETS)[n : n + 1]).maps for n in range(4)]
    )
    ours = class_similarity(explainer, net, images, explained.maps, TARGETS)
    torch.testing.assert_close(ours, rank_correlation(explained.maps, others), rtol=0, atol=1e-3)
    with head_randomised(net, images, seed=5):
        randomly = explainer(net, images, TARGETS).maps
    ours = head_similarity(explainer, net, images, explained.maps, TARGETS, seed=5)
    torch.testing.assert_close(ours, rank_correlation(explained.maps, randomly))
    assert not torch.equal(ours, head_similarity(explainer, net, images, explained.maps, TARGETS, seed=6))


def test_a_method_that_ignores_the_class_has_similarities_of_1(net, images):
    """Eigen-CAM gives the same map for every class and every head, Grad-CAM does not."""
    values = {}
    for explainer in (get_explainer("eigen-cam"), GradCAM()):
        metric = Trust(explainer)
        metric.update(net, images, explainer(net, images).maps)
        values[explainer.name] = metric.compute()
    for name in ("class_similarity", "head_similarity"):
        assert values["eigen-cam"][name].item() == pytest.approx(1, abs=1e-6)
        assert values["grad-cam"][name] < 0.9


def test_the_metric_is_the_mean_over_batches(net, images):
    explainer = GradCAM()
    maps = explainer(net, images, TARGETS).maps
    maps[1] = 0
    metric = Trust(explainer)
    for part in (slice(0, 3), slice(3, 4)):
        metric.update(net, images[part], maps[part], TARGETS[part])
    values = metric.compute()
    assert values["constant_maps"] == sum(float(map_.amax() == map_.amin()) for map_ in maps) / 4 > 0
    inputs = explainer, net, images, maps, TARGETS
    for name, each in {
        "centre_bias": centre_bias(maps),
        "class_similarity": class_similarity(*inputs),
        "head_similarity": head_similarity(*inputs),
    }.items():
        torch.testing.assert_close(values[name], each.mean(), rtol=0, atol=1e-3)


def test_predicted_classes_come_from_the_given_forward(net, images):
    """A forward that reverses the classes explains the same class under another index."""

    def forward(queries):
        return net(queries).flip(1)

    explainer = GradCAM()
    maps = explainer(net, images).maps
    plain, reversed_ = Trust(explainer), Trust(explainer, forward=forward)
    plain.update(net, images, maps)
    reversed_.update(net, images, maps)
    for name, value in plain.compute().items():
        if name != "head_similarity":  # the same random head, reversed
            torch.testing.assert_close(reversed_.compute()[name], value)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.inference_mode])
def test_the_model_is_unchanged(restless_net, unchanged, mode):
    images, maps = torch.rand(2, 3, 16, 16), torch.rand(2, 16, 16)
    with unchanged(restless_net), mode():
        Trust(GradCAM(layer="features")).update(restless_net, images, maps)


def test_the_model_is_unchanged_after_a_failure(restless_net, unchanged):
    images, maps = torch.rand(2, 3, 16, 16), torch.rand(2, 16, 16)
    restless_net.fuse.after = 4  # the prediction, the runner-up's two, the search for the head, its explanation
    with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"):
        Trust(GradCAM(layer="features")).update(restless_net, images, maps)


def test_no_images_wrong_maps_and_unknown_explainers_are_refused(net, images):
    metric = Trust("grad-cam")
    metric.update(net, images[:0], torch.rand(0, 16, 16))
    with pytest.raises(ValueError, match="Trust has seen no images: call update first"):
        metric.compute()
    with pytest.raises(ValueError, match=r"got maps \(4, 8, 8\) and images \(4, 3, 16, 16\)"):
        metric.update(net, images, torch.rand(4, 8, 8))
    with pytest.raises(ValueError, match="unknown explainer 'grad'"):
        Trust("grad")
