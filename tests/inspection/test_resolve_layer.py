from __future__ import annotations

import copy
import gc
import weakref

import pytest
import timm
import torch
import torchvision
from torch import nn

from camaug import FastForward, GradCAM, GroupCAM, spatial_features
from camaug.inspection.resolve_layer import _target_layers, resolve_layer
from tests.inspection.architectures import ARCHITECTURES


@pytest.mark.parametrize("names", [["blocks.0", "blocks.2.attn", "blocks.4.norm1"]])
def test_named_layers_have_the_models_order_of_tokens(names):
    architecture = ARCHITECTURES["tokens out of order"]
    model, images = architecture.create(), architecture.images(1)
    own = model.forward_intermediates(images, intermediates_only=True)
    for name, index in (("blocks.0", 0), ("blocks.2", 1), ("blocks.4", 2)):
        assert torch.allclose(spatial_features(model, images, layer=name), own[index], atol=1e-5)
    changed = images.clone()
    changed[..., :64, 96:] = torch.randn(1, 3, 64, 96)
    for name in names:
        change = spatial_features(model, changed, layer=name) - spatial_features(model, images, layer=name)
        position = change.abs().sum(dim=1)[0].flatten().argmax()
        row, column = divmod(int(position), change.shape[3])
        assert row < change.shape[2] / 2
        assert column >= change.shape[3] / 2


@pytest.mark.parametrize("settings", [{}, {"class_token": False, "global_pool": "avg"}, {"reg_tokens": 3}])
@pytest.mark.parametrize("size", [(96, 96), (64, 96)])
def test_named_layers_drop_prefix_tokens(settings, size):
    model = timm.create_model("test_vit", num_classes=7, img_size=size, **settings).eval()
    images, rows, columns = torch.rand(2, 3, *size), size[0] // 16, size[1] // 16
    prefix = model.num_prefix_tokens
    assert prefix == settings.get("reg_tokens", 0) + settings.get("class_token", True)
    maps = spatial_features(model, images, layer="blocks.4")
    tokens = []
    handle = model.blocks[4].register_forward_hook(lambda module, inputs, output: tokens.append(output.detach()))
    model(images)
    handle.remove()
    assert tokens[0].shape[1] == prefix + rows * columns
    assert maps.shape == (2, tokens[0].shape[2], rows, columns)
    for position in range(rows * columns):
        assert torch.equal(maps[:, :, position // columns, position % columns], tokens[0][:, prefix + position])
    explanation = GroupCAM(groups=4, layer="blocks.4")(model, images)
    assert explanation.maps.shape == (2, *size)
    assert explanation.maps.isfinite().all()


@pytest.mark.parametrize(
    ("name", "expected"), [("stem", "stem"), ("body.1", "body.1"), ("net.body.1", None), ("2", None), ("", "")]
)
def test_layer_names(net, images, name, expected):
    if expected is None:
        with pytest.raises(ValueError, match=f"TinyNet has no layer '{name}'"):
            resolve_layer(net, name, images)
    else:
        assert resolve_layer(net, name, images).module is net.get_submodule(expected)


def test_names_may_leave_out_leading_parts(net, images):
    model = nn.ModuleDict({"inner": nn.ModuleDict({"net": net})})
    for name in ("inner.net.body", "net.body", "body"):
        assert resolve_layer(model, name, images).module is net.body
    with pytest.raises(ValueError, match=r"give the whole name, one of inner\.net\.stem\.1, inner\.net\.body\.1$"):
        resolve_layer(model, "1", images)
    with pytest.raises(ValueError, match="no layer 'ody'"):
        resolve_layer(model, "ody", images)


def test_unknown_names_list_the_nearest(images):
    model = torchvision.models.resnet18()
    with pytest.raises(ValueError, match=r"ResNet has no layer 'layer5', did you mean .*'layer4'"):
        resolve_layer(model, "layer5", images)
    with pytest.raises(ValueError, match=r"no layer 'Ωμέγα', its last layers are .*avgpool, fc$"):
        resolve_layer(model, "Ωμέγα", images)


def test_layer_modules(net, images):
    assert resolve_layer(net, net.body[2], images).module is net.body[2]
    with pytest.raises(ValueError, match="the given layer Conv2d is not a part of TinyNet"):
        resolve_layer(net, nn.Conv2d(3, 3, 1), images)


@pytest.mark.parametrize("wrong", [4, ["body"], b"body"])
def test_neither_a_name_nor_a_module(net, images, wrong):
    with pytest.raises(TypeError, match=f"`layer` must be None, a name or a module, got .*{type(wrong).__name__}"):
        resolve_layer(net, wrong, images)


def test_the_search_runs_once(net, images):
    calls = []
    handle = net.head.register_forward_hook(lambda *_: calls.append(1))
    for _ in range(3):
        resolve_layer(net, None, images)
    assert len(calls) == 2  # one traced, one with NaN
    assert resolve_layer(net, None, images).module is net.body
    handle.remove()


def test_a_removed_layer_is_searched_again(net, images):
    assert resolve_layer(net, None, images).module is net.body
    net.trunk = net.body
    del net.body
    net.forward = lambda batch: net.head(net.trunk(net.stem(batch)).mean(dim=(2, 3)))
    assert resolve_layer(net, None, images).module is net.trunk


def test_the_cache_keeps_no_model_alive(make_net, images):
    net = make_net()
    resolve_layer(net, None, images)
    known = len(_target_layers)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None
    assert len(_target_layers) < known


def count_calls(module):
    """Return a list that grows by one element with every call of the module."""
    calls = []
    module.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_an_added_layer_is_found(net, images):
    assert resolve_layer(net, None, images).module is net.body
    net.head = nn.Sequential(nn.Conv2d(12, 12, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5))
    net.forward = lambda batch: net.head(net.body(net.stem(batch)))
    assert resolve_layer(net, None, images).name == "head.0"


def test_a_replaced_module_is_searched_again(net, images):
    resolve_layer(net, None, images)
    net.head = nn.Linear(12, 5)
    calls = count_calls(net.head)
    resolve_layer(net, None, images)
    assert len(calls) == 2


def test_a_model_with_the_id_of_a_deleted_one_is_searched(images):
    def create(*layers):
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))

    model = create(nn.Conv2d(3, 4, 3), nn.ReLU())
    assert resolve_layer(model, None, images).name == "1"
    deleted_id = id(model)
    del model
    gc.collect()
    others = []
    while not others or (id(others[-1]) != deleted_id and len(others) < 1000):
        others.append(create(nn.Conv2d(3, 4, 3)))  # kept, so that the next one has another id
    assert resolve_layer(others[-1], None, images).name == "0"


