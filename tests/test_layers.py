from __future__ import annotations

import gc
import weakref

import pytest
import timm
import torch
import torchvision
from torch import nn

from camaug import GradCAM, GroupCAM, TargetLayer, find_layer, spatial_features
from camaug.layers import _found, resolve_layer, unwrap

# Found by itself


@pytest.mark.parametrize(
    "name",
    [
        "test_byobnet",
        "test_convnext",
        "test_convnext2",
        "test_convnext3",
        "test_efficientnet",
        "test_efficientnet_gn",
        "test_efficientnet_ln",
        "test_nfnet",
        "test_resnet",
        "densenet121",
        "ghostnet_050",
        "mobilenetv3_small_050",
        "regnetx_002",
        "repvit_m0_9",
    ],
)
def test_timm_convolutional(name):
    model = timm.create_model(name, num_classes=7).eval()
    images = torch.rand(2, 3, 96, 160)
    with torch.no_grad():
        features = model.forward_features(images)
    layer = find_layer(model, images)
    assert (layer.channels, *layer.grid) == features.shape[1:]
    assert model.get_submodule(layer.name) is not None
    found = spatial_features(model, images)
    assert found.shape == features.shape
    assert torch.equal(found, features)


@pytest.mark.parametrize("name", ["test_mambaout"])
def test_timm_channels_last(name):
    model = timm.create_model(name, num_classes=7).eval()
    images = torch.rand(2, 3, 96, 160)
    with torch.no_grad():
        features = model.forward_features(images)
    assert features.shape[1:3] == (3, 5)
    layer = find_layer(model, images)
    assert (*layer.grid, layer.channels) == features.shape[1:]
    assert spatial_features(model, images).shape == (2, layer.channels, 3, 5)
    assert GroupCAM(groups=4)(model, images, 3).maps.shape == (2, 96, 160)


@pytest.mark.parametrize(
    ("name", "size", "layer", "channels", "grid"),
    [
        ("alexnet", 224, "features.11", 256, (13, 13)),
        ("convnext_tiny", 64, "features", 768, (2, 2)),
        ("densenet121", 64, "features", 1024, (2, 2)),
        ("efficientnet_b0", 64, "features", 1280, (2, 2)),
        ("googlenet", 96, "inception5b", 1024, (3, 3)),
        ("mnasnet0_5", 64, "layers", 1280, (2, 2)),
        ("mobilenet_v2", 64, "features", 1280, (2, 2)),
        ("mobilenet_v3_small", 64, "features", 576, (2, 2)),
        ("regnet_y_400mf", 64, "trunk_output", 440, (2, 2)),
        ("resnet18", 64, "layer4", 512, (2, 2)),
        ("shufflenet_v2_x0_5", 64, "conv5", 1024, (2, 2)),
        ("squeezenet1_0", 224, "features", 512, (13, 13)),
        ("squeezenet1_1", 224, "features", 512, (13, 13)),
        ("vgg11", 64, "features.19", 512, (4, 4)),
    ],
)
def test_torchvision(monkeypatch, name, size, layer, channels, grid):
    settings = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    with monkeypatch.context() as patch:
        for initialise in ("kaiming_normal_", "kaiming_uniform_", "normal_", "trunc_normal_", "uniform_"):
            patch.setattr(nn.init, initialise, lambda tensor, *_, **__: tensor.data.zero_())  # they take seconds
        model = torchvision.models.get_model(name, num_classes=7, **settings)
    assert find_layer(model, torch.rand(1, 3, size, size)) == TargetLayer(layer, grid, channels)


def test_without_images_the_models_own_size_is_used():
    assert find_layer(timm.create_model("test_resnet")).grid == (5, 5)  # 160 pixels
    assert find_layer(torchvision.models.squeezenet1_1()).grid == (13, 13)  # 224 pixels


def test_pooling_dropout_and_identity_do_not_count():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(), nn.Identity())
    model.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)])
    assert find_layer(model, torch.rand(1, 3, 16, 16)) == TargetLayer("1", (14, 14), 4)


def test_head_that_is_a_convolution_is_not_the_layer():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert find_layer(model, torch.rand(1, 3, 16, 16)) == TargetLayer("1", (14, 14), 4)


def test_forward_that_uses_a_part_of_the_model(net, images):
    model = nn.ModuleDict({"net": net, "other": nn.Conv2d(3, 5, 1)})
    assert find_layer(model, images, forward=model["net"]) == TargetLayer("net.body", (4, 4), 12)


def test_finding_leaves_no_trace(restless_net, unchanged):
    images = torch.rand(2, 3, 16, 16)
    with unchanged(restless_net):
        find_layer(restless_net, images)
        spatial_features(restless_net, images)
    restless_net.fuse.after = 0
    with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"):
        find_layer(restless_net, images)


