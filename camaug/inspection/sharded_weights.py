"""Whole weights of a model that is sharded over processes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn

from camaug.inspection.replaced_parameters import replaced_parameters
from camaug.utils.replaced_attribute import replaced_attribute

__all__ = ["whole_weights"]

_FSDP = "torch.distributed.fsdp"


@contextmanager
def whole_weights(model: nn.Module, *, here: bool = True) -> Iterator[None]:
    """Gather all weights of a model that ``fully_shard`` (FSDP2) has sharded, inside the block.

    Every process enters at the same point, and the shards are gathered once. Inside the block no process communicates:
    it may run any number of forward passes or none, and if it fails, no other process waits for it. On exit, after an
    exception too, the model has the identical shards again. They are replaced, never written to, and FSDP's own hooks
    are removed meanwhile. A model that is not sharded is not changed.

    Args:
        model: The model, between two steps.
        here: Whether this process runs the model. Another process only hands its shards on, and holds no more than one
            whole weight at a time.

    Raises:
        RuntimeError: On every process, if the whole weights do not fit the memory of one of them.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> with whole_weights(model):
        ...     model(torch.zeros(1, 2)).shape
        torch.Size([1, 2])
    """
    shards = _find_shards(model)
    if not shards:
        yield
        return
    whole = _gather(shards, here)
    with _without_fsdp_hooks(model), replaced_parameters(model.modules(), whole):
        yield


def _find_shards(model: nn.Module) -> list[nn.Parameter]:
    """Return the sharded parameters, in the same order on every process."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return []
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()  # the outermost stays whole after a forward that no backward pass follows
    return [parameter for parameter in model.parameters() if isinstance(parameter, DTensor)]


def _gather(shards: Sequence[nn.Parameter], here: bool) -> dict[nn.Parameter, nn.Parameter]:
    """Return the whole weight of each shard, or none if this process does not run the model."""
    whole = {}
    with torch.inference_mode(False), torch.no_grad():  # gradients may be computed inside the block
        # A process that ran out of memory on the way would leave the others waiting for its shards.
        device = _device_of_group(shards[0])
        has_memory = torch.tensor(int(_has_memory_for(shards, here, device)), device=device)
        torch.distributed.all_reduce(has_memory, op=torch.distributed.ReduceOp.MIN)
        if not has_memory:
            raise RuntimeError(
                f"the whole weights of the sharded model, {sum(map(_bytes, shards)) / 1e9:.2f} GB, do not fit the "
                "memory of every process that explains it"
            )
        for shard in shards:
            weight = shard.detach().to(device).full_tensor()  # type: ignore[attr-defined]
            if here:
                whole[shard] = nn.Parameter(weight, requires_grad=shard.requires_grad)
    return whole


def _device_of_group(shard: Any) -> torch.device:
    """Return the device that sends a shard, which is not the shard's own if the CPU keeps it (``CPUOffloadPolicy``)."""
    kind: str = shard.device_mesh.device_type
    own: torch.device = shard.device
    return own if own.type == kind else torch.device(kind)


def _has_memory_for(shards: Sequence[nn.Parameter], here: bool, device: torch.device) -> bool:
    """Return True if the whole weights fit, together with what gathering the largest takes."""
    sizes = list(map(_bytes, shards))
    try:
        torch.empty(2 * max(sizes) + (sum(sizes) if here else 0), dtype=torch.uint8, device=device)
    except RuntimeError:  # what both the CPU and the GPU raise if memory is short
        return False
    return True


def _bytes(shard: Tensor) -> int:
    """Return the size of a shard's whole weight, whose shape a shard has."""
    return shard.numel() * shard.element_size()


@contextmanager
def _without_fsdp_hooks(model: nn.Module) -> Iterator[None]:
    """Remove the hooks with which FSDP gathers and frees weights around every forward pass."""
    with ExitStack() as stack:
        for module in model.modules():
            for name in ("_forward_pre_hooks", "_forward_hooks"):
                others = OrderedDict(
                    (key, hook)
                    for key, hook in getattr(module, name).items()
                    if not getattr(hook, "__module__", "").startswith(_FSDP)
                )
                stack.enter_context(replaced_attribute(module, name, others))
        yield
