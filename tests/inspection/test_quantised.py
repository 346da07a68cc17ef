from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug import GradCAM, find_layer


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
