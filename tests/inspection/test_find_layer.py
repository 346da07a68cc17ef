from __future__ import annotations

import lightning as L
import pytest
import timm
import torch
import torchvision
from torch import nn

from camaug import GradCAM, GroupCAM, TargetLayer, find_layer, spatial_features
from camaug.inspection.find_layer import find_layers
from camaug.inspection.resolve_layer import resolve_layer
from tests.inspection.architectures import ARCHITECTURES, gradient_at, passed_quadrants, redraw
from tests.toys import OtherOutput


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


def test_the_default_image_has_the_models_input_size():
    assert find_layer(timm.create_model("test_resnet")).grid == (5, 5)  # 160 pixels
    assert find_layer(torchvision.models.squeezenet1_1()).grid == (13, 13)  # 224 pixels


@pytest.mark.parametrize(
    "pad", [nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d]
)
def test_padding_pooling_dropout_and_identity_do_not_count(pad):
    padding = nn.ConstantPad2d(1, 0.0) if pad is nn.ConstantPad2d else pad(1)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), padding, nn.MaxPool2d(2), nn.Dropout2d(), nn.Identity())
    model.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)])
    assert find_layer(model, torch.rand(1, 3, 16, 16)) == TargetLayer("1", (14, 14), 4)


def test_head_that_is_a_convolution_is_not_the_layer():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert find_layer(model, torch.rand(1, 3, 16, 16)) == TargetLayer("1", (14, 14), 4)


def test_forward_that_uses_a_part_of_the_model(net, images):
    model = nn.ModuleDict({"net": net, "other": nn.Conv2d(3, 5, 1)})
    assert find_layer(model, images, forward=model["net"]) == TargetLayer("net.body", (4, 4), 12)


def test_a_search_changes_nothing(restless_net, unchanged):
    images = torch.rand(2, 3, 16, 16)
    with unchanged(restless_net):
        find_layer(restless_net, images)
        spatial_features(restless_net, images)
    restless_net.fuse.after = 0
    with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"):
        find_layer(restless_net, images)


@pytest.fixture(params=ARCHITECTURES.values(), ids=ARCHITECTURES)
def architecture(request):
    return request.param


def test_every_architecture(architecture):
    model, images = architecture.create(), architecture.images()
    target = find_layer(model, images)
    assert (target.name, target.grid) == (architecture.layer, architecture.grid)
    features = spatial_features(model, images)
    assert features.shape == (2, target.channels, *architecture.grid)
    assert passed_quadrants(model, images) == [0, 1, 2, 3]
    gradient = gradient_at(model, target.name, images)
    maps = resolve_layer(model, None, images).to_maps(gradient, architecture.size)
    assert (maps.abs().sum(dim=1) > 0).all(), "some positions do not reach the score"
    for explainer in (GradCAM(), GroupCAM(groups=2)):
        explained = explainer(model, images[:1], 1).maps
        assert explained.shape == (1, *architecture.size)
        assert explained.isfinite().all()


def test_the_last_patch_tokens_do_not_reach_a_class_token_head():
    architecture = ARCHITECTURES["class token"]
    gradient = gradient_at(architecture.create(), "blocks.5", architecture.images())
    assert gradient[:, 0].abs().max() > 0
    assert gradient[:, 1:].abs().max() == 0


def test_a_head_that_starts_at_zero():
    model = timm.create_model("test_vit", num_classes=7).eval()
    nn.init.zeros_(model.head.weight)
    assert find_layer(model).name == "blocks.4"


def test_a_method_named_forward_intermediates_may_be_anything(net, images):
    net.body.forward_intermediates = lambda *anything: 1 / 0
    net.stem.forward_intermediates = lambda *_, **__: [None, torch.rand(3)]
    assert find_layer(net, images) == TargetLayer("body", (4, 4), 12)


@pytest.mark.parametrize(
    ("name", "settings", "size", "layer", "grid"),
    [
        ("vit", {"num_layers": 3, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}, 64, "encoder_layer_1", (4, 4)),
        ("swin", {}, 64, "permute", (4, 4)),
        ("maxvit", {}, 64, "blocks.1", (8, 8)),
    ],
)
def test_torchvision_transformers(name, settings, size, layer, grid):
    if name == "vit":
        model = torchvision.models.VisionTransformer(size, 16, num_classes=7, **settings)
    elif name == "swin":
        model = torchvision.models.SwinTransformer([4, 4], 16, [1, 1, 1], [1, 2, 2], [2, 2], num_classes=7)
    else:
        model = torchvision.models.MaxVit((size, size), 8, 4, [16, 16], [1, 1], 8, 0.0, num_classes=7)
    redraw(model.eval())
    images = 0.1 * torch.randn(2, 3, size, size)
    target = find_layer(model, images)
    assert target.name.endswith(layer)
    assert target.grid == grid
    assert passed_quadrants(model, images) == [0, 1, 2, 3]
    assert gradient_at(model, target.name, images).abs().max() > 0


