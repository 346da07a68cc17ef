"""Where a model looks: the layer whose activations explain it, found or resolved from what a user says."""

from __future__ import annotations

import difflib
import math
import weakref
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from camaug.inspection.capture import capture, image_size, prefix_tokens, to_maps
from camaug.inspection.feature_grid import FeatureGrid
from camaug.inspection.layer_candidates import known_feature_grids, list_candidates
from camaug.inspection.neutral import neutral
from camaug.inspection.quantised import refuse_quantised
from camaug.inspection.trace import Call, Forward, Trace, default_images, reaches_score, trace_noise

__all__ = ["ResolvedLayer", "TargetLayer", "find_layer", "find_layers", "resolve_layer", "spatial_features", "unwrap"]

# Height and width of the images, on which the arrangement of tokens depends; how many modules checkpoint the gradients
# of their parts, which are then called one by one, and the container that holds them is not called at all.
_Key = tuple[int, int, int]
_found: weakref.WeakKeyDictionary[nn.Module, dict[_Key, tuple[str, FeatureGrid]]] = weakref.WeakKeyDictionary()
_known: weakref.WeakKeyDictionary[nn.Module, dict[_Key, dict[str, FeatureGrid]]] = weakref.WeakKeyDictionary()


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
    """A layer of a model, and how its output lies in the image.

    Attributes:
        name: Its qualified name inside the model.
        module: The layer.
    """

    name: str
    module: nn.Module
    _places: FeatureGrid | None = field(default=None, repr=False, compare=False)
    _prefix_tokens: int | None = field(default=None, repr=False, compare=False)

    def to_maps(self, output: Tensor, image_size: tuple[int, int]) -> Tensor:
        """Arrange the layer's output, or its gradient, as maps.

        Args:
            output: What the module put out, or a tensor of that shape.
            image_size: Height and width of the images.

        Returns:
            Maps of shape (N, K, h, w); differentiable, and a view where possible.
        """
        if self._places is not None:
            return self._places.to_maps(output)
        return to_maps(output, image_size, prefix_tokens=self._prefix_tokens)


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
    """Find the layer to explain a classifier by.

    It is the last layer whose places in the image are known and reach the score.

    * *Known*: timm's models say themselves how their features lie in the image (``forward_intermediates``), and the
      layers that put these out are recognised by content, be it pictures, channels last, or tokens in any order.
      Elsewhere, pictures (N, K, h, w) or (N, h, w, K), and blocks that turn tokens (N, L, K) into as many, serve.
    * *Reach the score*: with these places set to NaN, the logits become NaN. Where a class token alone is read, the
      patches that the last attention puts out reach nothing, and the layer lies before it.

    Pooling, dropout and identity layers do not count, nor does the head, which begins at the last layer with weights
    that gives as many values as there are logits. A few forwards of one image of noise are made.

    Args:
        model: Any classifier whose forward gives logits.
        images: A batch of its inputs, (N, C, H, W), of which size and type are used. Without it the model's own
            default size, or 3 × 224 × 224, is taken.
        forward: How logits come from images; the model itself by default.

    Returns:
        The layer's name, grid and channels.

    Raises:
        ValueError: If no layer has places that reach the score, or the model is quantised.

    Example:
        >>> import torchvision
        >>> find_layer(torchvision.models.resnet18())
        TargetLayer(name='layer4', grid=(7, 7), channels=512)
    """
    model = unwrap(model)
    images = default_images(model) if images is None else images[:1]
    with neutral(model):
        call, places = _find(model, forward or model, images)
        channels = places.to_maps(_kept(call)).shape[1]
    return TargetLayer(call.name, places.grid, channels)


def find_layers(
    model: nn.Module, images: Tensor | None = None, *, count: int = 3, forward: Forward | None = None
) -> list[TargetLayer]:
    """Find the last layers of several resolutions, for methods that look at more than one.

    Of each grid it is the layer that :func:`find_layer` would take if there were no coarser one. A network of a single
    grid, such as a plain transformer, gives the last layers of one kind: its last blocks.

    Args:
        model: Any classifier whose forward gives logits.
        images: As in :func:`find_layer`.
        count: How many layers; fewer where there are not so many.
        forward: How logits come from images; the model itself by default.

    Returns:
        Layers, the last first.

    Raises:
        ValueError: As in :func:`find_layer`.

    Example:
        >>> import torchvision
        >>> [layer.name for layer in find_layers(torchvision.models.resnet18())]
        ['layer4', 'layer3', 'layer2']
    """
    model = unwrap(model)
    images = default_images(model) if images is None else images[:1]
    layers = [find_layer(model, images, forward=forward)]
    with neutral(model):
        seen, noise = trace_noise(model, forward or model, images)
        candidates = list_candidates(seen, image_size(noise), prefix_tokens=prefix_tokens(model))
        first = next(call for call, _ in candidates if call.name == layers[0].name)
        outputs = [_kept(first)]
        one_grid = all(places.grid == layers[0].grid for _, places in candidates)
        for call, places in candidates[[call for call, _ in candidates].index(first) + 1 :]:
            if one_grid:
                is_another = _kind(call.module) is _kind(first.module)
                is_another &= not any(torch.equal(_kept(call), output) for output in outputs)  # but for its container
            else:
                is_another = places.grid not in [layer.grid for layer in layers]
            if len(layers) < count and is_another and reaches_score(forward or model, noise, seen.logits, call, places):
                outputs.append(_kept(call))
                layers.append(TargetLayer(call.name, places.grid, places.to_maps(outputs[-1]).shape[1]))
    return layers


