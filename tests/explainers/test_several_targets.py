"""Tests of several targets per image: the labels of a multi-label model."""

from __future__ import annotations

import pytest
import torch

from camaug import Explainer, get_explainer
from camaug.experiments.counting_forward import CountingForward
from camaug.explainers import GradCAM, Target
from camaug.explainers.fast_path import FastPath
from tests.small_explainers import CONVOLUTIONAL, TRANSFORMERS_ONLY, small
from tests.toys import OtherOutput

TARGETS = torch.tensor([[0, 3, -1], [2, -1, -1], [-1, -1, -1], [4, 1, 0]])
# Methods whose forward passes serve all targets. The others call the model for one target after another.
SHARED = {
    *("cam", "eigen-cam", "feature-maps", "fem", "kpca-cam"),
    *("eigen-grad-cam", "grad-cam", "grad-cam++", "grad-cam-elementwise", "hires-cam", "layer-cam", "refine-cam"),
    *("shapley-cam", "x-grad-cam", "eigen-smooth", "finer-cam"),
    *("ablation-cam", "is-cam", "rise", "score-cam", "ss-cam"),
}


def assert_columns_are_single_targets(explainer: Explainer, model, images, targets) -> None:
    explanation = explainer(model, images, targets)
    assert explanation.maps.shape == (*targets.shape, *images.shape[2:])
    assert explanation.maps.dtype == torch.float32
    assert torch.equal(explanation.targets, targets)
    for index, classes in enumerate(targets.T):
        one = explainer(model, images, Target(classes.clamp(min=0), multilabel=True))
        expected = torch.where(classes[:, None, None] < 0, 0, one.maps)
        torch.testing.assert_close(explanation.maps[:, index], expected, rtol=0, atol=1e-5)
        assert torch.equal(explanation.logits, one.logits)


def test_each_column_is_the_map_of_a_single_target(explainer, net, images):
    assert_columns_are_single_targets(explainer, net, images, TARGETS)


@pytest.mark.parametrize("targets", [TARGETS[:, :1], TARGETS[2:3], TARGETS[:1], -torch.ones(4, 2, dtype=torch.int64)])
def test_one_column_one_image_and_only_padding(explainer, net, images, targets):
    explanation = explainer(net, images[: len(targets)], targets)
    expected = explainer(net, images[: len(targets)], targets.repeat(1, 2))
    torch.testing.assert_close(explanation.maps, expected.maps[:, : targets.shape[1]], rtol=0, atol=1e-5)
    assert not explanation.maps[targets < 0].any()


@pytest.mark.parametrize("method", ["grad-cam", "group-cam", "score-cam", "ablation-cam", *TRANSFORMERS_ONLY])
def test_several_targets_of_a_transformer(method, vit, vit_images):
    assert_columns_are_single_targets(small(method), vit, vit_images, TARGETS[[0, 3]])


@pytest.mark.parametrize("method", ["grad-cam", "score-cam", "group-cam"])
@pytest.mark.parametrize("fuse", ["mean", "max", "product"])
def test_several_targets_at_several_layers(method, fuse, net, images):
    assert_columns_are_single_targets(small(method, layer=["stem", "body"], fuse=fuse), net, images, TARGETS)


@pytest.mark.parametrize("method", ["group-cam", "rise", "grad-cam"])
def test_several_classes_of_a_model_with_one_class_per_image(method, net, images):
    explanation = small(method)(net, images, Target(TARGETS))
    for index, classes in enumerate(TARGETS.T):
        one = small(method)(net, images, classes.clamp(min=0))
        expected = torch.where(classes[:, None, None] < 0, 0, one.maps)
        torch.testing.assert_close(explanation.maps[:, index], expected, rtol=0, atol=1e-5)


def count_images(explainer: Explainer, model, images, targets) -> int:
    forward = CountingForward(model)
    explainer(model, images, targets, forward=forward)  # finds the layer
    forward.images = 0
    explainer(model, images, targets, forward=forward)
    return forward.images


@pytest.mark.parametrize("method", CONVOLUTIONAL)
def test_forward_passes_are_shared_by_all_targets(method, net, images):
    explainer = small(method)
    together = count_images(explainer, net, images, TARGETS)
    alone = [count_images(explainer, net, images, TARGETS[:, index, None]) for index in range(3)]
    if method in SHARED:
        assert [together] * 3 == alone
    else:
        assert together == len(images) + sum(count - len(images) for count in alone)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("group-cam", {"groups": 5, "weighted": False, "theta": None}), ("finer-cam", {"explainer": "score-cam"})],
)
def test_settings_that_share_their_queries(method, settings, net, images):
    explainer = get_explainer(method, **settings)
    one, three = (count_images(explainer, net, images, TARGETS[:, :k]) for k in (1, 3))
    assert one == three > len(images)


def test_one_backward_pass_per_target(net, images, monkeypatch):
    derivative, calls = GradCAM.derivative, []
    monkeypatch.setattr(GradCAM, "derivative", lambda *arguments: calls.append(1) or derivative(*arguments))
    GradCAM()(net, images, TARGETS)
    assert len(calls) == 3


def test_the_model_is_left_unchanged(explainer, net, images, unchanged):
    with unchanged(net):
        explainer(net, images, TARGETS)


def test_one_logit_has_two_targets(net, images):
    model = OtherOutput(net, lambda logits: logits[:, 0])
    both = torch.tensor([[1, 0]]).expand(4, 2)
    yes, no = GradCAM()(model, images, both).maps.unbind(dim=1)
    torch.testing.assert_close(yes, GradCAM()(net, images, 0).maps)
    torch.testing.assert_close(no, GradCAM()(net, images, lambda logits: -logits[:, 0]).maps)


@pytest.mark.parametrize("targets", [TARGETS, torch.full((4, 2), -1)])
def test_the_fast_path_takes_several_targets(net, images, targets):
    path = FastPath(GradCAM(), net)
    expected = GradCAM()(net, images, targets)
    for _ in range(2):
        explanation = path(images, targets)
        torch.testing.assert_close(explanation.maps, expected.maps, rtol=0, atol=0.05)
        assert torch.equal(explanation.targets, targets)
