"""Recognition of errors that say that memory is short."""

from __future__ import annotations

import torch

__all__ = ["is_out_of_memory"]

# What PyTorch raises as plain RuntimeErrors: on Apple's GPUs, from cuDNN and cuBLAS, and for the processor's memory.
_MESSAGES = (
    "out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a non-contiguous input",
    "Unable to find a valid cuDNN algorithm",
    "FIND was unable to find an engine to execute this computation",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if an error says that the device or the processor is out of memory.

    Example:
        >>> is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8.88 GB)"))
        True
        >>> is_out_of_memory(RuntimeError("expected 3 channels"))
        False
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error) for message in _MESSAGES)
