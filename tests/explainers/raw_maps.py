"""Maps of a method before they are enlarged and normalised, on small models."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from camaug import Explainer, get_explainer
from camaug.explainers import Evidence

TARGETS = torch.tensor([0, 3, 2, 4])


def gather_evidence(
    name: str, model: nn.Module, images: Tensor, targets: Any, **settings: Any
) -> tuple[Explainer, Evidence]:
    """Return the explainer of a name and what it gathers from the images."""
    explainer = get_explainer(name, **settings)
    with torch.no_grad():
        return explainer, explainer.gather(model, model, images, targets)


def raw_maps(name: str, model: nn.Module, images: Tensor, targets: Any, **settings: Any) -> Tensor:
    """Return the unnormalised maps of the explainer of a name."""
    explainer, evidence = gather_evidence(name, model, images, targets, **settings)
    with torch.no_grad():
        return explainer.saliency(evidence)


def linear_model() -> nn.Module:
    """Return one linear layer over images of 6 x 6 pixels."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, 4)).eval()


def one_channel_model() -> nn.Module:
    """Return a model whose layer "0" outputs the image x, and whose logit 0 is the sum of x times (1, -1, 2, 0)."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[2].weight.copy_(torch.tensor([[1.0, -1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    return model
