"""Check for losses of classes that do not exclude each other."""

from __future__ import annotations

from torch import nn

__all__ = ["has_multi_label_loss"]

LOSSES = (nn.BCEWithLogitsLoss, nn.BCELoss, nn.MultiLabelSoftMarginLoss, nn.MultiLabelMarginLoss)


def has_multi_label_loss(model: nn.Module) -> bool:
    """Return True if a module holds a loss of torch for several labels of one image, and none for one label.

    Example:
        >>> has_multi_label_loss(nn.ModuleList([nn.Linear(2, 2), nn.BCEWithLogitsLoss()]))
        True
    """
    modules = list(model.modules())
    has_other = any(isinstance(module, nn.CrossEntropyLoss | nn.NLLLoss) for module in modules)
    return not has_other and any(isinstance(module, LOSSES) for module in modules)
