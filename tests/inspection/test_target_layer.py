from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, field
from typing import Any

import lightning as L
import pytest
import timm
import torch
import torchvision
from torch import nn

from camaug import GradCAM, GroupCAM, TargetLayer, find_layer, spatial_features
from camaug.inspection.find_layer import find_layers
from camaug.inspection.resolve_layer import _target_layers, resolve_layer
from camaug.inspection.unwrap import unwrap

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


# Every kind of architecture


@dataclass(frozen=True)
class Kind:
    """A small network of a kind: its layer, and the grid of it."""

    name: str
    layer: str
    size: tuple[int, int]
    grid: tuple[int, int]
    settings: dict[str, Any] = field(default_factory=dict)

    def create(self) -> nn.Module:
        """All weights normal with the variance of one over the fan-in, as without training some signals vanish."""
        model = timm.create_model(self.name, num_classes=7, **self.settings).eval()
        redraw(model)
        return model

    def images(self, count: int = 2) -> torch.Tensor:
        return 0.1 * torch.randn(count, 3, *self.size, generator=torch.Generator().manual_seed(0))


def redraw(model):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and parameter[0].numel() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter[0].numel() ** 0.5)
            else:
                parameter.fill_(0.0 if "bias" in name else 1.0)


SWIN = {"window_size": 4, "depths": (1, 1, 2), "embed_dim": 24, "num_heads": (1, 2, 2)}
KINDS = {
    "convolutions": Kind("test_resnet", "layer4", (160, 160), (5, 5)),
    "channels last": Kind("test_mambaout", "stages", (160, 160), (5, 5)),
    "class token": Kind("test_vit", "blocks.4", (160, 160), (10, 10)),
    "class token, not square": Kind("test_vit", "blocks.4", (96, 160), (6, 10), {"img_size": (96, 160)}),
    "class token, any size": Kind("test_vit", "blocks.4", (160, 96), (10, 6), {"dynamic_img_size": True}),
    "registers": Kind("test_vit", "blocks.4", (160, 160), (10, 10), {"reg_tokens": 3}),
    "mean of tokens": Kind("test_vit", "blocks", (160, 160), (10, 10), {"class_token": False, "global_pool": "avg"}),
    "attention pooling": Kind("test_vit3", "blocks", (160, 160), (10, 10)),
    "two class tokens": Kind(
        "deit_tiny_distilled_patch16_224", "blocks.1", (96, 96), (6, 6), {"depth": 3, "embed_dim": 48, "img_size": 96}
    ),
    "rotary": Kind("vit_tiny_patch16_dinov3_qkvb", "blocks.2", (96, 160), (6, 10), {"depth": 3, "embed_dim": 48}),
    "relative positions": Kind("test_vit_relpos", "blocks.8", (160, 160), (10, 10)),
    "Swin": Kind("swin_tiny_patch4_window7_224", "norm", (64, 64), (4, 4), {"img_size": 64, **SWIN}),
    "Swin 2": Kind("swinv2_tiny_window8_256", "norm", (64, 64), (4, 4), {"img_size": 64, **SWIN}),
    "Swin 2, other code": Kind(
        "swinv2_cr_tiny_224", "stages", (64, 96), (4, 6), {"img_size": (64, 96), **SWIN, "window_size": 2}
    ),
    "tokens out of order": Kind(
        "hiera_tiny_224",
        "blocks.6",
        (128, 192),
        (4, 6),
        {"embed_dim": 24, "stages": (1, 2, 2, 2), "img_size": (128, 192)},
    ),
    "hybrid": Kind("vit_tiny_r_s16_p8_224", "blocks.1", (128, 128), (4, 4), {"depth": 3, "img_size": 128}),
    "convolutions and attention": Kind("test_coatnet", "norm", (160, 160), (5, 5)),
    "MaxViT": Kind("test_maxvit", "norm", (160, 160), (5, 5)),
    "mixer": Kind("mixer_s32_224", "blocks", (224, 224), (7, 7)),
    "branches": Kind("crossvit_tiny_240", "blocks.2.blocks.1", (240, 240), (14, 14)),
    "NaFlex": Kind(
        "naflexvit_base_patch16_gap", "blocks.2", (96, 160), (6, 10), {"embed_dim": 48, "depth": 3, "num_heads": 2}
    ),
    "attention of channels": Kind("xcit_nano_12_p8_224", "blocks.2", (64, 96), (8, 12), {"depth": 3, "embed_dim": 64}),
    "class attention": Kind(
        "cait_xxs24_224", "blocks", (64, 64), (4, 4), {"depth": 3, "embed_dim": 48, "img_size": 64}
    ),
    "blocks with two outputs": Kind(
        "tnt_s_legacy_patch16_224", "blocks.2.norm_out", (96, 96), (6, 6), {"depth": 3, "img_size": 96}
    ),
    "stages of tokens": Kind("pit_ti_224", "transformers.2.blocks.2", (224, 224), (7, 7)),
    "attention pooling of convolutions": Kind("resnet50_clip", "stages", (224, 224), (7, 7)),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request):
    return request.param


