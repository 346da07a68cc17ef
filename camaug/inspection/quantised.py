"""Refusal of quantised models, which have no gradients and turn NaN into numbers."""

from __future__ import annotations

from torch import nn

__all__ = ["refuse_quantised"]


def refuse_quantised(model: nn.Module) -> None:
    """Raise a ValueError if any layer was quantised by ``torch.ao`` or torchao."""
    for name, module in model.named_modules():
        packages = type(module).__module__.split(".")
        weights = (*module.parameters(recurse=False), *module.buffers(recurse=False))
        is_by_torchao = any(type(weight).__module__.startswith("torchao.") for weight in weights)
        if ("quantized" in packages and packages[0] == "torch") or is_by_torchao:
            raise ValueError(
                f"{type(model).__name__} is quantised ({name or 'itself'} is a {type(module).__name__}), and maps "
                "need a float model: explain the model before its quantisation"
            )