class Blocks(nn.Module):
    """Custom transformer: a class token, then patch tokens, then blocks."""

    def __init__(self, rows: int, columns: int, *, pool: bool) -> None:
        super().__init__()
        self.pool = pool
        self.embed = nn.Conv2d(3, 16, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True) for _ in range(3)
        )
        self.head = nn.Linear(16, 5)

    def forward(self, images):
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(tokens.mean(dim=1) if self.pool else tokens[:, 0])


@pytest.mark.parametrize(("pool", "layer"), [(False, "blocks.1"), (True, "blocks.2")])
@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_custom_transformer(pool, layer, size):
    rows, columns = size[0] // 8, size[1] // 8
    model = Blocks(rows, columns, pool=pool).eval()
    images = torch.randn(2, 3, *size)
    assert find_layer(model, images) == TargetLayer(layer, (rows, columns), 16)
    assert passed_quadrants(model, 0.1 * images) == [0, 1, 2, 3]
    assert GradCAM()(model, images).maps.isfinite().all()


class Pair(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.norm, self.block = nn.LayerNorm(16), block

    def forward(self, pair):
        tokens, other = pair
        return tokens + self.block(self.norm(tokens).transpose(1, 2)).transpose(1, 2), other


def test_tokens_in_blocks_with_two_outputs():
    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Conv2d(3, 16, 8, 8)
            self.blocks = nn.Sequential(*(Pair(nn.Conv1d(16, 16, 1)) for _ in range(3)))
            self.head = nn.Linear(16, 5)

        def forward(self, images):
            tokens = self.embed(images).flatten(2).transpose(1, 2)
            return self.head(self.blocks((tokens, None))[0].mean(dim=1))

    model, images = Mixer(), torch.randn(2, 3, 48, 80)
    assert find_layer(model, images) == TargetLayer("blocks.2.norm", (6, 10), 16)
    assert passed_quadrants(model, 0.1 * images) == [0, 1, 2, 3]


class Block(nn.Module):
    """A residual block of tokens as in Hugging Face's Swin, with attention weights beside its tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.mlp = nn.Sequential(nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 16))

    def forward(self, tokens, size):
        return tokens + self.mlp(self.norm(tokens)), None


def test_tokens_in_blocks_that_return_attention_weights_too():
    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Conv2d(3, 16, 8, 8)
            self.blocks = nn.ModuleList(Block() for _ in range(2))
            self.head = nn.Linear(16, 5)

        def forward(self, images):
            tokens = self.embed(images).flatten(2).transpose(1, 2)
            for block in self.blocks:
                tokens, _ = block(tokens, (6, 10))
            return self.head(tokens.mean(dim=1))

    model, images = Transformer(), torch.randn(2, 3, 48, 80)
    assert find_layer(model, images) == TargetLayer("blocks.1", (6, 10), 16)
    assert passed_quadrants(model, 0.1 * images) == [0, 1, 2, 3]


def test_a_stage_of_one_position_is_passed_over():
    model = timm.create_model("test_resnet")
    assert find_layer(model, torch.rand(1, 3, 32, 32)) == TargetLayer("layer3", (2, 2), 192)
    assert find_layer(model, torch.rand(1, 3, 64, 64)) == TargetLayer("layer4", (2, 2), 96)


def test_feature_maps_read_by_attention(images):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(3, 8, 3, 2, 1)
            self.pool = nn.MultiheadAttention(8, 2, batch_first=True)
            self.head = nn.Linear(8, 5)

        def forward(self, batch):
            tokens = self.body(batch).flatten(2).transpose(1, 2)
            return self.head(self.pool(tokens.mean(dim=1, keepdim=True), tokens, tokens)[0][:, 0])

    assert find_layer(Net(), images) == TargetLayer("body", (8, 8), 8)


EXPLAINED = ["convolutions", "class token", "Swin", "tokens out of order"]


@pytest.fixture(params=EXPLAINED)
def explained(request):
    architecture = ARCHITECTURES[request.param]
    model, images = architecture.create(), architecture.images()
    return model, images, GradCAM()(model, images, 1).maps


class Module(L.LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model(images)


@pytest.mark.parametrize("wrap", [nn.DataParallel, Module, lambda model: nn.DataParallel(Module(model))])
def test_wrapped_models(explained, wrap):
    model, images, maps = explained
    torch.testing.assert_close(GradCAM()(wrap(model), images, 1).maps, maps)


def test_teacher_and_student(explained):
    model, images, maps = explained
    both = nn.ModuleDict({"teacher": timm.create_model("test_resnet"), "student": model})
    torch.testing.assert_close(GradCAM()(both, images, 1, forward=both["student"]).maps, maps)
    assert find_layer(both, images, forward=both["student"]).name.startswith("student.")


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("how", ["function", "method", "inside"])
def test_compiled(explained, called, how):
    model, images, maps = explained
    compiled = Module(model) if how == "inside" else model
    if how == "method":
        compiled.compile(backend="eager")
    elif how == "function":
        compiled = torch.compile(model, backend="eager")
    else:
        compiled.model = torch.compile(model, backend="eager")
    if called:
        with torch.no_grad():
            compiled(images)
    torch.testing.assert_close(GradCAM()(compiled, images, 1).maps, maps)


def test_bfloat16(explained):
    model, images, maps = explained
    rounded = GradCAM()(model.bfloat16(), images.bfloat16(), 1).maps
    assert rounded.isfinite().all()
    assert (rounded - maps).abs().mean() < 0.05


def test_autocast(explained):
    model, images, maps = explained
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = GradCAM()(model, images, 1).maps
    assert rounded.isfinite().all()
    assert (rounded - maps).abs().mean() < 0.05


def test_frozen(explained):
    model, images, maps = explained
    torch.testing.assert_close(GradCAM()(model.requires_grad_(False), images, 1).maps, maps)


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing(explained, reentrant):
    model, images, maps = explained
    model.set_grad_checkpointing()
    before = timm.layers.use_reentrant_ckpt()
    timm.layers.set_reentrant_ckpt(reentrant)
    try:
        torch.testing.assert_close(GradCAM()(model, images, 1).maps, maps)
        torch.testing.assert_close(GradCAM()(model.train(), images, 1).maps, maps)
    finally:
        timm.layers.set_reentrant_ckpt(before)


def test_in_place_relus(make_net, images):
    plain, inplace = make_net(), make_net(inplace=True)
    for layer in (None, "body.1", "stem.1"):
        expected = GradCAM(layer=layer)(plain, images, 1).maps
        torch.testing.assert_close(GradCAM(layer=layer)(inplace, images, 1).maps, expected)


def test_a_forward_that_refuses_noise(net, images):
    def forward(batch):
        if batch.std() > 0.2:
            raise ValueError("too wild")
        return net(batch)

    assert find_layer(net, 0.1 * images, forward=forward).name == "body"


def test_a_model_without_spatial_features(images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 8), nn.ReLU(), nn.Linear(8, 5))
    with pytest.raises(
        ValueError, match=r"found no layer of Sequential .* Looked for: .* There are none\. .* one of its"
    ):
        GradCAM()(model, images)


@pytest.mark.parametrize("clean", [torch.nan_to_num, lambda features: check_finite(features)])
def test_models_that_remove_or_refuse_nan(net, images, clean):
    body = net.body
    net.forward = lambda batch: net.head(clean(body(net.stem(batch))).mean(dim=(2, 3)))
    assert find_layer(net, images).name == "body"


def check_finite(features):
    assert features.isfinite().all()
    return features


def test_features_that_reach_no_score(images):
    class IgnoresFeatures(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.head = nn.Linear(3, 5)

        def forward(self, batch):
            self.conv(batch)
            return self.head(batch.mean(dim=(2, 3)))

    with pytest.raises(ValueError, match=r"The logits do not depend on conv\. .* layer='NAME', one of conv"):
        find_layer(IgnoresFeatures(), images)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_resnet", ["layer4", "layer3", "layer2"]),
        ("test_vit", ["blocks.4", "blocks.3", "blocks.2"]),
        ("test_vit2", ["blocks", "blocks.6", "blocks.5"]),
    ],
)
def test_last_layers_of_several_resolutions(name, expected):
    layers = find_layers(timm.create_model(name, num_classes=7).eval())
    assert [layer.name for layer in layers] == expected
    assert layers[0] == find_layer(timm.create_model(name, num_classes=7).eval())


def test_at_most_as_many_layers_as_exist(net, images):
    assert [layer.name for layer in find_layers(net, images, count=9)] == ["body", "stem"]
    assert [layer.name for layer in find_layers(net, images, count=1)] == ["body"]


def test_layers_of_a_model_that_returns_its_logits_in_another_form(net, images):
    for output in (lambda logits: {"logits": logits}, lambda logits: (logits, None), lambda logits: logits[:, 0]):
        model = OtherOutput(net, output)
        assert find_layer(model, images).name == "net.body"
        assert torch.equal(spatial_features(model, images), spatial_features(net, images))


@pytest.mark.parametrize("name", ["test_vit", "test_convnext"])
def test_a_default_dtype_of_low_precision_does_not_matter(name, bfloat16_by_default):
    model = timm.create_model(name, num_classes=7).eval().bfloat16()
    images = torch.rand(1, 3, 160, 160).bfloat16()
    expected = find_layers(model, images)
    with bfloat16_by_default():
        assert find_layers(model, images) == expected


@pytest.mark.parametrize("name", ["squeezenet1_0", "mobilenet_v3_small", "vgg11"])
def test_the_head_of_one_logit_is_a_head(name):
    images = torch.rand(1, 3, 96, 96)
    one, two = (getattr(torchvision.models, name)(num_classes=classes).eval() for classes in (1, 2))
    assert find_layer(one, images) == find_layer(two, images)


def test_a_head_of_two_zero_logits_is_a_head(images):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    assert find_layer(model, images).channels == 8
