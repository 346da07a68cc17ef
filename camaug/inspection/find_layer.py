"""The target layer of a classifier, found without the user's help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.layer_candidates import Candidate
from camaug.inspection.layer_search import LayerSearch, search_target_layer
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.reaches_score import reaches_score
from camaug.inspection.trace import Forward
from camaug.inspection.unwrap import unwrap

__all__ = ["TargetLayer", "find_layer", "find_layers"]


@dataclass(frozen=True)
class TargetLayer:
    """Layer whose activations explain a model.

    Attributes:
        name: Qualified name inside the model, as in ``model.named_modules()``.
        grid: Height and width of its feature maps, for the images it was found with.
        channels: Number of channels of its feature maps, K.
    """

    name: str
    grid: tuple[int, int]
    channels: int


def find_layer(model: nn.Module, images: Tensor | None = None, *, forward: Forward | None = None) -> TargetLayer:
    """Find the layer to explain a classifier by.

    It is the last layer whose output has known spatial positions that reach the score.

    * *Known positions*: timm's ``forward_intermediates`` gives a model's feature maps, and the layers that output
      these are recognised by their values, whether channels-first, channels-last or tokens in any order. In other
      models, feature maps (N, K, h, w) or (N, h, w, K) and blocks that turn tokens (N, L, K) into as many count.
    * *Reach the score*: with these positions set to NaN, the logits become NaN. If the head reads only a class token,
      the patch tokens after the last attention reach nothing, and the layer lies before it.

    Pooling, dropout and identity layers do not count, nor does the head, which begins at the last layer with weights
    that outputs as many values as there are logits. A few forward passes of one image of noise are run.

    Args:
        model: Any classifier whose forward outputs logits.
        images: A batch of its inputs, (N, C, H, W). Only size and dtype are used. By default the model's own input
            size, or 3 × 224 × 224.
        forward: The function from images to logits, by default the model itself.

    Raises:
        ValueError: If no layer has positions that reach the score, or the model is quantised.

    Example:
        >>> import torchvision
        >>> find_layer(torchvision.models.resnet18())
        TargetLayer(name='layer4', grid=(7, 7), channels=512)
    """
    return find_layers(model, images, count=1, forward=forward)[0]


def find_layers(
    model: nn.Module, images: Tensor | None = None, *, count: int = 3, forward: Forward | None = None
) -> list[TargetLayer]:
    """Find the last layers of several resolutions, for methods that read more than one.

    For each resolution it is the layer that :func:`find_layer` would find if there were no coarser one. A network of
    one resolution, such as a plain transformer, has the last layers of one kind instead: its last blocks.

    Args:
        model: Any classifier whose forward outputs logits.
        images: As in :func:`find_layer`.
        count: The largest number of layers.
        forward: The function from images to logits, by default the model itself.

    Returns:
        The layers, the last first.

    Raises:
        ValueError: As in :func:`find_layer`.

    Example:
        >>> import torchvision
        >>> [layer.name for layer in find_layers(torchvision.models.resnet18())]
        ['layer4', 'layer3', 'layer2']
    """
    model = unwrap(model)
    forward = LogitsForward(forward or model)
    images = _default_image(model) if images is None else images[:1]
    with neutral(model):
        search = search_target_layer(model, forward, images)
        others = islice(_other_layers(search, forward), count - 1)
        return [_target_layer(candidate) for candidate in (search.target, *others)]


def _default_image(model: nn.Module) -> Tensor:
    """Return an image of the size in timm's ``default_cfg``, or (1, 3, 224, 224)."""
    configs = (getattr(module, "default_cfg", None) for module in model.modules())
    config: dict[str, Any] = next((config for config in configs if isinstance(config, dict)), {})
    parameter = next(model.parameters(), torch.empty(0))
    return torch.zeros(1, *config.get("input_size", (3, 224, 224)), device=parameter.device, dtype=parameter.dtype)


def _other_layers(search: LayerSearch, forward: Forward) -> Iterator[Candidate]:
    """Yield the best candidate of each other resolution, or all of one kind if there is one resolution."""
    chosen = [search.target]
    has_one_size = all(each.grid.size == search.target.grid.size for each in search.later_choices)
    is_another = _is_another_of_its_kind if has_one_size else _has_another_size
    for candidate in search.later_choices:
        if is_another(candidate, chosen) and reaches_score(forward, search.traced, candidate.call, candidate.grid):
            chosen.append(candidate)
            yield candidate


def _has_another_size(candidate: Candidate, chosen: list[Candidate]) -> bool:
    return candidate.grid.size not in [each.grid.size for each in chosen]


def _is_another_of_its_kind(candidate: Candidate, chosen: list[Candidate]) -> bool:
    """Return True if the module has the first layer's class and is not the container of a chosen layer."""
    is_of_its_kind = _innermost_class(candidate.call.module) is _innermost_class(chosen[0].call.module)
    output = candidate.call.kept_output
    return is_of_its_kind and not any(torch.equal(output, each.call.kept_output) for each in chosen)


def _innermost_class(module: nn.Module) -> type[nn.Module]:
    """Return a module's class, or for an ``nn.Sequential`` the class of its last part."""
    while isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return type(module)


def _target_layer(candidate: Candidate) -> TargetLayer:
    channels = candidate.grid.to_maps(candidate.call.kept_output).shape[1]
    return TargetLayer(candidate.call.name, candidate.grid.size, channels)
