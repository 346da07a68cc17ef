"""What happens inside a model during one forward, and whether a place in it matters to the score."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from camaug.inspection.feature_grid import FeatureGrid

__all__ = ["Call", "Forward", "Trace", "default_images", "reaches_score", "trace", "trace_noise"]

Forward = Callable[[Tensor], Tensor]

_PASSIVE = (nn.Identity, nn.Flatten, nn.modules.dropout._DropoutNd)


@dataclass(frozen=True)
class Call:
    """One call of a module that put out a tensor.

    Attributes:
        name: The module's qualified name.
        module: The module.
        turn: How often the module had been called before.
        shape: Shape of the output.
        output: A copy of the output, since later in-place layers may overwrite it; None where it holds no places, or
            none to read a map from: after pooling, dropout and identity layers.
        entered: The input of the output's own shape, if there is one.
        is_leaf: Whether the module has no modules inside.
        has_weights: Whether the module has weights of its own, not of modules inside.
    """

    name: str
    module: nn.Module
    turn: int
    shape: torch.Size
    output: Tensor | None
    entered: Tensor | None
    is_leaf: bool
    has_weights: bool


@dataclass
class Trace:
    """What one forward showed.

    Attributes:
        calls: In the order in which the modules finished.
        logits: What the forward gave.
        intermediates: The maps, (1, K, h, w), that the model itself gives for the same input, by timm's
            ``forward_intermediates``; empty where it has no such method.
        asking: Whether the model is being asked for them; what it runs meanwhile is not the forward's.
    """

    calls: list[Call] = field(default_factory=list)
    logits: Any = None
    intermediates: list[Tensor] = field(default_factory=list)
    asking: bool = False


def trace(model: nn.Module, forward: Forward, images: Tensor) -> Trace:
    """Run one image through a model and see every module's output.

    Args:
        model: The model.
        forward: How logits come from images.
        images: One image, (1, C, H, W).

    Returns:
        What was seen.
    """
    seen = Trace()
    with _noting(model, seen), _asking_for_intermediates(model, seen):
        seen.logits = forward(images)
    return seen


def trace_noise(model: nn.Module, forward: Forward, images: Tensor) -> tuple[Trace, Tensor]:
    """Trace an image of noise, in which every place differs from every other; the given one where noise will not do.

    Args:
        model: The model.
        forward: How logits come from images.
        images: One image, (1, C, H, W), of which size and type are taken.

    Returns:
        What was seen, and the image that was traced.
    """
    if not images.is_floating_point():
        return trace(model, forward, images), images
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0)).to(images)
    try:
        return trace(model, forward, noise), noise
    except Exception:  # whatever a model may raise; if the image fails too, the user gets to see that error
        return trace(model, forward, images), images


def default_images(model: nn.Module) -> Tensor:
    """An image of the size that a model says it was made for (as timm's do), or (1, 3, 224, 224)."""
    configs = (getattr(module, "default_cfg", None) for module in model.modules())
    config: dict[str, Any] = next((config for config in configs if isinstance(config, dict)), {})
    parameter = next(model.parameters(), torch.empty(0))
    return torch.zeros(1, *config.get("input_size", (3, 224, 224)), device=parameter.device, dtype=parameter.dtype)


def reaches_score(
    forward: Forward, images: Tensor, clean: Any, call: Call, places: FeatureGrid, *, poison: float = math.nan
) -> bool:
    """Whether the logits depend on the places of a call's output.

    The places are poisoned: set to NaN in one forward. What is computed from them is NaN too, whatever its weights
    are, so that heads that start at zero do not hide a dependence, and no gradient is needed.

    Args:
        forward: How logits come from images.
        images: What was traced.
        clean: The logits without poison.
        call: The call, from the trace.
        places: Where the places stand in its output.
        poison: Another value, for models that clean NaN away; the logits must then differ.
    """
    if not isinstance(clean, Tensor) or clean.isnan().any():
        return True  # cannot be told
    turns = itertools.count()

    def fill(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return places.fill(output, poison) if next(turns) == call.turn else output

    handle = call.module.register_forward_hook(fill)
    try:
        logits = forward(images)
    except Exception:
        return True  # a model that refuses NaN has seen it
    finally:
        handle.remove()
    return bool(logits.isnan().any()) if math.isnan(poison) else not torch.equal(logits, clean)


@contextmanager
def _noting(model: nn.Module, seen: Trace) -> Iterator[None]:
    turns: dict[nn.Module, int] = {}
    last: list[tuple[Tensor, bool]] = []  # the latest output, and whether it was pooled

    def note(module: nn.Module, inputs: tuple[Any, ...], settings: dict[str, Any], output: Any, name: str) -> None:
        if seen.asking:
            return
        turn = turns[module] = turns.get(module, -1) + 1
        if not isinstance(output, Tensor):
            return
        shape = output.shape
        is_leaf = next(module.children(), None) is None
        # A container that ends in a pooling layer hands on what was pooled.
        pooled = "pool" in type(module).__name__.lower() or (bool(last) and last[0][0] is output and last[0][1])
        last[:] = [(output, pooled)]
        given = (tensor for tensor in (*inputs, *settings.values()) if isinstance(tensor, Tensor))
        entered = next((tensor for tensor in given if tensor.shape == output.shape), None)
        has_weights = next(module.parameters(recurse=False), None) is not None
        is_passive = pooled or isinstance(module, _PASSIVE)
        holds_feature_grid = output.dim() in (3, 4) and output.shape[0] == 1 and not is_passive
        output, entered = (output.detach().clone(), entered) if holds_feature_grid else (None, None)
        seen.calls.append(Call(name, module, turn, shape, output, entered, is_leaf, has_weights))

    handles = []
    try:
        for name, module in model.named_modules():
            if name:

                def hook(m: nn.Module, i: Any, k: dict[str, Any], o: Any, name: str = name) -> None:
                    note(m, i, k, o, name)

                handles.append(module.register_forward_hook(hook, with_kwargs=True))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _asking_for_intermediates(model: nn.Module, seen: Trace) -> Iterator[None]:
    """Where a part of the model has timm's ``forward_intermediates``, call it right after the part itself has run.

    It is called inside the forward, so that it gets the same input in the same precision.
    """

    def ask(module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        seen.asking = True
        try:
            given = module.forward_intermediates(inputs[0], norm=False, output_fmt="NCHW", intermediates_only=True)
            seen.intermediates += [maps for maps in given if isinstance(maps, Tensor) and maps.dim() == 4]
        except Exception:  # a method of that name may be anything, and without it there is still the trace
            return
        finally:
            seen.asking = False

    handles = [module.register_forward_hook(ask) for module in _with_intermediates(model)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _with_intermediates(module: nn.Module) -> list[nn.Module]:
    """The outermost modules that have a method ``forward_intermediates``."""
    if callable(getattr(module, "forward_intermediates", None)):
        return [module]
    return [found for child in module.children() for found in _with_intermediates(child)]
