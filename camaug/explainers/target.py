"""What is explained: a class of each image, or any function of the logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Target", "make_target"]


@dataclass(frozen=True)
class Target:
    """What a map is to explain, for each of N images.

    Attributes:
        classes: The explained class of each image, (N,), int64; the predicted one where ``function`` is explained.
        function: Scores (M,) of logits (M, classes), where the second argument (M,) says which of the N images each
            row belongs to; None explains the classes.
    """

    classes: Tensor
    function: Callable[[Tensor, Tensor], Tensor] | None = None

    def score(self, logits: Tensor, owner: Tensor | None = None) -> Tensor:
        """What is differentiated: the class's logit, or the function's value.

        Args:
            logits: (M, classes).
            owner: Which of the N images each row belongs to, (M,); the images in their order by default.

        Returns:
            Scores (M,).
        """
        owner = self._owner(logits, owner)
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
        """What is measured on changed images: the class's softmax probability, or the function's value.

        Args:
            logits: (M, classes).
            owner: Which of the N images each row belongs to, (M,); the images in their order by default.

        Returns:
            Confidences (M,).
        """
        if self.function is not None:
            return self.score(logits, owner)
        return logits.softmax(dim=1).gather(1, self.classes[self._owner(logits, owner), None])[:, 0]

    def require_classes(self, method: str) -> Tensor:
        """The classes (N,); an error where a function is explained, for methods that need a class."""
        if self.function is not None:
            raise ValueError(f"{method} explains a class: give `targets` as class indices, not as a function")
        return self.classes

    def _owner(self, logits: Tensor, owner: Tensor | None) -> Tensor:
        return torch.arange(len(logits), device=logits.device) if owner is None else owner


def make_target(targets: int | Tensor | Callable[[Tensor], Tensor] | Target | None, logits: Tensor) -> Target:
    """Turn what a user says about targets into one.

    Args:
        targets: A class index for all images, or a tensor (N,) of them; a function from logits (M, classes) to scores
            (M,), each row by itself; None for the predicted class.
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


def _classes(targets: int | Tensor, logits: Tensor) -> Tensor:
    count, classes = logits.shape
    targets = torch.as_tensor(targets, device=logits.device)
    if targets.is_floating_point() or targets.dtype == torch.bool or targets.dim() > 1:
        raise ValueError(
            f"`targets` must be class indices, one integer or a tensor of shape ({count},), "
            f"got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    if targets.dim() == 1 and len(targets) != count:
        raise ValueError(f"`targets` must name one class for each of the {count} images, got {len(targets)}")
    if targets.min() < 0 or targets.max() >= classes:
        wrong = sorted({int(t) for t in targets.reshape(-1) if not 0 <= t < classes})
        raise ValueError(f"`targets` must be between 0 and {classes - 1}, the model's last class, got {wrong}")
    return targets.long().expand(count)
