"""The fast forward gives the plain forward's answers, and leaves the model alone."""

from __future__ import annotations

import copy
import warnings

import pytest
import timm
import torch
import torchvision
from torch import nn

from camaug import FastForward, GradCAM, GroupCAM, get_explainer
from camaug.fast_forward.folding import find_foldable_pairs
from camaug.inspection.neutral import neutral
from tests.toys import TinyNet


def worn(model: nn.Module) -> nn.Module:
    """Batch-norms as after training: statistics and weights of their own."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.1)
            for tensor in (module.running_var, module.weight.data):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return model.eval()


def fast(model: nn.Module, images: torch.Tensor, dtype=None) -> tuple[torch.Tensor, FastForward]:
    forward = FastForward(model, dtype=dtype)
    with torch.no_grad():
        return forward(images), forward


MODELS = {
    "resnet18": lambda: torchvision.models.resnet18(),
    "densenet121": lambda: torchvision.models.densenet121(),
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(),
    "googlenet": lambda: torchvision.models.googlenet(init_weights=False, aux_logits=False),
    "squeezenet1_1": lambda: torchvision.models.squeezenet1_1(),
    "preact": lambda: timm.create_model("resnetv2_50", pretrained=False),
    "efficientnet": lambda: timm.create_model("efficientnet_b0", pretrained=False),
    "convnext": lambda: timm.create_model("convnext_atto", pretrained=False),
    "vit": lambda: timm.create_model("vit_tiny_patch16_224", img_size=64, pretrained=False),
    "standardised": lambda: timm.create_model("resnetv2_50x1_bit", pretrained=False),
}


@pytest.mark.parametrize("name", MODELS)
def test_in_float32_the_logits_are_the_plain_ones(name):
    model = worn(MODELS[name]())
    images = torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        expected = model(images)
    logits, _ = fast(model, images)
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("name", "folded"),
    [("resnet18", 20), ("mobilenet_v3_small", 34), ("squeezenet1_1", 0), ("vit", 0), ("efficientnet", 49)],
)
def test_how_many_are_folded(name, folded):
    model = worn(MODELS[name]())
    with torch.no_grad():
        assert len(find_foldable_pairs(model, model, torch.rand(1, 3, 64, 64))) == folded


class Shared(nn.Module):
    """What a convolution puts out goes to a batch-norm and, before it, elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.convolution(images)
        return self.head((features + self.norm(features)).mean(dim=(2, 3)))