def resolve_layer(
    model: nn.Module,
    layer: str | nn.Module | None,
    images: Tensor,
    *,
    forward: Forward | None = None,
) -> ResolvedLayer:
    """Turn what a user says about a layer into the module, and how its output lies in the image.

    Args:
        model: The classifier, unwrapped.
        layer: None finds the layer (once a model and image size); a name may leave out leading parts as long as one
            module alone ends so (``"layer4"`` for ``"model.layer4"``); a module must belong to the model.
        images: Inputs to find the layer with, (N, C, H, W). An empty tensor only looks a given layer up.
        forward: How logits come from images; the model itself by default.

    Returns:
        The layer.

    Raises:
        ValueError: If there is no such layer (the message gives the nearest names), or the model is quantised.
        TypeError: If ``layer`` is none of the three.
    """
    refuse_quantised(model)
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if layer is None:
        found = _found.setdefault(model, {})
        key = _key(model, images)
        if key not in found or found[key][0] not in modules:
            with neutral(model):
                call, places = _find(model, forward or model, images[:1])
            found[key] = (call.name, places)
        name, places = found[key]
        return ResolvedLayer(name, modules[name], places)
    name = _look_up(model, modules, layer)
    known = _known_feature_grids(model, images, forward or model)
    return ResolvedLayer(name, modules[name], known.get(name), prefix_tokens(model))


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
        >>> import torch, torchvision
        >>> spatial_features(torchvision.models.resnet18(), torch.zeros(2, 3, 64, 96)).shape
        torch.Size([2, 512, 2, 3])
    """
    model = unwrap(model)
    with neutral(model):
        target = resolve_layer(model, layer, images, forward=forward)
        with capture(target.module, gradients=False) as captured:
            (forward or model)(images)
        return target.to_maps(captured.output, image_size(images))


def _find(model: nn.Module, forward: Forward, images: Tensor) -> tuple[Call, FeatureGrid]:
    """The target layer's call in a forward of one image, and its places."""
    refuse_quantised(model)
    seen, images = trace_noise(model, forward, images)
    candidates = list_candidates(seen, image_size(images), prefix_tokens=prefix_tokens(model))
    for poison in (math.nan, 100.0):
        for call, places in candidates:
            if reaches_score(forward, images, seen.logits, call, places, poison=poison):
                return call, places
    tried = ", ".join(call.name for call, _ in candidates[:8])
    raise ValueError(
        f"found no layer of {type(model).__name__} whose spatial features reach the score, so there is no place to "
        "read a map from. Looked for: the model's own `forward_intermediates`; pictures (N, K, h, w) with h, w > 1 up "
        "to the classification head; blocks of tokens (N, L, K) that make a grid of the image's proportions. "
        + (f"The logits do not depend on {tried}. " if tried else "There are none. ")
        + f"If the model has such features, name the layer yourself: layer='NAME', one of {_late_names(seen)}"
    )


def _known_feature_grids(model: nn.Module, images: Tensor, forward: Forward) -> dict[str, FeatureGrid]:
    """The places in each layer's output, where the model itself knows them."""
    if images.dim() != 4 or not any(hasattr(module, "forward_intermediates") for module in model.modules()):
        return {}
    known = _known.setdefault(model, {})
    key = _key(model, images)
    if key not in known:
        with neutral(model):
            known[key] = known_feature_grids(trace_noise(model, forward, images[:1])[0])
    return known[key]


def _key(model: nn.Module, images: Tensor) -> _Key:
    checkpoints = sum(bool(getattr(module, "grad_checkpointing", False)) for module in model.modules())
    return (*image_size(images), checkpoints)


def _look_up(model: nn.Module, modules: dict[str, nn.Module], layer: str | nn.Module) -> str:
    if isinstance(layer, nn.Module):
        name = next((name for name, module in modules.items() if module is layer), None)
        if name is None:
            raise ValueError(f"the given layer {type(layer).__name__} is not a part of {type(model).__name__}")
        return name
    if not isinstance(layer, str):
        raise TypeError(f"`layer` must be None, a name or a module, got {type(layer).__name__}")
    if layer in modules:
        return layer
    endings = [name for name in modules if name.endswith(f".{layer}")]
    if len(endings) == 1:
        return endings[0]
    nearest = endings or difflib.get_close_matches(layer, modules, n=5, cutoff=0.3) or list(modules)[-5:]
    raise ValueError(f"{type(model).__name__} has no layer {layer!r}; the nearest are {', '.join(nearest)}")


def _late_names(seen: Trace) -> str:
    names = [call.name for call in seen.calls if len(call.shape) >= 3 and (call.has_weights or not call.is_leaf)]
    return ", ".join(names[-8:]) or "its layers with spatial outputs"


def _kind(module: nn.Module) -> type[nn.Module]:
    """A module's class; that of its last part for a plain container."""
    while isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return type(module)


def _kept(call: Call) -> Tensor:
    assert call.output is not None  # what has places was kept
    return call.output
