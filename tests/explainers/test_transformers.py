"""Every method on a transformer, whose layer puts out tokens with a class token before them."""

from __future__ import annotations

import copy
import gc

import pytest
import timm
import torch
import torchvision
from torch import nn

from camaug import get_explainer, list_explainers
from camaug.explainers import LayerExplainer
from camaug.explainers.methods.legrad import attention_matrix
from camaug.inspection.attention import find_attention_blocks, replaced_attention
from tests.small_explainers import small

SIZE = 64
CONVOLUTIONAL_ONLY = ["cam", "guided-backprop", "deconvnet", "guided-grad-cam"]


@pytest.fixture(scope="module")
def vit() -> nn.Module:
    torch.manual_seed(0)
    model = timm.create_model("test_vit", num_classes=5, img_size=SIZE).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    for block in model.blocks[2:5]:
        block.mlp.fc2.bias.data += 0.5  # activations that are positive on the whole, as trained networks have
    return model


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def make(name: str, **settings):
    layer = {"layer": "blocks.4"} if isinstance(get_explainer(name), LayerExplainer) else {}
    wrapped = (
        {"explainer": get_explainer("grad-cam", layer="blocks.4")} if hasattr(get_explainer(name), "inner") else {}
    )
    return small(name, **layer | wrapped | settings)


@pytest.mark.parametrize("name", sorted(set(list_explainers()) - set(CONVOLUTIONAL_ONLY)))
def test_every_method(vit, pictures, unchanged, name):
    explainer = make(name)
    with unchanged(vit):
        explanation = explainer(vit, pictures, torch.tensor([1, 3]))
    assert explanation.maps.shape == (2, SIZE, SIZE)
    assert explanation.maps.isfinite().all()
    assert (explanation.maps.amax(dim=(1, 2)) > 0).any()
    torch.testing.assert_close(explanation.logits, vit(pictures))
    exact, doubled = copy.deepcopy(vit).double(), pictures.double()
    together = explainer(exact, doubled, torch.tensor([1, 3])).maps
    for image, target in ((0, 1), (1, 3)):
        alone = explainer(exact, doubled[image, None], target).maps[0]
        torch.testing.assert_close(alone, together[image], rtol=1e-4, atol=1e-4)


# LeGrad


def test_attention_matrix_is_what_torch_attends_with():
    q, k, v = torch.randn(3, 2, 4, 7, 8)
    mask = torch.rand(7, 7) > 0.3
    mask.fill_diagonal_(True)
    for settings in ({}, {"attn_mask": mask}, {"attn_mask": torch.randn(7, 7)}, {"scale": 0.3}):
        expected = nn.functional.scaled_dot_product_attention(q, k, v, **settings)
        matrix = attention_matrix(q, k, settings.get("attn_mask"), settings.get("scale"))
        torch.testing.assert_close(matrix @ v, expected)
        torch.testing.assert_close(matrix.sum(dim=-1), torch.ones(2, 4, 7))


