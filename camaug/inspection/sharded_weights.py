"""A model whose weights are spread over processes, made whole for the length of a look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed
from torch import Tensor, nn

__all__ = ["whole_weights"]

FSDP = "torch.distributed.fsdp"


@contextmanager
def whole_weights(model: nn.Module, *, here: bool = True) -> Iterator[None]:
    """Have all weights of a model that ``fully_shard`` (FSDP2) has sharded, inside a ``with``.

    Every process enters at the same point, and the shards are gathered once. Inside, nobody communicates: a process may
    run any number of forwards or none, and one that fails leaves no other waiting. On exit, whether by success or by an
    exception, the model has the identical shards again. They are exchanged, never written to, and FSDP's own hooks
    rest meanwhile, so that it notices nothing. A model that is not sharded stays as it is.

    Args:
        model: The model, between two steps.
        here: Whether this process looks. One that does not hands its shards to those that do, and holds no more than
            one whole weight at a time.

    Raises:
        RuntimeError: On every process alike, where the whole weights do not fit the memory of one.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> with whole_weights(model):
        ...     model(torch.zeros(1, 2)).shape
        torch.Size([1, 2])
    """
    places = _find_shards(model)
    if not places:
        yield
        return
    whole = _gather(list(dict.fromkeys(shard for _, _, shard in places)), here)
    with _hooks_at_rest(model):
        try:
            for module, name, shard in places:
                module._parameters[name] = whole.get(shard, shard)
            yield
        finally:
            for module, name, shard in places:
                module._parameters[name] = shard


def _find_shards(model: nn.Module) -> list[tuple[nn.Module, str, nn.Parameter]]:
    """The sharded parameters with the modules and the names that hold them."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return []
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()  # the outermost stays whole after a forward that no backward pass follows
    return [
        (module, name, parameter)
        for module in model.modules()
        for name, parameter in module._parameters.items()
        if parameter is not None and isinstance(parameter, DTensor)
    ]


def _gather(shards: Sequence[nn.Parameter], here: bool) -> dict[nn.Parameter, nn.Parameter]:
    """The whole of each shard; nothing where nobody looks."""
    whole = {}
    with torch.inference_mode(False), torch.no_grad():  # gradients may be asked for inside
        # A process that ran out of memory on the way would leave the others waiting for its shards.
        is_room = torch.tensor(int(_is_room_for(shards, here)), device=shards[0].device)
        torch.distributed.all_reduce(is_room, op=torch.distributed.ReduceOp.MIN)
        if not is_room:
            raise RuntimeError(
                f"the whole weights of the sharded model, {sum(map(_bytes, shards)) / 1e9:.2f} GB, do not fit the "
                "memory of every process that looks at it"
            )
        for shard in shards:
            weight = shard.detach().full_tensor()  # type: ignore[attr-defined]
            if here:
                whole[shard] = nn.Parameter(weight, requires_grad=shard.requires_grad)
    return whole


def _is_room_for(shards: Sequence[nn.Parameter], here: bool) -> bool:
    """Whether the whole weights fit, and beside them what gathering the largest takes."""
    sizes = list(map(_bytes, shards))
    try:
        torch.empty(2 * max(sizes) + (sum(sizes) if here else 0), dtype=torch.uint8, device=shards[0].device)
    except RuntimeError:  # the CPU's and the GPU's for want of memory
        return False
    return True


def _bytes(shard: Tensor) -> int:
    """Of the whole: a shard has its shape."""
    return shard.numel() * shard.element_size()


@contextmanager
def _hooks_at_rest(model: nn.Module) -> Iterator[None]:
    """Take off the hooks by which FSDP gathers and frees weights around every forward."""
    kept = [
        (hooks, dict(hooks))
        for module in model.modules()
        for hooks in (module._forward_pre_hooks, module._forward_hooks)
    ]
    for hooks, before in kept:
        for key, hook in before.items():
            if getattr(hook, "__module__", "").startswith(FSDP):
                del hooks[key]
    try:
        yield
    finally:
        for hooks, before in kept:
            hooks.clear()
            hooks.update(before)
