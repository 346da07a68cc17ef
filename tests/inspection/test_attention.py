from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from torch import nn

from camaug.inspection.attention import find_attention_blocks, replaced_attention


def test_attention_blocks_of_timm_and_torchvision():
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        vit = timm.create_model("test_vit", num_classes=5, img_size=64).eval()
        assert find_attention_blocks(vit, lambda: vit(images)) == list(vit.blocks)
        other = torchvision.models.VisionTransformer(64, 16, 3, 2, 16, 32, num_classes=5).eval()
        assert find_attention_blocks(other, lambda: other(images)) == list(other.encoder.layers)
        registers = timm.create_model("test_vit4", num_classes=5, img_size=64).eval()
        assert find_attention_blocks(registers, lambda: registers(images)) == list(registers.blocks)
        windows = torchvision.models.SwinTransformer([4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=5).eval()
        assert find_attention_blocks(windows, lambda: windows(images)) == []


def test_attention_is_restored_after_a_failure():
    original = nn.functional.scaled_dot_product_attention
    fast = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(KeyError), replaced_attention(lambda function: function):
        raise KeyError("inside")
    assert nn.functional.scaled_dot_product_attention is original
    assert torch.backends.mha.get_fastpath_enabled() is fast
