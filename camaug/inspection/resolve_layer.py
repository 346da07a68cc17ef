"""The module behind a user's ``layer=`` argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from camaug.inspection.feature_grid import FeatureGrid
from camaug.inspection.feature_maps import count_prefix_tokens, image_size, to_maps
from camaug.inspection.layer_candidates import known_feature_grids
from camaug.inspection.layer_search import search_target_layer
from camaug.inspection.model_cache import ModelCache
from camaug.inspection.model_output import LogitsForward
from camaug.inspection.neutral import neutral
from camaug.inspection.quantised import refuse_quantised
from camaug.inspection.trace import Forward, trace_noise
from camaug.utils.check_types import given
from camaug.utils.did_you_mean import did_you_mean

__all__ = ["ResolvedLayer", "resolve_layer"]

_target_layers: ModelCache[tuple[str, FeatureGrid]] = ModelCache()
_known_grids: ModelCache[dict[str, FeatureGrid]] = ModelCache()


@dataclass(frozen=True)
class ResolvedLayer:
    """A layer of a model, and the arrangement of its output.

    Attributes:
        name: Qualified name inside the model.
        module: The layer.
        feature_grid: The arrangement, where it is known.
        prefix_tokens: Otherwise the number of tokens before the patch tokens, where it is known.
    """

    name: str
    module: nn.Module
    feature_grid: FeatureGrid | None = field(default=None, repr=False, compare=False)
    prefix_tokens: int | None = field(default=None, repr=False, compare=False)

    def to_maps(self, output: Tensor, image_size: tuple[int, int]) -> Tensor:
        """Arrange the layer's output, or its gradient, as feature maps.

        Args:
            output: The module's output, or a tensor of its shape.
            image_size: Height and width of the images.

        Returns:
            Feature maps of shape (N, K, h, w): differentiable, and a view where possible.
        """
        if self.feature_grid is not None:
            return self.feature_grid.to_maps(output)
        return to_maps(output, image_size, prefix_tokens=self.prefix_tokens)


def resolve_layer(
    model: nn.Module,
    layer: str | nn.Module | None,
    images: Tensor,
    *,
    forward: Forward | None = None,
) -> ResolvedLayer:
    """Resolve a layer argument to a module and the arrangement of its output.

    Args:
        model: The classifier, unwrapped.
        layer: None finds the layer, once per model, image size and forward. A name may leave out leading parts if
            only one module's name ends with it (``"layer4"`` for ``"model.layer4"``). A module must belong to the
            model.
        images: Inputs to find the layer with, (N, C, H, W). With an empty tensor a given layer is only looked up.
        forward: The function from images to logits, by default the model itself.

    Raises:
        ValueError: If there is no such layer (the message lists the nearest names), or the model is quantised.
        TypeError: If ``layer`` is none of the three.
    """
    refuse_quantised(model)
    modules = dict(model.named_modules())
    forward = LogitsForward(forward or model)
    if layer is None:
        name, grid = _target_layer(model, forward, images)
        return ResolvedLayer(name, modules[name], grid)
    name = _look_up(model, modules, layer)
    grid_by_name = _known_feature_grids(model, forward, images)
    return ResolvedLayer(name, modules[name], grid_by_name.get(name), count_prefix_tokens(model))


def _target_layer(model: nn.Module, forward: Forward, images: Tensor) -> tuple[str, FeatureGrid]:
    """Return the target layer's name and arrangement."""

    def search() -> tuple[str, FeatureGrid]:
        with neutral(model):
            target = search_target_layer(model, forward, images[:1]).target
        return target.call.name, target.grid

    return _target_layers.get(model, image_size(images), forward, search)


def _known_feature_grids(model: nn.Module, forward: Forward, images: Tensor) -> dict[str, FeatureGrid]:
    """Return the arrangement of each layer's output by name, empty for models without ``forward_intermediates``."""
    if images.dim() != 4 or not any(hasattr(module, "forward_intermediates") for module in model.modules()):
        return {}

    def trace() -> dict[str, FeatureGrid]:
        with neutral(model):
            return known_feature_grids(trace_noise(model, forward, images[:1]))

    return _known_grids.get(model, image_size(images), forward, trace)


def _look_up(model: nn.Module, modules: Mapping[str, nn.Module], layer: str | nn.Module) -> str:
    """Return the qualified name of a layer that is given by name or as a module."""
    if isinstance(layer, nn.Module):
        name = next((name for name, module in modules.items() if module is layer), None)
        if name is None:
            raise ValueError(f"the given layer {type(layer).__name__} is not a part of {type(model).__name__}")
        return name
    if not isinstance(layer, str):
        raise TypeError(f"`layer` must be None, a name or a module, got {given(layer)}")
    if layer in modules:
        return layer
    endings = [name for name in modules if name.endswith(f".{layer}")]
    if len(endings) == 1:
        return endings[0]
    refused = f"{type(model).__name__} has no layer {layer!r}"
    if endings:
        raise ValueError(f"{refused} but several that end so: give the whole name, one of {', '.join(endings)}")
    last = ", ".join([name for name in modules if name][-5:])
    raise ValueError(f"{refused}, {did_you_mean(layer, _endings(modules)).rstrip() or f'its last layers are {last}'}")


def _endings(modules: Iterable[str]) -> Iterator[str]:
    """Yield every name that a module may be given by: its own, and what is left of it without leading parts."""
    for name in modules:
        parts = name.split(".")
        yield from (".".join(parts[start:]) for start in range(len(parts)))
