"""The fastest precision of a device."""

from __future__ import annotations

import torch

__all__ = ["low_precision"]


def low_precision(device: torch.device) -> torch.dtype | None:
    """Return the dtype below float32 that a device computes faster in, or None if there is none.

    On a GPU it is bfloat16, or float16 if the GPU lacks bfloat16. On a CPU it is bfloat16 if the CPU multiplies in it
    (AVX-512 BF16 or AMX).
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return torch.bfloat16
    return None
