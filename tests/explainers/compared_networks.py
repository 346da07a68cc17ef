"""Networks in float64 on which maps are compared with those of other implementations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import timm
import torch
from torch import Tensor, nn

from camaug import Explainer, get_explainer

TARGETS = torch.tensor([0, 3])


@dataclass(frozen=True)
class Network:
    """A network in float64, a layer of it, images, and the conversion of the layer's output to maps."""

    model: nn.Module
    layer: str
    images: Tensor
    to_maps: Callable[[Tensor], Tensor] = lambda output: output

    def derivatives(self, *, graph: bool = False) -> tuple[Tensor, Tensor]:
        """Return the layer's output and its gradients, by a hook and autograd of the tests' own."""
        outputs: list[Tensor] = []
        handle = self.model.get_submodule(self.layer).register_forward_hook(lambda m, i, output: outputs.append(output))
        score = self.model(self.images).gather(1, TARGETS[:, None]).sum()
        handle.remove()
        return outputs[0], torch.autograd.grad(score, outputs[0], create_graph=graph)[0]

    @property
    def maps(self) -> tuple[Tensor, Tensor]:
        """Activations and gradients as maps."""
        activations, gradients = self.derivatives()
        return self.to_maps(activations).detach(), self.to_maps(gradients).detach()


def convolutional() -> Network:
    """Return a network whose head has a hidden layer: gradients differ between positions, and curvature is not 0."""
    torch.manual_seed(7)
    features = [nn.Conv2d(3, 6, 3, 2, 1), nn.Tanh(), nn.Conv2d(6, 8, 3, 2, 1), nn.ELU()]
    model = nn.Sequential(*features, nn.Flatten(), nn.Linear(128, 10), nn.Tanh(), nn.Linear(10, 5))
    return Network(model.double().eval(), "3", torch.rand(2, 3, 16, 16).double())


def pooled() -> Network:
    """Return a network whose head is average pooling and one linear layer."""
    torch.manual_seed(7)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    return Network(model.double().eval(), "1", torch.rand(2, 3, 16, 16).double())


def full_size() -> Network:
    """Return a network whose layer has the images' size, so that no map is enlarged."""
    torch.manual_seed(5)
    features = [nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 8, 3, padding=1), nn.ELU()]
    model = nn.Sequential(*features, nn.MaxPool2d(4), nn.Flatten(), nn.Linear(32, 5))
    return Network(model.double().eval(), "3", torch.rand(2, 3, 8, 8).double())


def full_size_with_relu() -> Network:
    """Return the network of :func:`full_size` with ReLU modules."""
    network = full_size()
    network.model[1], network.model[3] = nn.ReLU(), nn.ReLU()
    return network


def transformer() -> Network:
    """Return a vision transformer."""
    torch.manual_seed(4)
    model = timm.create_model("test_vit", num_classes=5, img_size=64).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    images = torch.rand(2, 3, 64, 64).double()
    return Network(model, "blocks.3", images, lambda tokens: tokens[:, 1:].transpose(1, 2).unflatten(2, (4, 4)))


def network_maps(explainer: str | Explainer, network: Network, **settings: Any) -> Tensor:
    """Return the maps of an explainer, or of the method of that name at the network's layer, before normalisation."""
    if isinstance(explainer, str):
        explainer = get_explainer(explainer, layer=network.layer, **settings)
    with torch.no_grad():
        return explainer.saliency(explainer.gather(network.model, network.model, network.images, TARGETS))


def assert_same(maps: Tensor, reference: Tensor, tolerance: float = 1e-5) -> None:
    """Raise an AssertionError if maps in float64 differ by more than a share of each reference's range."""
    assert maps.dtype == reference.dtype == torch.float64
    flat = reference.flatten(1)
    extent = flat.amax(dim=1) - flat.amin(dim=1)
    assert (extent > 0).all()
    assert ((maps - reference).abs().flatten(1).amax(dim=1) / extent).amax() < tolerance
