"""Copies from the main memory to a device."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["copied_to"]


def copied_to(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device, without waiting for the device's pending work.

    A plain copy of a CPU tensor to an accelerator waits, and one that does not block reads memory that may be replaced
    meanwhile. A copy from pinned memory does neither.

    Args:
        tensor: The tensor.
        device: The device.
    """
    accelerator = torch.accelerator.current_accelerator()
    is_pinnable = accelerator is not None and accelerator.type == device.type and device.type != "mps"
    if tensor.device.type != "cpu" or not is_pinnable:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