class Twice(Shared):
    """One convolution and one batch-norm serve twice."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)
        self.norm, self.head = nn.BatchNorm2d(3), nn.Linear(3, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for _ in range(2):
            images = self.norm(self.convolution(images))
        return self.head(images.mean(dim=(2, 3)))


@pytest.mark.parametrize("build", [Shared, Twice])
def test_what_is_read_elsewhere_is_not_folded(build):
    model = worn(build())
    images = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        assert find_foldable_pairs(model, model, images[:1]) == []
        torch.testing.assert_close(fast(model, images)[0], model(images))


def test_a_batch_norm_in_training_is_not_folded():
    model = worn(TinyNet())
    model.stem[1].train()
    images = torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        expected = copy.deepcopy(model)(images)
        torch.testing.assert_close(fast(model, images)[0], expected, rtol=1e-4, atol=1e-4)


def test_weights_are_those_of_now():
    """Between two calls the model learns, here through `.data`, which no version counter sees."""
    model = worn(TinyNet())
    images = torch.rand(2, 3, 16, 16)
    _, forward = fast(model, images)
    with torch.no_grad():
        model.stem[0].weight.data.mul_(-1)
        model.body[1].running_mean.add_(0.3)
        model.head.bias.data.add_(1)
        torch.testing.assert_close(forward(images), model(images), rtol=1e-4, atol=1e-4)


def test_someone_looking_between_sees_what_is_there():
    """A hook on the convolution gets its own output, not the folded one."""
    model = worn(TinyNet())
    images = torch.rand(2, 3, 16, 16)
    _, forward = fast(model, images)
    seen = []
    handle = model.body[0].register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    with torch.no_grad():
        forward(images)
        model(images)
    handle.remove()
    torch.testing.assert_close(*seen, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", ["body.0", "body.1", "body", "stem"])
def test_maps_at_every_layer(layer, net, images):
    worn(net)
    for explainer in (GradCAM(layer=layer), GroupCAM(groups=4, layer=layer)):
        expected = explainer(net, images).maps
        maps = explainer(net, images, forward=FastForward(net, dtype=None)).maps
        torch.testing.assert_close(maps, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    "name", ["grad-cam", "score-cam", "group-cam", "ablation-cam", "full-grad", "rise", "gradient"]
)
def test_methods(name, net, images):
    worn(net)
    explainer = get_explainer(name, **({"masks": 20} if name == "rise" else {}))
    expected = explainer(net, images).maps
    maps = explainer(net, images, forward=FastForward(net, dtype=None)).maps
    torch.testing.assert_close(maps, expected, rtol=0, atol=2e-3)


def test_in_bfloat16_nearly(net, images, unchanged):
    worn(net)
    with unchanged(net):
        explanation = GroupCAM(groups=4)(net, images, forward=FastForward(net, dtype=torch.bfloat16))
    expected = GroupCAM(groups=4)(net, images)
    assert torch.equal(explanation.targets, expected.targets)
    assert (explanation.maps - expected.maps).abs().mean() < 0.1
    assert not torch.equal(explanation.logits, expected.logits)


def test_the_precision_of_the_caller_is_kept(net, images):
    """Inside autocast its precision is the one that was chosen."""
    dtypes = []
    handle = net.head.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    with torch.autocast("cpu", dtype=torch.float16):
        GroupCAM(groups=4)(net, images, forward=FastForward(net, dtype=torch.bfloat16))
    handle.remove()
    assert dtypes[-1] == torch.float16
    net.double()
    assert GroupCAM(groups=4)(net, images.double(), forward=FastForward(net)).logits.dtype == torch.float64


def test_a_forward_of_ones_own(net, images):
    wrapped = nn.ModuleDict({"net": net})
    forward = FastForward(wrapped, lambda batch: wrapped["net"](batch), dtype=None)
    expected = GradCAM(layer="net.body")(wrapped, images, forward=wrapped["net"]).maps
    torch.testing.assert_close(GradCAM(layer="net.body")(wrapped, images, forward=forward).maps, expected)


class Viewing(nn.Module):
    """Flattens by `view`, which memory laid out channels-last refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 8 * 8, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.features(images)
        return self.head(features.view(len(features), -1))


def test_a_model_that_needs_its_own_layout():
    model, images = Viewing().eval(), torch.rand(2, 3, 8, 8)
    forward = FastForward(model, dtype=None)
    with (
        torch.no_grad(),
        pytest.warns(UserWarning, match=r"(?s)Viewing runs unchanged, because .* does not work for it .*view"),
    ):
        logits = forward(images)
    torch.testing.assert_close(logits, model(images))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")  # it is said once
        forward(images)


class Loud(TinyNet):
    """Answers differently in low precision."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.body(self.stem(images))
        return self.head(features.mean(dim=(2, 3))) * (1 if features.dtype == torch.float32 else 7)


def test_a_model_that_answers_otherwise():
    model, images = worn(Loud()), torch.rand(2, 3, 16, 16)
    forward = FastForward(model, dtype=torch.bfloat16)
    with torch.no_grad(), pytest.warns(UserWarning, match="(?s)runs unchanged.*logits differ"):
        logits = forward(images)
    assert torch.equal(logits, model(images))
    assert forward.description == "nothing changed"


def test_says_what_it_does(net, images):
    forward = FastForward(net, dtype=torch.bfloat16)
    assert forward.description == "not tried yet"
    with torch.no_grad():
        forward(images)
    assert forward.description == "bfloat16, channels-last, 2 batch-norms folded"


def test_inside_an_observation_modules_that_were_compiled(images, net):
    compiled = torch.compile(net, backend="eager")
    with neutral(net):
        expected = net(images)
        torch.testing.assert_close(FastForward(compiled, dtype=None)(images), expected, rtol=1e-4, atol=1e-4)


def test_unknown_precision(net):
    with pytest.raises(ValueError, match=r"`dtype` must be 'auto', a torch\.dtype or None, got 'half'"):
        FastForward(net, dtype="half")
