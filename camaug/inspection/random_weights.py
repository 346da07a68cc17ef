"""Temporary random weights, for tests of whether heatmaps depend on the learned weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.model_output import LogitsForward, head_widths
from camaug.inspection.neutral import neutral
from camaug.inspection.replaced_parameters import replaced_parameters
from camaug.inspection.unwrap import unwrap
from camaug.utils.copied_to import copied_to

__all__ = ["head_layers", "head_randomised", "layers_to_randomise", "randomised"]

Forward = Callable[[Tensor], Tensor]

# Learned weights may have started from numbers drawn with the same seed, often 0, and would correlate with new ones.
_SEED_MASK = 0x5EED


def layers_to_randomise(model: nn.Module, images: Tensor, *, forward: Forward | None = None) -> dict[str, nn.Module]:
    """Find the layers that have weights of two or more dimensions, in the order in which they run.

    A layer is a module inside which no other module runs: linear, convolutional and embedding layers, PyTorch's
    attention as a whole, and custom layers. A layer that runs several times is listed where it runs last. Layers that
    do not run in evaluation mode, such as auxiliary heads, are left out.

    Args:
        model: The classifier. It is not changed.
        images: Inputs, (N, C, H, W). Only the first is used.
        forward: The function from images to logits, by default the model itself.

    Returns:
        The layers by name, as in ``model.named_modules()``.

    Raises:
        ValueError: If there is none.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
        >>> list(layers_to_randomise(model, torch.rand(1, 3, 4, 4)))
        ['0', '3']
    """
    return _by_name(_run_layers(unwrap(model), images, forward)[0])


def head_layers(model: nn.Module, images: Tensor, *, forward: Forward | None = None) -> dict[str, nn.Module]:
    """Find the layer that outputs the logits: the last one that runs and has weights of two or more dimensions.

    If the last layers that run each output as many values as there are logits, like the two heads of a distilled
    transformer, all of them are the head.

    Args:
        model: The classifier. It is not changed.
        images: Inputs, (N, C, H, W). Only the first is used.
        forward: The function from images to logits, by default the model itself.

    Returns:
        The layers by name.

    Raises:
        ValueError: If there is none.

    Example:
        >>> import torchvision
        >>> list(head_layers(torchvision.models.squeezenet1_0(), torch.rand(1, 3, 64, 64)))
        ['classifier.1']
    """
    layers, logits = _run_layers(unwrap(model), images, forward)
    head = layers[-1:]
    shapes = {(len(logits), width) for width in head_widths(logits)}
    for layer in reversed(layers[:-1]):
        if layer.output_shape != head[0].output_shape or layer.output_shape not in shapes:
            break
        head.insert(0, layer)
    return _by_name(head)


@contextmanager
def randomised(layers: Iterable[nn.Module], *, seed: int = 0) -> Iterator[None]:
    """Give layers random parameters inside the block.

    Every parameter is drawn from a normal distribution with mean 0 and the root mean square of the learned parameter
    as its standard deviation, which keeps the scale of the signal and nothing else. For weights that are all 0 it is
    one over the root of their fan-in instead. On exit the layers have the identical parameters again, which were
    replaced and never written to. The random-number states are not used.

    Args:
        layers: The layers, with all modules inside them.
        seed: Seed of the draw.

    Example:
        >>> layer = nn.Linear(4, 2)
        >>> weight = layer.weight
        >>> with randomised([layer]):
        ...     layer.weight is weight, layer.weight.shape
        (False, torch.Size([2, 4]))
        >>> layer.weight is weight
        True
    """
    generator = torch.Generator().manual_seed(seed ^ _SEED_MASK)
    modules = list(dict.fromkeys(module for layer in layers for module in layer.modules()))
    parameters = dict.fromkeys(
        parameter
        for module in modules
        for parameter in module._parameters.values()
        if parameter is not None and parameter.is_floating_point()
    )
    with torch.inference_mode(False):  # gradients may be computed inside the block
        drawn = {
            parameter: nn.Parameter(_draw_like(parameter, generator), requires_grad=parameter.requires_grad)
            for parameter in parameters
        }
    with replaced_parameters(modules, drawn):
        yield


@contextmanager
def head_randomised(
    model: nn.Module, images: Tensor, *, forward: Forward | None = None, seed: int = 0
) -> Iterator[list[str]]:
    """Give a model's head random parameters inside the block.

    It is the first step of the model parameter randomisation test of Adebayo et al. 2018, Sanity Checks for Saliency
    Maps (arXiv 1810.03292), section 3. See :func:`head_layers` for the definition of the head, and :func:`randomised`
    for the distribution.

    Args:
        model: The classifier.
        images: Inputs, (N, C, H, W). The first is run to find the head.
        forward: The function from images to logits, by default the model itself.
        seed: Seed of the draw.

    Yields:
        The names of the head's layers.

    Raises:
        ValueError: If no layer is found.

    Example:
        >>> model, images = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), torch.rand(1, 3, 2, 2)
        >>> before = model(images)
        >>> with head_randomised(model, images) as names:
        ...     names, torch.equal(model(images), before)
        (['1'], False)
        >>> torch.equal(model(images), before)
        True
    """
    head = head_layers(model, images, forward=forward)
    with randomised(head.values(), seed=seed):
        yield list(head)


@dataclass(frozen=True)
class _RunLayer:
    """A layer that ran, and the shape of its output, which is empty unless the output is one tensor."""

    name: str
    module: nn.Module
    output_shape: tuple[int, ...]


def _by_name(layers: list[_RunLayer]) -> dict[str, nn.Module]:
    return {layer.name: layer.module for layer in layers}


def _run_layers(model: nn.Module, images: Tensor, forward: Forward | None) -> tuple[list[_RunLayer], Tensor]:
    """Return the layers to randomise in the order in which they last run, and the logits."""
    modules = dict(model.named_modules())
    shapes: dict[str, tuple[int, ...]] = {}
    with neutral(model), ExitStack() as hooks:
        for name, module in modules.items():
            hooks.enter_context(module.register_forward_hook(partial(_record_shape, shapes, name)))
        logits = LogitsForward(forward or model)(images[:1])
    containers = {name[:end] for name in shapes for end in _ends_of_parents(name)}
    layers = [
        _RunLayer(name, modules[name], shape)
        for name, shape in shapes.items()
        if name not in containers and any(parameter.dim() >= 2 for parameter in modules[name].parameters())
    ]
    if not layers:
        raise ValueError(
            f"found no layer of {type(model).__name__} to randomise: no module that runs in its forward has weights of "
            "two or more dimensions. Pass the layers to randomised(layers)"
        )
    return layers, logits


def _record_shape(shapes: dict[str, tuple[int, ...]], name: str, module: nn.Module, inputs: Any, output: Any) -> None:
    """Record the shape of a module's output: a forward hook once the first two arguments are bound."""
    shapes.pop(name, None)  # moves it to the end
    shapes[name] = tuple(output.shape) if isinstance(output, Tensor) else ()


def _ends_of_parents(name: str) -> list[int]:
    """Return where the names of a module's parents end in its own name, 0 for the model, whose name is empty."""
    return [0, *(position for position, letter in enumerate(name) if letter == ".")] if name else []


def _draw_like(parameter: Tensor, generator: torch.Generator) -> Tensor:
    scale = parameter.detach().float().square().mean().sqrt()
    if parameter.dim() >= 2:
        scale = torch.where(scale == 0, 1 / math.sqrt(parameter[0].numel()), scale)
    drawn = torch.randn(parameter.shape, dtype=torch.float32, generator=generator, device="cpu")
    return (copied_to(drawn, parameter.device) * scale).to(parameter.dtype)
