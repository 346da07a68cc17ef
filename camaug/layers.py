"""Where a model looks: the layer whose activations explain it, found or resolved from what a user says."""

from __future__ import annotations

import difflib
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from camaug.features import capture, channels_first, image_size, is_grid, prefix_tokens, to_maps
from camaug.observe import observing

__all__ = ["ResolvedLayer", "TargetLayer", "find_layer", "layer_name", "resolve_layer", "spatial_features", "unwrap"]

Forward = Callable[[Tensor], Tensor]

_NOT_FEATURES = (
    nn.Identity,
    nn.Flatten,
    nn.modules.dropout._DropoutNd,
)
_found: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class TargetLayer:
    """The layer whose activations explain a model.

    Attributes:
        name: Its qualified name inside the model, as ``model.named_modules()`` gives it.
        grid: Height and width of its activations, for the images that it was found with.
        channels: Number of its activations' channels, K.
    """

    name: str
    grid: tuple[int, int]
    channels: int


@dataclass(frozen=True)
class ResolvedLayer:
    """A layer of a model, and how its output becomes maps."""

    name: str
    module: nn.Module
    prefix: int | None = None

    def to_maps(self, output: Tensor, image_size: tuple[int, int]) -> Tensor:
        """Arrange the layer's output, or its gradient, as (N, K, h, w)."""
        return to_maps(output, image_size, prefix_tokens=self.prefix)


def layer_name(model: nn.Module, layer: nn.Module) -> str:
    """The qualified name of a layer inside a model."""
    return next(str(name) for name, module in model.named_modules() if module is layer)


@dataclass(frozen=True)
class _Call:
    """One module's output during a traced forward."""

    name: str
    module: nn.Module
    output: Tensor


