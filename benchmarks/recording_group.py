"""Process group of gloo that records its messages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, NamedTuple

import torch.distributed as dist
from torch import Tensor
from torch.utils._pytree import tree_leaves

__all__ = ["Message", "RecordingGroup", "register"]

OPERATIONS = (
    "allgather",
    "_allgather_base",
    "all_gather_single",
    "allreduce",
    "barrier",
    "broadcast",
    "gather",
    "reduce",
    "_reduce_scatter_base",
    "reduce_scatter_single",
    "scatter",
)
OWN_FOLDERS = ("camaug", "callbacks", "datamodules")
ROOT = Path(__file__).parents[1]


class Message(NamedTuple):
    """A call of a collective.

    Attributes:
        caller: File and function of this package that called it, ``DistributedDataParallel`` or ``Lightning``.
        operation: The collective's name in a process group.
        bytes: Size of what one process hands over.
    """

    caller: str
    operation: str
    bytes: int


class RecordingGroup(dist.ProcessGroup):
    """Process group of gloo that notes every collective, also those that PyTorch calls from C++.

    Args:
        store: Store of the rendezvous.
        rank: Number of this process.
        size: Number of processes.
        timeout: Time after which a collective fails.

    Attributes:
        messages: The collectives of this process since the list was cleared, for all groups.
    """

    messages: ClassVar[list[Message]] = []

    def __init__(self, store: dist.Store, rank: int, size: int, timeout: timedelta) -> None:
        super().__init__(rank, size)
        self._gloo = dist.ProcessGroupGloo(store, rank, size, timeout)
        self._place = rank, size

    def rank(self) -> int:
        """Return the number of this process."""
        return self._place[0]

    def size(self) -> int:
        """Return the number of processes."""
        return self._place[1]

    def getBackendName(self) -> str:  # noqa: N802
        """Return the backend's name."""
        return "recording"

    @property
    def pg_name(self) -> str:
        """Name of the group, as PyTorch registers it."""
        return str(dist.distributed_c10d._world.pg_names[self])

    @property
    def group_name(self) -> str:
        """Name of the group, as PyTorch registers it."""
        return self.pg_name

    def run(self, operation: str, *arguments: Any) -> Any:
        """Record and run a collective. A subclass may check or change its tensors."""
        handed_over = arguments[1] if operation in ("allgather", "_allgather_base", "all_gather_single") else arguments
        tensors = [leaf for leaf in tree_leaves(handed_over) if isinstance(leaf, Tensor)]
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        self.messages.append(Message(_find_caller(), operation, size))
        return getattr(self._gloo, operation)(*arguments)


def register(name: str = "recording", group: type[RecordingGroup] = RecordingGroup, device: str = "cpu") -> None:
    """Make the group known to ``torch.distributed`` as a backend for a device."""
    dist.Backend.register_backend(name, lambda *arguments: group(*arguments), devices=[device])


def _method(operation: str) -> Callable[..., Any]:
    def method(self: RecordingGroup, *arguments: Any, **options: Any) -> Any:
        return self.run(operation, *arguments, *options.values())

    return method


for _operation in OPERATIONS:
    setattr(RecordingGroup, _operation, _method(_operation))


def _find_caller() -> str:
    """Return the innermost function of this package that is being executed, unless DDP was called from it."""
    for frame in _frames():
        path = Path(frame.f_code.co_filename)
        if path.parts[-3:-1] == ("nn", "parallel"):
            return "DistributedDataParallel"
        own = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        if own.parts[0] in OWN_FOLDERS:
            return f"{own.as_posix()}, {frame.f_code.co_name}"
    return "Lightning"


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back