def test_spatial_features_are_what_the_layer_puts_out(net, images):
    expected = net.body(net.stem(images))
    assert torch.equal(spatial_features(net.train(), images), net.eval().body(net.stem(images)))
    features = spatial_features(net, images, layer="stem")
    assert torch.equal(features, net.stem(images))
    assert not features.requires_grad
    assert torch.equal(spatial_features(nn.DataParallel(net), images), expected)


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_mambaout"])
def test_features_change_most_where_the_image_does(name):
    """The maps are the right way round: rows are rows, and what is below in the image is below in the map."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=7).eval()
    images = 0.1 * torch.randn(2, 3, 192, 192)
    before = spatial_features(model, images)
    for quadrant in ((0, 0), (0, 1), (1, 0), (1, 1)):
        changed = images.clone()
        row, column = (slice(96 * half, 96 * half + 96) for half in quadrant)
        changed[..., row, column] = torch.randn(2, 3, 96, 96)
        difference = (spatial_features(model, changed) - before).abs().mean(dim=(0, 1))
        quadrants = torch.nn.functional.avg_pool2d(difference[None], 3)[0]
        assert quadrants.shape == (2, 2)
        others = [quadrants[i, j] for i in (0, 1) for j in (0, 1) if (i, j) != quadrant]
        assert quadrants[quadrant] > 1.3 * max(others)


# Transformers


@pytest.mark.parametrize("name", ["test_vit", "test_vit2", "test_vit4"])
def test_transformers_are_refused_with_names_to_choose_from(name):
    model = timm.create_model(name, num_classes=7).eval()
    with pytest.raises(ValueError, match=r"found no layer of \w+ that keeps spatial features .* one of .*blocks\.\d"):
        GradCAM()(model, torch.rand(1, 3, 160, 160))


def test_torchvisions_transformer_is_refused_and_explained_by_name():
    model = torchvision.models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=7
    )
    nn.init.normal_(model.heads.head.weight)
    images = torch.rand(2, 3, 64, 64)
    with pytest.raises(ValueError, match=r"name the layer yourself: layer='NAME', one of .*encoder_layer_2"):
        find_layer(model, images)
    assert spatial_features(model, images, layer="encoder_layer_1").shape == (2, 16, 4, 4)
    maps = GradCAM(layer="encoder_layer_1.ln_1")(model, images).maps
    assert maps.shape == (2, 64, 64)


@pytest.mark.parametrize("settings", [{}, {"class_token": False, "global_pool": "avg"}, {"reg_tokens": 3}])
@pytest.mark.parametrize("size", [(96, 96), (64, 96)])
def test_prefix_tokens_are_dropped(settings, size):
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
    for place in range(rows * columns):
        assert torch.equal(maps[:, :, place // columns, place % columns], tokens[0][:, prefix + place])
    explanation = GroupCAM(groups=4, layer="blocks.4")(model, images)
    assert explanation.maps.shape == (2, *size)
    assert explanation.maps.isfinite().all()


def test_no_features_at_all(images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 8), nn.ReLU(), nn.Linear(8, 5))
    with pytest.raises(ValueError, match=r"found no layer of Sequential .* one of its layers with spatial outputs"):
        GradCAM()(model, images)


# Said by the user


@pytest.mark.parametrize(
    ("said", "meant"), [("stem", "stem"), ("body.1", "body.1"), ("net.body.1", None), ("2", None), ("", "")]
)
def test_names(net, images, said, meant):
    if meant is None:
        with pytest.raises(ValueError, match=f"TinyNet has no layer '{said}'; the nearest are "):
            resolve_layer(net, said, images)
    else:
        assert resolve_layer(net, said, images) is net.get_submodule(meant)


def test_names_may_leave_out_leading_parts(net, images):
    model = nn.ModuleDict({"inner": nn.ModuleDict({"net": net})})
    for said in ("inner.net.body", "net.body", "body"):
        assert resolve_layer(model, said, images) is net.body
    with pytest.raises(ValueError, match=r"no layer '1'; the nearest are inner.net.stem.1, inner.net.body.1$"):
        resolve_layer(model, "1", images)
    with pytest.raises(ValueError, match="no layer 'ody'"):
        resolve_layer(model, "ody", images)


def test_unknown_names_list_the_nearest(images):
    model = torchvision.models.resnet18()
    with pytest.raises(ValueError, match=r"ResNet has no layer 'layer5'; the nearest are .*layer4"):
        resolve_layer(model, "layer5", images)
    with pytest.raises(ValueError, match=r"no layer 'Ωμέγα'; the nearest are .*avgpool, fc$"):
        resolve_layer(model, "Ωμέγα", images)


def test_modules(net, images):
    assert resolve_layer(net, net.body[2], images) is net.body[2]
    with pytest.raises(ValueError, match="the given layer Conv2d is not a part of TinyNet"):
        resolve_layer(net, nn.Conv2d(3, 3, 1), images)


@pytest.mark.parametrize("wrong", [4, ["body"], b"body"])
def test_neither_name_nor_module(net, images, wrong):
    with pytest.raises(TypeError, match=f"`layer` must be None, a name or a module, got {type(wrong).__name__}"):
        resolve_layer(net, wrong, images)


# Found once a model


def test_found_once(net, images):
    calls = []
    handle = net.head.register_forward_hook(lambda *_: calls.append(1))
    for _ in range(3):
        resolve_layer(net, None, images)
    assert len(calls) == 1
    assert resolve_layer(net, None, images) is net.body
    handle.remove()


def test_found_again_where_the_layer_is_gone(net, images):
    assert resolve_layer(net, None, images) is net.body
    net.trunk = net.body
    del net.body
    net.forward = lambda batch: net.head(net.trunk(net.stem(batch)).mean(dim=(2, 3)))
    assert resolve_layer(net, None, images) is net.trunk


def test_what_was_found_does_not_keep_the_model(make_net, images):
    net = make_net()
    resolve_layer(net, None, images)
    known = len(_found)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None
    assert len(_found) < known


def test_unwrap(net):
    assert unwrap(net) is net
    assert unwrap(nn.DataParallel(net)) is net
    assert unwrap(torch.compile(nn.DataParallel(net), backend="eager")) is net
    assert unwrap(nn.DataParallel(torch.compile(net, backend="eager"))) is net
