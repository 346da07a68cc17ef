from __future__ import annotations

import copy
import gc

import pytest
import torch
import torchvision
from torch import nn

from camaug import get_explainer
from camaug.explainers.methods.legrad import attention_matrix
from camaug.inspection.attention import replaced_attention


def test_the_attention_matrix_equals_torchs():
    q, k, v = torch.randn(3, 2, 4, 7, 8)
    mask = torch.rand(7, 7) > 0.3
    mask.fill_diagonal_(True)
    for settings in ({}, {"attn_mask": mask}, {"attn_mask": torch.randn(7, 7)}, {"scale": 0.3}):
        expected = nn.functional.scaled_dot_product_attention(q, k, v, **settings)
        matrix = attention_matrix(q, k, settings.get("attn_mask"), settings.get("scale"))
        torch.testing.assert_close(matrix @ v, expected)
        torch.testing.assert_close(matrix.sum(dim=-1), torch.ones(2, 4, 7))


def test_maps_by_autograd_block_by_block(vit, vit_images):
    """The head on each block's tokens is differentiated at the block's attention matrix."""
    vit, vit_images = vit.double(), vit_images.double()
    explainer = get_explainer("legrad")
    targets = torch.tensor([1, 3])
    with torch.no_grad():
        maps = explainer.saliency(explainer.gather(vit, vit, vit_images, targets))
    tokens = vit._pos_embed(vit.patch_embed(vit_images)).detach()
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
    torch.testing.assert_close(maps, expected)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_the_autograd_mode_does_not_matter(vit, vit_images, mode):
    expected = get_explainer("legrad")(vit, vit_images, 1).maps
    with mode():
        maps = get_explainer("legrad")(vit, vit_images.clone(), 1).maps
    assert torch.equal(maps, expected)


def test_blocks_selects_the_last_ones(vit, vit_images):
    all_blocks, last = (get_explainer("legrad", blocks=count)(vit, vit_images, 1).maps for count in (None, 1))
    assert not torch.allclose(all_blocks, last, atol=1e-2)
    assert torch.equal(get_explainer("legrad", blocks=99)(vit, vit_images, 1).maps, all_blocks)


def test_frozen_and_compiled_torchvision_models(vit_images):
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(64, 16, 3, 2, 16, 32, num_classes=5).eval()
    nn.init.normal_(model.heads.head.weight)
    expected = get_explainer("legrad")(model, vit_images, 1).maps
    assert (expected.amax(dim=(1, 2)) == 1).all()
    frozen = get_explainer("legrad")(model.requires_grad_(False), vit_images, 1).maps
    torch.testing.assert_close(frozen, expected, rtol=1e-3, atol=1e-4)
    compiled = torch.compile(model, backend="eager")
    with torch.no_grad():
        compiled(vit_images)
    torch.testing.assert_close(get_explainer("legrad")(compiled, vit_images, 1).maps, expected, rtol=1e-3, atol=1e-4)


def test_networks_without_global_attention_are_refused(net, images):
    with pytest.raises(ValueError, match="found no such block in TinyNet: choose 'grad-cam'"):
        get_explainer("legrad")(net, images)


class RaisingTransformer(nn.Module):
    """A transformer that raises after its head, if told to."""

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit
        self.raises = False

    def forward(self, images):
        logits = self.vit(images)
        if self.raises:
            raise RuntimeError("fuse blown")
        return logits


@pytest.mark.parametrize("outcome", ["success", "bad target", "raising layer"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_precision_and_memory_format(vit, vit_images, unchanged, dtype, memory_format, outcome):
    model = RaisingTransformer(copy.deepcopy(vit)).to(dtype=dtype).train()
    images = vit_images.to(dtype=dtype, memory_format=memory_format)
    model.raises = outcome == "raising layer"
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


def test_no_memory_is_kept_and_the_map_depends_on_the_head(vit, vit_images):
    def living() -> int:
        gc.collect()
        return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())

    explainer = get_explainer("legrad")
    before_head = explainer(vit, vit_images, 1).maps
    before = living()
    for _ in range(50):
        explainer(vit, vit_images, 1)
    assert living() <= before
    other = copy.deepcopy(vit)
    nn.init.normal_(other.head.weight, generator=torch.Generator().manual_seed(9))
    assert (explainer(other, vit_images, 1).maps - before_head).abs().amax() > 0.1
