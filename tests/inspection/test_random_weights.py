from __future__ import annotations

import functools

import pytest
import torch
import torchvision
from torch import nn

from camaug import GradCAM
from camaug.inspection.random_weights import head_layers, head_randomised, layers_to_randomise, randomised
from tests.toys import OtherOutput


class TwoHeads(nn.Module):
    """Two heads whose mean is the output, as in a distilled transformer, and an unused one."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(4, 3)
        self.heads = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])
        self.body = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        features = self.body(images).mean(dim=(2, 3))
        return (self.heads[1](features) + self.heads[0](features)) / 2


class Attends(nn.Module):
    """Position embeddings, and PyTorch's attention, which never calls the layer inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, 16, 8))
        self.head = nn.Linear(8, 3)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.patches = nn.Conv2d(3, 8, 4, 4)

    def forward(self, images):
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.attention(tokens, tokens, tokens)[0]).mean(dim=1))


def test_layers_in_the_order_in_which_they_run(net, images):
    assert list(layers_to_randomise(net, images)) == ["stem.0", "body.0", "head"]
    assert list(layers_to_randomise(TwoHeads(), images)) == ["body", "heads.1", "heads.0"]
    layers = layers_to_randomise(Attends(), images)
    assert list(layers) == ["patches", "attention", "head"]
    assert isinstance(layers["attention"], nn.MultiheadAttention)


def test_a_layer_that_runs_twice_is_listed_where_it_runs_last(images):
    shared = nn.Conv2d(3, 3, 1)
    model = nn.Sequential(shared, nn.Conv2d(3, 3, 1), shared, nn.Flatten(), nn.Linear(768, 2))
    assert list(layers_to_randomise(model, images)) == ["1", "0", "4"]


def test_a_bare_layer_with_a_custom_forward(images):
    linear = nn.Linear(3, 2)
    assert list(layers_to_randomise(linear, images, forward=lambda x: linear(x.mean(dim=(2, 3))))) == [""]


@pytest.mark.parametrize(
    ("create", "head"),
    [
        (torchvision.models.squeezenet1_0, ["classifier.1"]),
        (torchvision.models.resnet18, ["fc"]),
        (torchvision.models.densenet121, ["classifier"]),
        (functools.partial(torchvision.models.VisionTransformer, 96, 32, 3, 2, 16, 32), ["heads.head"]),
        (functools.partial(torchvision.models.googlenet, init_weights=False), ["fc"]),  # initialising takes seconds
    ],
    ids=["squeezenet", "resnet", "densenet", "vit", "googlenet"],
)
def test_heads_of_torchvision(create, head):
    model = create(num_classes=7)
    assert list(head_layers(model, torch.rand(1, 3, 96, 96))) == head


def test_both_heads_of_a_distilled_transformer(images):
    timm = pytest.importorskip("timm")
    model = timm.create_model("deit_tiny_distilled_patch16_224", num_classes=7, img_size=64, depth=3)
    assert list(head_layers(model, torch.rand(1, 3, 64, 64))) == ["head", "head_dist"]
    assert sorted(head_layers(TwoHeads(), images)) == ["heads.0", "heads.1"]


def test_only_the_scale_is_kept():
    layer = nn.Linear(400, 300)
    layer.weight.data.mul_(7).add_(1)
    scale, weight, bias = layer.weight.square().mean().sqrt(), layer.weight, layer.bias
    with randomised([layer]):
        drawn = layer.weight
        assert isinstance(drawn, nn.Parameter)
        assert drawn.mean().abs() < 0.02 * scale
        torch.testing.assert_close(drawn.std(), scale, rtol=0.02, atol=0)
        assert abs(torch.corrcoef(torch.stack([drawn.flatten(), weight.flatten()]))[0, 1]) < 0.02
        assert not torch.equal(layer.bias, bias)
        assert list(layer._parameters) == ["weight", "bias"]
    assert layer.weight is weight
    assert layer.bias is bias


def test_a_head_of_zeros_gets_weights_by_its_fan_in():
    layer = nn.Linear(400, 300)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    with randomised([layer]):
        torch.testing.assert_close(layer.weight.std(), torch.tensor(0.05), rtol=0.02, atol=0)
        assert layer.bias.eq(0).all()


def test_seeds_and_shared_parameters(net, images):
    net.head.weight.requires_grad_(False)
    logits = []
    for seed in (0, 0, 1):
        with randomised([net.head, net.body], seed=seed):
            logits.append(net(images))
            assert not net.head.weight.requires_grad
    assert torch.equal(logits[0], logits[1])
    assert not torch.equal(logits[0], logits[2])
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = one.weight
    with randomised([one, other]):
        assert other.weight is one.weight


def test_everything_is_restored(restless_net, unchanged, images):
    with unchanged(restless_net), head_randomised(restless_net, images) as names:
        assert names == ["head"]
    explainer = GradCAM(layer="features")
    restless_net.fuse.after = 0
    with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"), randomised(restless_net.modules()):
        explainer(restless_net, images)
    with unchanged(restless_net), pytest.raises(RuntimeError, match="fuse blown"):
        head_layers(restless_net, images)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_gradients_in_validation(net, images, mode):
    with mode(), head_randomised(net, images):
        maps = GradCAM()(net, images).maps
    assert maps.amax() > 0


def test_no_layer_to_randomise(images):
    with pytest.raises(ValueError, match="found no layer of Flatten to randomise: no module that runs"):
        layers_to_randomise(nn.Flatten(), images)


def test_layers_of_a_model_that_returns_its_logits_in_another_form(net, images):
    for output in (lambda logits: {"logits": logits}, lambda logits: logits[:, 0]):
        assert list(head_layers(OtherOutput(net, output), images)) == ["net.head"]


def test_both_heads_of_one_logit(images):
    model = TwoHeads()
    model.heads = nn.ModuleList([nn.Linear(4, 1), nn.Linear(4, 1)])
    assert set(head_layers(model, images)) == {"heads.0", "heads.1"}
