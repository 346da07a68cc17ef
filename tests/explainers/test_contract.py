"""The contract of every registered method."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import nn

import camaug.explainers
from camaug import Explainer, GradCAM
from camaug.explainers import Target, as_explainer
from tests.toys import DictOutput

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
# Maps of this network differ less where scores pass a softmax over the channels, or thousands of masks are usual.
SIMILAR = ("ScoreCAM(", "SSCAM(", "ISCAM(", "RISE(")
# Random or tiled maps do not turn with the image.
DOES_NOT_TURN = ("rise", "ss-cam", "smooth-grad", "smooth-grad-cam++", "noise-smooth", "aug-smooth", "feature-maps")


def same(left, right, **tolerance):
    torch.testing.assert_close(left.maps, right.maps, **(tolerance or CLOSE))


def test_maps_logits_and_targets_of_one_call(explainer, net, images):
    explanation = explainer(net, images)
    assert explanation.maps.shape == (4, 16, 16)
    assert explanation.maps.dtype == torch.float32
    assert explanation.maps.isfinite().all()
    torch.testing.assert_close(explanation.maps.amin(dim=(1, 2)), torch.zeros(4))
    for peak in explanation.maps.amax(dim=(1, 2)).tolist():
        assert peak == pytest.approx(1) or peak == 0
    assert (explanation.maps.amax(dim=(1, 2)) > 0).any(), "all maps are empty"
    assert torch.equal(explanation.logits, net(images))
    assert torch.equal(explanation.targets, net(images).argmax(dim=1))


@pytest.mark.parametrize(
    ("given", "expected"),
    [(3, [3, 3, 3, 3]), (torch.tensor(2), [2, 2, 2, 2]), (torch.tensor([0, 4, 1, 1], dtype=torch.int32), [0, 4, 1, 1])],
)
def test_a_batch_gives_the_maps_of_its_images_one_by_one(explainer, net, images, given, expected):
    net, images = net.double(), images.double()
    explanation = explainer(net, images, given)
    assert explanation.targets.tolist() == expected
    assert explanation.targets.dtype == torch.int64
    for index, target in enumerate(expected):
        alone = explainer(net, images[index : index + 1], target)
        torch.testing.assert_close(explanation.maps[index], alone.maps[0], **CLOSE)


def test_maps_depend_on_the_target_unless_declared_otherwise(explainer, net, images):
    if not explainer.class_specific:
        first, second = explainer(net, images, 0), explainer(net, images, 1)
        assert torch.equal(first.maps, second.maps)
        return
    maps = torch.stack([explainer(net, images, target).maps for target in range(5)])
    similar = any(name in repr(explainer) for name in SIMILAR)
    assert (maps.std(dim=0).amax(dim=(1, 2)) > (0.003 if similar else 0.1)).all()


def test_the_order_of_the_batch_does_not_matter(explainer, net, images):
    net, images, order = net.double(), images.double(), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(explainer(net, images[order]).maps, explainer(net, images).maps[order], **CLOSE)


@pytest.mark.parametrize("size", [(16, 24), (24, 16), (20, 28), (18, 21)])
def test_images_that_are_not_square(explainer, net, size):
    images = torch.rand(2, 3, *size)
    wide = explainer(net, images, 1).maps
    assert wide.shape == (2, *size)
    if explainer.name in DOES_NOT_TURN:
        return
    mirrored_net = copy.deepcopy(net)
    for conv in (mirrored_net.stem[0], mirrored_net.body[0]):
        conv.weight.data = conv.weight.data.transpose(2, 3).contiguous()
    tall = explainer(mirrored_net, images.transpose(2, 3), 1).maps
    torch.testing.assert_close(tall.transpose(1, 2), wide, rtol=1e-3, atol=1e-4)


def test_bfloat16_gives_similar_maps(explainer, net, images):
    exact = explainer(net, images, 1).maps
    rounded = explainer(copy.deepcopy(net).bfloat16(), images.bfloat16(), 1)
    assert rounded.maps.dtype == torch.float32
    assert rounded.logits.dtype == torch.bfloat16
    assert (rounded.maps - exact).abs().mean() < 0.05


def test_autocast_gives_similar_maps(explainer, net, images):
    exact = explainer(net, images, 1).maps
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = explainer(net, images, 1)
        assert torch.equal(rounded.logits, net(images))
    assert rounded.maps.dtype == torch.float32
    assert rounded.logits.dtype == torch.bfloat16
    assert (rounded.maps - exact).abs().mean() < 0.05


def test_the_memory_format_does_not_matter(explainer, net, images):
    net, images = net.double(), images.double()
    expected = explainer(net, images)
    net.to(memory_format=torch.channels_last)
    same(explainer(net, images.contiguous(memory_format=torch.channels_last)), expected)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_the_autograd_mode_does_not_matter(explainer, net, images, mode):
    expected = explainer(net, images)
    with mode():
        explanation = explainer(net, images.clone())
    same(explanation, expected, rtol=0, atol=0)
    for tensor in (explanation.maps, explanation.logits, explanation.targets):
        assert not tensor.is_inference()
        assert not tensor.requires_grad


def test_frozen_parameters_do_not_matter(explainer, net, images):
    expected = explainer(net, images)
    same(explainer(net.requires_grad_(False), images), expected, rtol=0, atol=0)


def test_images_that_require_gradients_get_none(explainer, net, images):
    leaf = images.clone().requires_grad_()
    explanation = explainer(net, leaf)
    same(explanation, explainer(net, images), rtol=0, atol=0)
    assert leaf.grad is None
    assert not explanation.maps.requires_grad


def test_training_mode_is_explained_as_evaluation_mode(explainer, net, images):
    expected = explainer(net, images)
    explanation = explainer(net.train(), images)
    same(explanation, expected, rtol=0, atol=0)
    assert torch.equal(explanation.logits, expected.logits)


def test_in_place_activations_do_not_matter(explainer, make_net, images):
    same(explainer(make_net(inplace=True), images, 1), explainer(make_net(inplace=False), images, 1), rtol=0, atol=0)


@pytest.mark.parametrize("layer", ["stem.1", "body.0", "body.1"])
def test_in_place_activations_after_the_layer_do_not_matter(earlier_layer_explainer, make_net, images, layer):
    explainer = with_layer(earlier_layer_explainer, layer)
    same(explainer(make_net(inplace=True), images, 1), explainer(make_net(inplace=False), images, 1), rtol=0, atol=0)


def test_the_layer_is_a_name_or_a_module(layer_explainer, net, images):
    explainer = layer_explainer
    expected = explainer(net, images)
    same(with_layer(explainer, "body.2")(net, images), expected, rtol=0, atol=0)
    same(with_layer(explainer, net.body)(net, images), expected, rtol=0, atol=0)
    if explainer.name == "cam":
        return
    earlier = with_layer(explainer, "stem")(net, images)
    assert (earlier.maps - expected.maps).abs().amax() > 0.1


def with_layer(explainer: Explainer, layer: str | nn.Module | None) -> Explainer:
    return type(explainer)(**{**vars(explainer), "layer": layer})


# Wrappers


@pytest.mark.parametrize("first_call", ["before", "after"])
def test_a_compiled_model_has_the_same_maps(explainer, net, images, first_call):
    expected = explainer(net, images)
    compiled = torch.compile(net, backend="eager")
    if first_call == "before":
        with torch.no_grad():
            compiled(images)
    same(explainer(compiled, images), expected)
    torch.testing.assert_close(compiled(images), expected.logits)


def test_a_model_compiled_in_place_has_the_same_maps(explainer, net, images):
    expected = explainer(net, images)
    net.compile(backend="eager")
    same(explainer(net, images), expected)
    with torch.no_grad():
        net(images)
    same(explainer(net, images), expected)


@pytest.mark.parametrize("submodule", ["body", "body.2", "stem"])
def test_a_submodule_compiled_in_place_does_not_matter(explainer, net, images, submodule):
    expected = explainer(net, images)
    net.get_submodule(submodule).compile(backend="eager")
    with torch.no_grad():
        net(images)
    same(explainer(net, images), expected)


def test_a_submodule_replaced_by_its_compiled_self_does_not_matter(explainer, net, images):
    expected = explainer(net, images)
    net.body = torch.compile(net.body, backend="eager")
    with torch.no_grad():
        net(images)
    same(explainer(net, images), expected)


def test_data_parallel_is_unwrapped(explainer, net, images):
    expected = explainer(net, images)
    wrapped = nn.DataParallel(net)
    same(explainer(wrapped, images), expected)
    same(explainer(torch.compile(wrapped, backend="eager"), images), expected)


def test_logits_are_read_from_a_model_that_returns_a_dict(explainer, net, images):
    model = DictOutput(net)
    expected = explainer(net, images)
    same(explainer(model, images), expected)
    same(explainer(model, images, forward=lambda batch: model(batch)["logits"]), expected)
    with pytest.raises(
        TypeError, match=r"returns dict\('loss': float\), expected logits \(N, classes\): pass forward="
    ):
        explainer(model, images, forward=lambda batch: {"loss": 0.5})


def test_a_default_dtype_of_low_precision_does_not_matter(explainer, net, images, bfloat16_by_default):
    model, images = net.bfloat16(), images.bfloat16()
    expected = explainer(model, images).maps
    with bfloat16_by_default():
        maps = explainer(model, images).maps
    assert maps.dtype == torch.float32
    # captum's integration takes its points in the default dtype.
    atol = 2e-3 if explainer.name in ("integrated-gradients", "xrai") else 0
    torch.testing.assert_close(maps, expected, rtol=0, atol=atol)


# Configuration


def test_copies_and_pickles_give_the_same_maps(explainer, net, images):
    expected = explainer(net, images)
    for other in (pickle.loads(pickle.dumps(explainer)), copy.deepcopy(explainer), copy.copy(explainer)):
        assert other == explainer
        assert type(other) is type(explainer)
        same(other(net, images), expected, rtol=0, atol=0)


def test_the_repr_creates_an_equal_explainer(explainer):
    names = {name: getattr(camaug.explainers, name) for name in camaug.explainers.__all__}
    assert eval(repr(explainer), names) == explainer


def test_one_explainer_works_with_many_models(explainer, make_net, images):
    nets = [make_net(seed) for seed in range(3)]
    alone = [type(explainer)(**vars(explainer))(net, images) for net in nets]
    for net, expected in zip(nets, alone, strict=True):
        same(explainer(net, images), expected, rtol=0, atol=0)


# Errors


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.rand(3, 16, 16), r"floating-point tensor of shape \(N, C, H, W\), got torch.float32 \(3, 16, 16\)"),
        (torch.zeros(1, 3, 16, 16, dtype=torch.uint8), r"floating-point tensor .*, got torch.uint8 \(1, 3, 16, 16\)"),
        ([torch.rand(3, 16, 16)], "floating-point tensor .*, got list"),
        (torch.rand(0, 3, 16, 16), r"must not be empty, got shape \(0, 3, 16, 16\)"),
    ],
)
def test_invalid_images_are_refused(explainer, net, wrong, message):
    with pytest.raises(ValueError, match=message):
        explainer(net, wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (5, r"between 0 and 4, the model's last class, got \[5\]"),
        (-1, r"between 0 and 4, the model's last class, got \[-1\]"),
        (torch.tensor([0, 7, 1, -2]), r"got \[-2, 7\]"),
        (torch.tensor([0, 1]), "one class or row for each of the 4 images, got 2"),
        (
            torch.rand(4),
            r"class indices, one integer or a tensor of shape \(4,\) or \(4, k\), got torch.float32 of shape \(4,\)",
        ),
        (torch.ones(4, dtype=torch.bool), "got torch.bool"),
        (torch.zeros(4, 5, 1, dtype=torch.long), r"shape \(4,\) or \(4, k\), got torch.int64 of shape \(4, 5, 1\)"),
        (torch.zeros(4, 0, dtype=torch.long), r"got torch.int64 of shape \(4, 0\)"),
        (torch.rand(4, 5), r"got torch.float32 of shape \(4, 5\)"),
        (torch.zeros(2, 4, dtype=torch.long), "one class or row for each of the 4 images, got 2"),
        (Target(torch.tensor([0, 1])), "one class or row for each of the 4 images, got 2"),
        (Target(torch.rand(4)), "got torch.float32"),
        (torch.tensor([[0, -1]] * 3 + [[-2, 5]]), r"the model's last class, or -1 as padding, got \[-2, 5\]"),
    ],
)
def test_invalid_targets_are_refused(explainer, net, images, wrong, message):
    with pytest.raises(ValueError, match=message):
        explainer(net, images, wrong)


def test_logits_of_the_wrong_shape_are_refused(explainer, net, images):
    with pytest.raises(ValueError, match=r"shape \(\d, 5, 1\), expected logits \(N, classes\): pass forward="):
        explainer(net, images, forward=lambda batch: net(batch)[:, :, None])
    with pytest.raises(ValueError, match=r"shape \((2|8), 5\), expected logits"):
        explainer(net, images, forward=lambda batch: net(batch).repeat(2, 1))


def test_a_layer_without_spatial_positions_is_refused(layer_explainer, net, images):
    with pytest.raises(ValueError, match=r"output of shape \(4, 5\) is not spatial"):
        with_layer(layer_explainer, "head")(net, images)


def test_a_layer_that_is_not_called_is_refused(layer_explainer, net, images):
    net.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match="the layer Conv2d was not called in the forward pass"):
        with_layer(layer_explainer, "spare")(net, images)


def test_a_layer_that_outputs_a_dict_is_refused(layer_explainer, net, images):
    net.stem.append(Several(dict))
    forward = net.body.forward
    net.body.forward = lambda outputs: forward(outputs[0])
    with pytest.raises(ValueError, match="the layer Several outputs a dict, expected a tensor or a tuple that beg"):
        with_layer(layer_explainer, "stem.3")(net, images)


@pytest.mark.parametrize("method", ["grad-cam", "ablation-cam", "score-cam"])
def test_a_layer_that_outputs_a_tuple_is_explained_by_its_first_tensor(method, net, images):
    explainer = as_explainer(method)
    expected = with_layer(explainer, "stem.2")(net, images)
    net.stem.append(Several(tuple))
    forward = net.body.forward
    net.body.forward = lambda outputs: forward(outputs[0])
    same(with_layer(explainer, "stem.3")(net, images), expected)


class Several(nn.Module):
    """A layer that returns its input and something else."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x):
        return (x, "weights") if self.kind is tuple else {0: x}


def test_a_single_logit_is_explained_for_yes_and_for_no():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 6 * 6, 1))
    images = torch.rand(2, 3, 8, 8)

    def two_logits(batch):
        return model(batch) * torch.tensor([-0.5, 0.5])

    for target in (0, 1):
        explanation = GradCAM()(model, images, target)
        same(explanation, GradCAM()(model, images, target, forward=two_logits))
    torch.testing.assert_close(explanation.logits.softmax(dim=1)[:, 1:], model(images).sigmoid())


def test_a_random_head_changes_every_class_specific_map(explainer, make_net, images):
    """Adebayo et al. 2018 (arXiv 1810.03292): a map that does not depend on the head does not depend on the class."""
    trained, random = make_net(), make_net()
    torch.manual_seed(9)
    nn.init.normal_(random.head.weight, std=random.head.weight.std().item())
    before, after = explainer(trained, images, 1).maps, explainer(random, images, 1).maps
    if not explainer.class_specific:
        assert torch.equal(before, after)
    else:
        assert not math.isclose((before - after).abs().amax().item(), 0, abs_tol=3e-3)
