"""Layers with freshly drawn weights for the length of a `with`: what a map should not look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap

__all__ = ["head_layers", "head_randomised", "layers_to_randomise", "randomised"]

Forward = Callable[[Tensor], Tensor]

# What was learned may have begun with numbers drawn by the same seed, 0 above all, and would be correlated with them.
STREAM = 0x5EED


def layers_to_randomise(model: nn.Module, images: Tensor, *, forward: Forward | None = None) -> dict[str, nn.Module]:
    """The layers of a model that have weights of two or more dimensions, in the order in which they run.

    A layer is a module inside which no other runs: linear, convolutional and embedding layers, PyTorch's attention as a
    whole, and anything of one's own. One that runs several times stands where it runs last. What a forward in
    evaluation mode does not run, such as an auxiliary head, is not among them.

    Args:
        model: The classifier; it is left as it was.
        images: Inputs, (N, C, H, W), of which the first is run.
        forward: How logits come from images; the model itself by default.

    Returns:
        Names, as ``model.named_modules()`` gives them, and layers.

    Raises:
        ValueError: If there is none.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
        >>> list(layers_to_randomise(model, torch.rand(1, 3, 4, 4)))
        ['0', '3']
    """
    return {name: layer for name, layer, _ in _run_layers(unwrap(model), images, forward)[0]}


def head_layers(model: nn.Module, images: Tensor, *, forward: Forward | None = None) -> dict[str, nn.Module]:
    """The layer that the logits come from: the last one that runs and has weights of two or more dimensions.

    Where several layers, the last ones that run, each put out as much as there are logits, as the two heads of a
    distilled transformer do, all of them are the head.

    Args:
        model: The classifier; it is left as it was.
        images: Inputs, (N, C, H, W), of which the first is run.
        forward: How logits come from images; the model itself by default.

    Returns:
        Names, as ``model.named_modules()`` gives them, and layers.

    Raises:
        ValueError: If there is none.

    Example:
        >>> import torchvision
        >>> list(head_layers(torchvision.models.squeezenet1_0(), torch.rand(1, 3, 64, 64)))
        ['classifier.1']
    """
    layers, logits = _run_layers(unwrap(model), images, forward)
    head = layers[-1:]
    for layer in reversed(layers[:-1]):
        if layer[2] != head[0][2] or layer[2] != logits:
            break
        head.insert(0, layer)
    return {name: layer for name, layer, _ in head}


@contextmanager
def randomised(layers: Iterable[nn.Module], *, seed: int = 0) -> Iterator[None]:
    """Give layers freshly drawn parameters inside a ``with``.

    Every parameter is drawn from a normal distribution of mean 0 whose standard deviation is the root mean square of
    what it stands for, so that the scale of the signal is kept and what was learned is not; weights that are all 0 get
    one over the root of their fan-in instead. On exit, whether by success or by an exception, the layers have the
    identical parameters again. They are exchanged, never written to; the random-number states are not touched.

    Args:
        layers: The layers, each with all that is inside.
        seed: Of the draw.

    Example:
        >>> layer = nn.Linear(4, 2)
        >>> kept = layer.weight
        >>> with randomised([layer]):
        ...     layer.weight is kept, layer.weight.shape
        (False, torch.Size([2, 4]))
        >>> layer.weight is kept
        True
    """
    generator = torch.Generator().manual_seed(seed ^ STREAM)
    parts = dict.fromkeys(part for layer in layers for part in layer.modules())
    kept = [
        (part, name, own)
        for part in parts
        for name, own in part._parameters.items()
        if own is not None and own.is_floating_point()
    ]
    drawn: dict[nn.Parameter, nn.Parameter] = {}  # one for each, also where two layers share it
    try:
        with torch.inference_mode(False):  # gradients may be asked for inside
            for _, _, own in kept:
                if own not in drawn:
                    drawn[own] = nn.Parameter(_drawn_like(own, generator), requires_grad=own.requires_grad)
        for part, name, own in kept:
            part._parameters[name] = drawn[own]
        yield
    finally:
        for part, name, own in kept:
            part._parameters[name] = own


@contextmanager
def head_randomised(
    model: nn.Module, images: Tensor, *, forward: Forward | None = None, seed: int = 0
) -> Iterator[list[str]]:
    """Give a model's head freshly drawn parameters inside a ``with``.

    The first step of the model parameter randomisation test of Adebayo et al. 2018, Sanity Checks for Saliency Maps
    (arXiv 1810.03292), section 3. See :func:`head_layers` for what the head is, and :func:`randomised` for what is
    drawn and how it is undone.

    Args:
        model: The classifier.
        images: Inputs, (N, C, H, W), of which the first is run to find the head.
        forward: How logits come from images; the model itself by default.
        seed: Of the draw.

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


def _run_layers(
    model: nn.Module, images: Tensor, forward: Forward | None
) -> tuple[list[tuple[str, nn.Module, tuple[int, ...]]], tuple[int, ...]]:
    """Name, layer and shape of the output, in the order in which they last run; and the shape of the logits."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            shapes.pop(name, None)  # it goes to the end
            shapes[name] = tuple(output.shape) if isinstance(output, Tensor) else ()

        return hook

    modules = dict(model.named_modules())
    handles = []
    with neutral(model):
        try:
            handles += [module.register_forward_hook(note(name)) for name, module in modules.items()]
            logits = (forward or model)(images[:1])
        finally:
            for handle in handles:
                handle.remove()
    containers = {name[:end] for name in shapes for end in _ends_of_parents(name)}
    layers = [
        (name, modules[name], shape)
        for name, shape in shapes.items()
        if name not in containers and any(parameter.dim() >= 2 for parameter in modules[name].parameters())
    ]
    if not layers:
        raise ValueError(
            f"found no layer of {type(model).__name__} to randomise: no module that runs in its forward has weights of "
            "two or more dimensions. Give the layers to randomised(layers) yourself"
        )
    return layers, tuple(logits.shape)


def _ends_of_parents(name: str) -> list[int]:
    """Where the names of the modules around a module end in its own; of the model itself, whose name is empty, at 0."""
    return [0, *(place for place, letter in enumerate(name) if letter == ".")] if name else []


def _drawn_like(parameter: Tensor, generator: torch.Generator) -> Tensor:
    scale = parameter.detach().float().square().mean().sqrt()
    if scale == 0 and parameter.dim() >= 2:
        scale = torch.tensor(parameter[0].numel()).rsqrt()
    drawn = torch.randn(parameter.shape, generator=generator)
    return (drawn * scale.cpu()).to(parameter.device, parameter.dtype)
