"""Targets of an explanation: a class of each image, or a function of the logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Target", "make_target"]


@dataclass(frozen=True)
class Target:
    """Classes of N images, or a function of their logits, that a map explains.

    Attributes:
        classes: The explained class of each image, (N,), int64; the predicted class where ``function`` is explained.
        function: Function from logits (M, classes) and the index (M,) of the image that each row belongs to, to scores
            (M,); None explains the classes.
    """

    classes: Tensor
    function: Callable[[Tensor, Tensor], Tensor] | None = None

    def score(self, logits: Tensor, owner: Tensor | None = None) -> Tensor:
        """Compute the value that is differentiated: the logit of the class, or the value of the function.

        Args:
            logits: (M, classes).
            owner: Index of the image that each row belongs to, (M,); the images in their order by default.

        Returns:
            Scores (M,).
        """
        owner = _in_order(logits) if owner is None else owner
        if self.function is None:
            return logits.gather(1, self.classes[owner, None])[:, 0]
        score = self.function(logits, owner)
        if not isinstance(score, Tensor) or score.shape != (len(logits),):
            given = tuple(score.shape) if isinstance(score, Tensor) else type(score).__name__
            raise ValueError(
                f"a function given as `targets` must turn logits {tuple(logits.shape)} into one score an image, "
                f"({len(logits)},), got {given}: for example lambda logits: logits[:, 1] - logits[:, 0]"
            )
        return score

    def confidence(self, logits: Tensor, owner: Tensor | None = None) -> Tensor:
        """Compute the value that queries measure: the softmax probability of the class, or the value of the function.

        Arguments and result are those of :meth:`score`.
        """
        return self.score(logits if self.function is not None else logits.softmax(dim=1), owner)

    def require_classes(self, method: str) -> Tensor:
        """Return the classes (N,), or raise if a function is explained."""
        if self.function is not None:
            raise ValueError(f"{method} explains a class: give `targets` as class indices, not as a function")
        return self.classes


def make_target(targets: int | Tensor | Callable[[Tensor], Tensor] | Target | None, logits: Tensor) -> Target:
    """Create a target from the forms that a user may give.

    Args:
        targets: A class index for all images, or a tensor (N,) of class indices; a function from logits (M, classes)
            to scores (M,), each row by itself; None for the predicted class.
        logits: The model's logits for the images, (N, classes).

    Returns:
        The target.

    Raises:
        ValueError: If the classes are of the wrong type, shape or range.
    """
    if isinstance(targets, Target):
        return targets
    predicted = logits.detach().argmax(dim=1)
    if targets is None:
        return Target(predicted)
    if callable(targets):
        function = targets
        return Target(predicted, lambda rows, owner: function(rows))
    return Target(_classes(targets, logits))


def _in_order(logits: Tensor) -> Tensor:
    return torch.arange(len(logits), device=logits.device)


def _classes(targets: int | Tensor, logits: Tensor) -> Tensor:
    count, classes = logits.shape
    targets = torch.as_tensor(targets, device=logits.device)
    if targets.is_floating_point() or targets.dtype == torch.bool or targets.dim() > 1:
        raise ValueError(
            f"`targets` must be class indices, one integer or a tensor of shape ({count},), "
            f"got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    if targets.dim() == 1 and len(targets) != count:
        raise ValueError(f"`targets` must have one class for each of the {count} images, got {len(targets)}")
    if targets.min() < 0 or targets.max() >= classes:
        wrong = sorted({int(t) for t in targets.reshape(-1) if not 0 <= t < classes})
        raise ValueError(f"`targets` must be between 0 and {classes - 1}, the model's last class, got {wrong}")
    return targets.long().expand(count)
