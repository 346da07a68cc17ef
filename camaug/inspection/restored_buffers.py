"""Buffers of a model, left as they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["restored_buffers"]


@contextmanager
def restored_buffers(model: nn.Module) -> Iterator[None]:
    """Restore every buffer of a model, its values and its identity, when the block ends.

    The values are copied together, so that an accelerator gets a few operations instead of two for each buffer.

    Args:
        model: The model.

    Example:
        >>> norm = nn.BatchNorm1d(2)
        >>> with restored_buffers(norm):
        ...     norm.running_mean.fill_(7)
        tensor([7., 7.])
        >>> norm.running_mean
        tensor([0., 0.])
    """
    owners = [
        (module, name, buffer)
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    saved = [(group, _copies(group)) for group in _groups([buffer for *_, buffer in owners])]
    try:
        yield
    finally:
        for module, name, buffer in owners:
            module._buffers[name] = buffer
        for group, copies in saved:
            # Batch-norm updates its statistics without increasing their version, so all are copied back. `.data` does
            # not increase it either, and autograd still accepts the buffers that it saved for a backward pass.
            with torch.inference_mode(group[0].is_inference()):
                _copy([_once(buffer.data) for buffer in group], copies)


def _groups(buffers: Sequence[Tensor]) -> list[list[Tensor]]:
    """Group the distinct buffers that one operation can copy. A buffer that none can is a group of its own."""
    groups: defaultdict[tuple[object, ...], list[Tensor]] = defaultdict(list)
    for buffer in {id(buffer): buffer for buffer in buffers}.values():
        key = (buffer.dtype, buffer.device, buffer.is_inference()) if _is_plain(buffer) else (id(buffer),)
        groups[key].append(buffer)
    return list(groups.values())


def _is_plain(buffer: Tensor) -> bool:
    """Return True if the buffer's values lie next to one another, without a subclass that could work otherwise."""
    return type(buffer) is Tensor and buffer.layout == torch.strided and buffer.is_contiguous()


def _copies(group: Sequence[Tensor]) -> Sequence[Tensor]:
    if len(group) == 1:
        return [_once(group[0].detach()).clone()]
    flat = torch.cat([buffer.detach().flatten() for buffer in group])
    parts = torch.split(flat, [buffer.numel() for buffer in group])
    return [part.view(buffer.shape) for part, buffer in zip(parts, group, strict=True)]


def _once(buffer: Tensor) -> Tensor:
    """Return a view of an expanded buffer that has each of its values once, and any other buffer as it is."""
    if buffer.layout != torch.strided or 0 not in buffer.stride():
        return buffer
    return buffer[tuple(slice(1) if stride == 0 else slice(None) for stride in buffer.stride())]


def _copy(destinations: list[Tensor], sources: Sequence[Tensor]) -> None:
    if len(destinations) == 1:
        destinations[0].copy_(sources[0])
    else:
        torch._foreach_copy_(destinations, list(sources))