def unwrap(model: nn.Module) -> nn.Module:
    """The module inside ``DistributedDataParallel``, ``DataParallel`` and ``torch.compile``."""
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            inner = model.module
        else:
            inner = getattr(model, "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def find_layer(model: nn.Module, images: Tensor | None = None, *, forward: Forward | None = None) -> TargetLayer:
    """Find the layer to explain a convolutional classifier by.

    One image is sent through the model and every module's output is seen. The target layer is the last one before
    the classification head whose output is still a picture, (N, K, h, w) with h, w > 1: the most abstract features
    that know where they are. Pooling, dropout and identity layers do not count. The head begins at the last layer
    with weights that gives as many values as there are logits.

    Args:
        model: Any classifier whose forward gives logits.
        images: A batch of its inputs, (N, C, H, W), of which one is used. Without it one of the model's own default
            size, or 3 × 224 × 224, is made.
        forward: How logits come from images; the model itself by default.

    Returns:
        The layer's name, grid and channels.

    Raises:
        ValueError: If no layer keeps spatial features up to the head: the layer must then be named.

    Example:
        >>> import torchvision
        >>> find_layer(torchvision.models.resnet18())
        TargetLayer(name='layer4', grid=(7, 7), channels=512)
    """
    model = unwrap(model)
    images = _default_images(model) if images is None else images[:1]
    with observing(model):
        calls, logits = _trace(model, forward or model, images)
    features = _before_head(calls, logits)
    # A container that ends in a pooling layer hands on what was pooled.
    pooled = {id(call.output) for call in features if _is_pooling(call)}
    pictures = [call for call in features if _is_picture(call, images) and id(call.output) not in pooled]
    if not pictures or _continues_as_tokens(features, after=pictures[-1]):
        raise ValueError(
            f"found no layer of {type(model).__name__} that keeps spatial features (N, K, h, w) with h, w > 1 up to "
            f"the classification head, so there is no place to read a map from. If the model works on tokens, name "
            f"the layer yourself: layer='NAME', one of {_late_names(features)}"
        )
    chosen = pictures[-1]
    _, channels, height, width = channels_first(chosen.output, image_size(images)).shape
    return TargetLayer(chosen.name, (height, width), channels)


def resolve_layer(
    model: nn.Module,
    layer: str | nn.Module | None,
    images: Tensor,
    *,
    forward: Forward | None = None,
) -> ResolvedLayer:
    """Turn what a user says about a layer into the module.

    Args:
        model: The classifier, unwrapped.
        layer: None finds the layer (once a model); a name may leave out leading parts as long as one module alone
            ends so (``"layer4"`` for ``"model.layer4"``); a module must belong to the model.
        images: Inputs to find the layer with, (N, C, H, W).
        forward: How logits come from images; the model itself by default.

    Returns:
        The module.

    Raises:
        ValueError: If there is no such layer; the message gives the nearest names.
        TypeError: If ``layer`` is none of the three.
    """
    module = _resolve(model, layer, images, forward=forward)
    return ResolvedLayer(layer_name(model, module), module, prefix_tokens(model))


def _resolve(
    model: nn.Module, layer: str | nn.Module | None, images: Tensor, *, forward: Forward | None = None
) -> nn.Module:
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if layer is None:
        if _found.get(model) not in modules:
            _found[model] = find_layer(model, images, forward=forward).name
        return modules[_found[model]]
    if isinstance(layer, nn.Module):
        if not any(layer is module for module in modules.values()):
            raise ValueError(f"the given layer {type(layer).__name__} is not a part of {type(model).__name__}")
        return layer
    if not isinstance(layer, str):
        raise TypeError(f"`layer` must be None, a name or a module, got {type(layer).__name__}")
    if layer in modules:
        return modules[layer]
    endings = [name for name in modules if name.endswith(f".{layer}")]
    if len(endings) == 1:
        return modules[endings[0]]
    nearest = endings or difflib.get_close_matches(layer, modules, n=5, cutoff=0.3) or list(modules)[-5:]
    raise ValueError(f"{type(model).__name__} has no layer {layer!r}; the nearest are {', '.join(nearest)}")


def spatial_features(
    model: nn.Module,
    images: Tensor,
    *,
    layer: str | nn.Module | None = None,
    forward: Forward | None = None,
) -> Tensor:
    """The activations of a model's target layer.

    Args:
        model: Any classifier.
        images: Its inputs, (N, C, H, W).
        layer: The layer; found by :func:`find_layer` where None.
        forward: How logits come from images; the model itself by default.

    Returns:
        Activations of shape (N, K, h, w), detached.

    Example:
        >>> import torchvision
        >>> spatial_features(torchvision.models.resnet18(), torch.zeros(2, 3, 64, 96)).shape
        torch.Size([2, 512, 2, 3])
    """
    model = unwrap(model)
    with observing(model):
        resolved = resolve_layer(model, layer, images, forward=forward)
        with capture(resolved.module, gradients=False) as captured:
            (forward or model)(images)
        return resolved.to_maps(captured.output, image_size(images))


def _trace(model: nn.Module, forward: Forward, images: Tensor) -> tuple[list[_Call], Any]:
    """Every module's output, in the order in which the modules finished, and the model's own."""
    calls: list[_Call] = []
    handles = []
    try:
        for name, module in model.named_modules():
            if name:

                def note(module: nn.Module, inputs: Any, output: Any, name: str = name) -> None:
                    if isinstance(output, Tensor):
                        calls.append(_Call(name, module, output))

                handles.append(module.register_forward_hook(note))
        logits = forward(images)
    finally:
        for handle in handles:
            handle.remove()
    return calls, logits


def _before_head(calls: list[_Call], logits: Any) -> list[_Call]:
    """The calls that finished before the last layer with weights that gives one value a class."""
    classes = logits.shape[-1] if isinstance(logits, Tensor) and logits.dim() == 2 else None
    leaves = [i for i, call in enumerate(calls) if next(call.module.parameters(recurse=False), None) is not None]
    if leaves and classes is not None:
        output = calls[leaves[-1]].output
        if classes in (output.shape[1], output.shape[-1]):
            return calls[: leaves[-1]]
    return calls


def _is_picture(call: _Call, images: Tensor) -> bool:
    if isinstance(call.module, _NOT_FEATURES) or _is_pooling(call):
        return False
    return call.output.dim() == 4 and is_grid(channels_first(call.output, image_size(images)), image_size(images))


def _is_pooling(call: _Call) -> bool:
    return "pool" in type(call.module).__name__.lower()


def _continues_as_tokens(calls: list[_Call], *, after: _Call) -> bool:
    """Whether layers with weights work on token lists (N, L, K) after the given call: attention is still to come."""
    later = calls[calls.index(after) + 1 :]
    return any(
        call.output.dim() == 3 and call.output.shape[1] > 1 and next(call.module.parameters(), None) is not None
        for call in later
    )


def _late_names(calls: list[_Call]) -> str:
    names = [call.name for call in calls if call.output.dim() >= 3 and next(call.module.parameters(), None) is not None]
    return ", ".join(names[-8:]) or "its layers with spatial outputs"


def _default_images(model: nn.Module) -> Tensor:
    configs = (getattr(module, "default_cfg", None) for module in model.modules())
    config: dict[str, Any] = next((config for config in configs if isinstance(config, dict)), {})
    parameter = next(model.parameters(), torch.empty(0))
    return torch.zeros(1, *config.get("input_size", (3, 224, 224)), device=parameter.device, dtype=parameter.dtype)