def test_a_deep_copy_has_its_own_layer(net, images):
    resolve_layer(net, None, images)
    copied = copy.deepcopy(net)
    assert resolve_layer(copied, None, images).module is copied.body
    copied.stem = nn.Sequential(*copied.stem, *copied.body)
    copied.body = nn.Identity()
    assert resolve_layer(copied, None, images).module is copied.stem
    assert resolve_layer(net, None, images).module is net.body


def test_another_image_size_is_searched_again():
    model = ARCHITECTURES["class token, any size"].create()
    assert resolve_layer(model, None, torch.rand(1, 3, 96, 160)).feature_grid.size == (6, 10)
    assert resolve_layer(model, None, torch.rand(1, 3, 160, 96)).feature_grid.size == (10, 6)


def test_another_forward_is_searched_again(make_net, images):
    both = nn.ModuleDict({"teacher": make_net(), "student": make_net()})
    for name in ("student", "teacher", "student"):
        assert resolve_layer(both, None, images, forward=both[name]).module is both[name].body
        assert GradCAM()(both, images, 1, forward=both[name]).layers == (f"{name}.body",)


def test_wrappers_of_one_forward_share_one_search(net, images):
    GradCAM()(net, images, 1)
    calls = count_calls(net.head)
    GradCAM()(nn.DataParallel(net), images, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        GradCAM()(net, images, 1)
    assert len(calls) == 2
    forward = FastForward(net)
    with torch.no_grad():
        forward(images)
    calls.clear()
    GradCAM()(net, images, 1, forward=forward)
    assert len(calls) == 1


def test_a_lambda_that_is_made_again_is_searched_once(net, images):
    calls = count_calls(net.head)
    for _ in range(3):
        GradCAM()(net, images, 1, forward=lambda batch: net(batch))
    assert len(calls) == 2 + 3
