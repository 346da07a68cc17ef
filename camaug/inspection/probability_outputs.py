"""Description of outputs that are probabilities already."""

from __future__ import annotations

from torch import Tensor

__all__ = ["describe_probabilities"]

TOLERANCE, TOLERANCE_IN_LOW_PRECISION = 1e-4, 5e-3  # bfloat16 rounds a sum of probabilities by up to 0.004
FEWEST_CLASSES = 16  # the logits of an untrained network are alike for all images, and few may be positive by chance
REMEDY = (
    "Explanations and losses need logits, since the gradient of a probability vanishes where the model is sure: remove "
    "the {layer} from the forward, or give forward=, a function that returns logits"
)


def describe_probabilities(logits: Tensor) -> str:
    """Return a sentence if what should be logits are probabilities, else an empty string. Waits for the device.

    Rows of values from 0 to 1 that sum to 1 are those of a softmax. Other values from 0 to 1 of 16 classes or more, not
    all equal, are those of a sigmoid for several labels. Fewer logits may lie there by chance.

    Args:
        logits: (N, classes), as :func:`camaug.inspection.model_output.read_logits` returns them.

    Example:
        >>> import torch
        >>> describe_probabilities(torch.tensor([[0.2, 0.8]]))[:50]
        "the model's outputs are probabilities, since each "
        >>> describe_probabilities(torch.tensor([[0.2, -0.8]]))
        ''
    """
    tolerance = TOLERANCE_IN_LOW_PRECISION if logits.element_size() < 4 else TOLERANCE
    logits = logits.detach().float()
    if logits.numel() == 0 or not bool(((logits >= 0) & (logits <= 1)).all()):
        return ""
    if bool(((logits.sum(dim=1) - 1).abs() < tolerance).all()):
        return f"the model's outputs are probabilities, since each row sums to 1. {REMEDY.format(layer='softmax')}"
    if logits.shape[1] < FEWEST_CLASSES or bool((logits == logits[0, 0]).all()):
        return ""
    return (
        f"the model's outputs are all between 0 and 1, as probabilities of several labels are. "
        f"{REMEDY.format(layer='sigmoid')}"
    )