def test_blocks_of_timm_and_torchvision(vit, pictures):
    with torch.no_grad():
        assert find_attention_blocks(vit, lambda: vit(pictures)) == list(vit.blocks)
        other = torchvision.models.VisionTransformer(SIZE, 16, 3, 2, 16, 32, num_classes=5).eval()
        assert find_attention_blocks(other, lambda: other(pictures)) == list(other.encoder.layers)
        registers = timm.create_model("test_vit4", num_classes=5, img_size=SIZE).eval()
        assert find_attention_blocks(registers, lambda: registers(pictures)) == list(registers.blocks)
        windows = torchvision.models.SwinTransformer([4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=5).eval()
        assert find_attention_blocks(windows, lambda: windows(pictures)) == []


def test_attention_is_put_back_after_a_failure():
    original = nn.functional.scaled_dot_product_attention
    fast = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(KeyError), replaced_attention(lambda function: function):
        raise KeyError("inside")
    assert nn.functional.scaled_dot_product_attention is original
    assert torch.backends.mha.get_fastpath_enabled() is fast


def test_legrad_by_autograd_of_the_test_itself(vit, pictures):
    """Block by block: the head on the block's tokens, differentiated at its attention matrix."""
    vit, pictures = vit.double(), pictures.double()
    explainer = get_explainer("legrad")
    targets = torch.tensor([1, 3])
    with torch.no_grad():
        found = explainer.saliency(explainer.gather(vit, vit, pictures, targets))
    tokens = vit._pos_embed(vit.patch_embed(pictures)).detach()
    total = torch.zeros(2, tokens.shape[1], dtype=torch.float64)
    for block in vit.blocks:
        matrices = []

        def keeping(original, matrices=matrices):
            def attend(q, k, v, **_):
                matrices.append(((q @ k.mT) / q.shape[-1] ** 0.5).softmax(dim=-1).detach().requires_grad_())
                return matrices[0] @ v

            return attend

        with replaced_attention(keeping):
            tokens = block(tokens)
        score = vit.forward_head(vit.norm(tokens)).gather(1, targets[:, None]).sum()
        total += torch.autograd.grad(score, matrices[0])[0].relu().mean(dim=(1, 2))
        tokens = tokens.detach()
    expected = total[:, 1:].view(2, 4, 4) / len(vit.blocks)
    vit.float()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_legrad_whatever_the_autograd_mode(vit, pictures, mode):
    expected = get_explainer("legrad")(vit, pictures, 1).maps
    with mode():
        found = get_explainer("legrad")(vit, pictures.clone(), 1).maps
    assert torch.equal(found, expected)


def test_legrad_of_the_last_blocks(vit, pictures):
    all_blocks, last = (get_explainer("legrad", blocks=count)(vit, pictures, 1).maps for count in (None, 1))
    assert not torch.allclose(all_blocks, last, atol=1e-2)
    assert torch.equal(get_explainer("legrad", blocks=99)(vit, pictures, 1).maps, all_blocks)


def test_legrad_of_frozen_torchvision_models(pictures):
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(SIZE, 16, 3, 2, 16, 32, num_classes=5).eval()
    nn.init.normal_(model.heads.head.weight)
    expected = get_explainer("legrad")(model, pictures, 1).maps
    assert (expected.amax(dim=(1, 2)) == 1).all()
    frozen = get_explainer("legrad")(model.requires_grad_(False), pictures, 1).maps
    torch.testing.assert_close(frozen, expected, rtol=1e-3, atol=1e-4)
    compiled = torch.compile(model, backend="eager")
    with torch.no_grad():
        compiled(pictures)
    torch.testing.assert_close(get_explainer("legrad")(compiled, pictures, 1).maps, expected, rtol=1e-3, atol=1e-4)


def test_legrad_refuses_networks_without_such_attention(net, images):
    with pytest.raises(ValueError, match="found no such block in TinyNet: choose 'grad-cam'"):
        get_explainer("legrad")(net, images)


class Fused(nn.Module):
    """A transformer behind which something may raise."""

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit
        self.blown = False

    def forward(self, images):
        logits = self.vit(images)
        if self.blown:
            raise RuntimeError("fuse blown")
        return logits


@pytest.mark.parametrize("outcome", ["success", "bad target", "raising layer"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_legrad_in_every_precision_and_memory_format(vit, pictures, unchanged, dtype, memory_format, outcome):
    model = Fused(copy.deepcopy(vit)).to(dtype=dtype).train()
    images = pictures.to(dtype=dtype, memory_format=memory_format)
    model.blown = outcome == "raising layer"
    attention = nn.functional.scaled_dot_product_attention
    with unchanged(model):
        if outcome == "success":
            assert get_explainer("legrad")(model, images, 1).maps.isfinite().all()
        else:
            error, message = {
                "bad target": (ValueError, "`targets` must be between 0 and 4"),
                "raising layer": (RuntimeError, "fuse blown"),
            }[outcome]
            with pytest.raises(error, match=message):
                get_explainer("legrad")(model, images, 5)
    assert nn.functional.scaled_dot_product_attention is attention


def test_legrad_keeps_no_memory_and_depends_on_the_head(vit, pictures):
    def living() -> int:
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    explainer = get_explainer("legrad")
    before_head = explainer(vit, pictures, 1).maps
    before = living()
    for _ in range(50):
        explainer(vit, pictures, 1)
    assert living() <= before
    other = copy.deepcopy(vit)
    nn.init.normal_(other.head.weight, generator=torch.Generator().manual_seed(9))
    assert (explainer(other, pictures, 1).maps - before_head).abs().amax() > 0.1
