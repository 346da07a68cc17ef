from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from camaug.inspection.feature_maps import count_prefix_tokens
from camaug.inspection.layer_candidates import known_feature_grids, list_candidates
from camaug.inspection.trace import trace


def candidate_names(model, images):
    with torch.no_grad():
        candidates = list_candidates(trace(model, model, images), prefix_tokens=count_prefix_tokens(model))
    return [candidate.call.name for candidate in candidates]


def test_the_last_feature_maps_come_first_and_the_head_is_left_out(net, images):
    assert candidate_names(net, images[:1]) == [
        "body",
        "body.2",
        "body.1",
        "body.0",
        "stem",
        "stem.2",
        "stem.1",
        "stem.0",
    ]


def test_intermediates_of_the_model_come_first():
    model = timm.create_model("test_resnet", num_classes=7).eval()
    names = candidate_names(model, torch.rand(1, 3, 160, 160))
    stages = [name for name in names if name in ("layer1", "layer2", "layer3", "layer4")]
    assert names[0] == "layer4"
    assert stages == ["layer4", "layer3", "layer2", "layer1"]
    assert names.index("layer1") < names.index("layer4.0.act1")
    assert len(names) == len(set(names))


def test_attention_matrices_are_not_feature_maps(images):
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.matrix, self.head = nn.Conv2d(3, 16, 4, 4), nn.Softmax(dim=-1), nn.Linear(16, 5)
            self.block = nn.Linear(16, 16)

        def forward(self, batch):
            tokens = self.block(self.embed(batch).flatten(2).transpose(1, 2))
            matrix = self.matrix((tokens @ tokens.mT)[:, None])
            return self.head((matrix[:, 0] @ tokens).mean(dim=1))

    assert candidate_names(Attention().eval(), images[:1]) == ["embed"]


@pytest.mark.parametrize("name", ["test_vit", "test_vit2"])
def test_known_grids_cover_the_tokens_of_every_block(name):
    model = timm.create_model(name, num_classes=7).eval()
    with torch.no_grad():
        grids = known_feature_grids(trace(model, model, torch.rand(1, 3, 160, 160)))
    blocks = [name for name, _ in model.named_modules() if name.startswith("blocks.") and name.count(".") == 1]
    assert blocks
    assert all(grids[name].size == (10, 10) for name in blocks)


def test_nothing_is_known_without_intermediates(net, images):
    with torch.no_grad():
        assert known_feature_grids(trace(net, net, images[:1])) == {}