def test_every_kind(kind):
    model, images = kind.create(), kind.images()
    target = find_layer(model, images)
    assert (target.name, target.grid) == (kind.layer, kind.grid)
    features = spatial_features(model, images)
    assert features.shape == (2, target.channels, *kind.grid)
    assert quadrants(model, images) == [0, 1, 2, 3]
    gradient = gradient_at(model, target.name, images)
    maps = resolve_layer(model, None, images).to_maps(gradient, kind.size)
    assert (maps.abs().sum(dim=1) > 0).all(), "there are places that the score does not see"
    for explainer in (GradCAM(), GroupCAM(groups=2)):
        explained = explainer(model, images[:1], 1).maps
        assert explained.shape == (1, *kind.size)
        assert explained.isfinite().all()


def quadrants(model, images):
    """The quadrants in which noise changes the features most in the same quadrant."""
    height, width = images.shape[2] // 2, images.shape[3] // 2
    before = spatial_features(model, images)
    passed = []
    for quadrant in range(4):
        changed = images.clone()
        row, column = divmod(quadrant, 2)
        noise = torch.randn(len(images), 3, height, width, generator=torch.Generator().manual_seed(2))
        changed[..., row * height :, column * width :][..., :height, :width] = noise
        difference = (spatial_features(model, changed) - before).abs().mean(dim=(0, 1))
        h, w = (side // 2 for side in difference.shape)
        means = [part.mean() for rows in (difference[:h], difference[-h:]) for part in (rows[:, :w], rows[:, -w:])]
        if int(torch.stack(means).argmax()) == quadrant:
            passed.append(quadrant)
    return passed


def gradient_at(model, name, images):
    """The gradient of some sum of the logits with respect to a layer's output."""
    outputs = []
    handle = model.get_submodule(name).register_forward_hook(
        lambda module, inputs, output: outputs.append(output.detach().requires_grad_()) or outputs[-1].clone()
    )
    logits = model(images)
    handle.remove()
    return torch.autograd.grad((logits * torch.randn(logits.shape)).sum(), outputs[-1])[0]


def test_the_last_block_is_not_read_where_a_class_token_is():
    kind = KINDS["class token"]
    gradient = gradient_at(kind.create(), "blocks.5", kind.images())
    assert gradient[:, 0].abs().max() > 0
    assert gradient[:, 1:].abs().max() == 0


@pytest.mark.parametrize("names", [["blocks.0", "blocks.2.attn", "blocks.4.norm1"]])
def test_named_layers_have_the_models_own_order_of_tokens(names):
    kind = KINDS["tokens out of order"]
    model, images = kind.create(), kind.images(1)
    own = model.forward_intermediates(images, intermediates_only=True)
    for name, index in (("blocks.0", 0), ("blocks.2", 1), ("blocks.4", 2)):
        assert torch.allclose(spatial_features(model, images, layer=name), own[index], atol=1e-5)
    changed = images.clone()
    changed[..., :64, 96:] = torch.randn(1, 3, 64, 96)
    for name in names:
        change = spatial_features(model, changed, layer=name) - spatial_features(model, images, layer=name)
        place = change.abs().sum(dim=1)[0].flatten().argmax()
        row, column = divmod(int(place), change.shape[3])
        assert row < change.shape[2] / 2
        assert column >= change.shape[3] / 2


def test_where_the_models_head_starts_at_zero():
    model = timm.create_model("test_vit", num_classes=7).eval()
    nn.init.zeros_(model.head.weight)
    assert find_layer(model).name == "blocks.4"


def test_a_method_of_that_name_may_be_anything(net, images):
    net.body.forward_intermediates = lambda *anything: 1 / 0
    net.stem.forward_intermediates = lambda *_, **__: [None, torch.rand(3)]
    assert find_layer(net, images) == TargetLayer("body", (4, 4), 12)


def test_sizes_are_kept_apart():
    model = KINDS["class token, any size"].create()
    assert spatial_features(model, torch.rand(1, 3, 96, 160)).shape == (1, 64, 6, 10)
    assert spatial_features(model, torch.rand(1, 3, 160, 96)).shape == (1, 64, 10, 6)
    assert spatial_features(model, torch.rand(1, 3, 96, 160)).shape == (1, 64, 6, 10)


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
    assert quadrants(model, images) == [0, 1, 2, 3]
    assert gradient_at(model, target.name, images).abs().max() > 0


class Blocks(nn.Module):
    """A transformer of one's own: images to tokens, with a class token in front, to blocks, to logits."""

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
def test_transformer_of_ones_own(pool, layer, size):
    rows, columns = size[0] // 8, size[1] // 8
    model = Blocks(rows, columns, pool=pool).eval()
    images = torch.randn(2, 3, *size)
    assert find_layer(model, images) == TargetLayer(layer, (rows, columns), 16)
    assert quadrants(model, 0.1 * images) == [0, 1, 2, 3]
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
    assert quadrants(model, 0.1 * images) == [0, 1, 2, 3]


def test_pictures_read_by_attention(images):
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


# Whatever is around the model

AROUND = ["convolutions", "class token", "Swin", "tokens out of order"]


@pytest.fixture(params=AROUND)
def some(request):
    kind = KINDS[request.param]
    model, images = kind.create(), kind.images()
    return model, images, GradCAM()(model, images, 1).maps


class Module(L.LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model(images)


@pytest.mark.parametrize("wrap", [nn.DataParallel, Module, lambda model: nn.DataParallel(Module(model))])
def test_wrapped(some, wrap):
    model, images, maps = some
    torch.testing.assert_close(GradCAM()(wrap(model), images, 1).maps, maps)


def test_teacher_and_student(some):
    model, images, maps = some
    both = nn.ModuleDict({"teacher": timm.create_model("test_resnet"), "student": model})
    torch.testing.assert_close(GradCAM()(both, images, 1, forward=both["student"]).maps, maps)
    assert find_layer(both, images, forward=both["student"]).name.startswith("student.")


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("how", ["function", "method", "inside"])
def test_compiled(some, called, how):
    model, images, maps = some
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


def test_bfloat16(some):
    model, images, maps = some
    rounded = GradCAM()(model.bfloat16(), images.bfloat16(), 1).maps
    assert rounded.isfinite().all()
    assert (rounded - maps).abs().mean() < 0.05


def test_autocast(some):
    model, images, maps = some
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = GradCAM()(model, images, 1).maps
    assert rounded.isfinite().all()
    assert (rounded - maps).abs().mean() < 0.05


def test_frozen(some):
    model, images, maps = some
    torch.testing.assert_close(GradCAM()(model.requires_grad_(False), images, 1).maps, maps)


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing(some, reentrant):
    model, images, maps = some
    model.set_grad_checkpointing()
    before = timm.layers.use_reentrant_ckpt()
    timm.layers.set_reentrant_ckpt(reentrant)
    try:
        torch.testing.assert_close(GradCAM()(model, images, 1).maps, maps)
        torch.testing.assert_close(GradCAM()(model.train(), images, 1).maps, maps)
    finally:
        timm.layers.set_reentrant_ckpt(before)


def test_relus_in_place(make_net, images):
    plain, inplace = make_net(), make_net(inplace=True)
    for layer in (None, "body.1", "stem.1"):
        expected = GradCAM(layer=layer)(plain, images, 1).maps
        torch.testing.assert_close(GradCAM(layer=layer)(inplace, images, 1).maps, expected)


def test_forward_that_rejects_noise(net, images):
    def forward(batch):
        if batch.std() > 0.2:
            raise ValueError("too wild")
        return net(batch)

    assert find_layer(net, 0.1 * images, forward=forward).name == "body"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("layer", [None, "0"])
def test_quantised_models_are_refused(images, layer):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()
    quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(ValueError, match=r"is quantised \(4 is a Linear\), and maps need a float model: explain"):
        GradCAM(layer=layer)(quantised, images)
    with pytest.raises(ValueError, match="is quantised"):
        find_layer(quantised, images)


def test_models_quantised_by_torchao_are_refused(net, images):
    weight = type("Int8Tensor", (nn.Parameter,), {"__module__": "torchao.quantization"})
    net.head.weight = weight(net.head.weight.detach())
    with pytest.raises(ValueError, match=r"TinyNet is quantised \(head is a Linear\)"):
        find_layer(net, images)


# Layers with tokens that are named


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
    with pytest.raises(
        ValueError, match=r"found no layer of Sequential .* Looked for: .* There are none\. .* one of its"
    ):
        GradCAM()(model, images)


@pytest.mark.parametrize("clean", [torch.nan_to_num, lambda features: check_finite(features)])
def test_models_that_look_out_for_nan(net, images, clean):
    body = net.body
    net.forward = lambda batch: net.head(clean(body(net.stem(batch))).mean(dim=(2, 3)))
    assert find_layer(net, images).name == "body"


def check_finite(features):
    assert features.isfinite().all()
    return features


def test_features_that_reach_no_score(images):
    class Deaf(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.head = nn.Linear(3, 5)

        def forward(self, batch):
            self.conv(batch)
            return self.head(batch.mean(dim=(2, 3)))

    with pytest.raises(ValueError, match=r"The logits do not depend on conv\. .* layer='NAME', one of conv"):
        find_layer(Deaf(), images)


# Said by the user


@pytest.mark.parametrize(
    ("said", "meant"), [("stem", "stem"), ("body.1", "body.1"), ("net.body.1", None), ("2", None), ("", "")]
)
def test_names(net, images, said, meant):
    if meant is None:
        with pytest.raises(ValueError, match=f"TinyNet has no layer '{said}'; the nearest are "):
            resolve_layer(net, said, images)
    else:
        assert resolve_layer(net, said, images).module is net.get_submodule(meant)


def test_names_may_leave_out_leading_parts(net, images):
    model = nn.ModuleDict({"inner": nn.ModuleDict({"net": net})})
    for said in ("inner.net.body", "net.body", "body"):
        assert resolve_layer(model, said, images).module is net.body
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
    assert resolve_layer(net, net.body[2], images).module is net.body[2]
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
    assert len(calls) == 2  # once to see it, once to see that it reaches the score
    assert resolve_layer(net, None, images).module is net.body
    handle.remove()


def test_found_again_where_the_layer_is_gone(net, images):
    assert resolve_layer(net, None, images).module is net.body
    net.trunk = net.body
    del net.body
    net.forward = lambda batch: net.head(net.trunk(net.stem(batch)).mean(dim=(2, 3)))
    assert resolve_layer(net, None, images).module is net.trunk


def test_what_was_found_does_not_keep_the_model(make_net, images):
    net = make_net()
    resolve_layer(net, None, images)
    known = len(_target_layers)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None
    assert len(_target_layers) < known


def test_unwrap(net):
    assert unwrap(net) is net
    assert unwrap(nn.DataParallel(net)) is net
    assert unwrap(torch.compile(nn.DataParallel(net), backend="eager")) is net
    assert unwrap(nn.DataParallel(torch.compile(net, backend="eager"))) is net


# Several


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


def test_no_more_layers_than_there_are(net, images):
    assert [layer.name for layer in find_layers(net, images, count=9)] == ["body", "stem"]
    assert [layer.name for layer in find_layers(net, images, count=1)] == ["body"]
