"""Targets of an explanation: classes of each image, or a function of the logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from camaug.utils.check_types import given
from camaug.utils.copied_to import copied_to

__all__ = ["Target", "make_target", "pick_logits"]


@dataclass(frozen=True)
class Target:
    """Classes of N images, or a function of their logits, that maps explain.

    Attributes:
        classes: The explained class of each image, (N,), int64, or its k classes, (N, k), padded with -1; the predicted
            class where ``function`` is explained.
        function: Function from logits (M, classes) and the index (M,) of the image that each row belongs to, to scores
            (M,), or (M, k) for k classes per image; None explains the classes.
        multilabel: True if an image may have several labels: the confidence in a class is then the sigmoid of its
            logit, otherwise the softmax.
    """

    classes: Tensor
    function: Callable[[Tensor, Tensor], Tensor] | None = None
    multilabel: bool = False

    def column(self, index: int) -> Target:
        """Return the target with only one of the k classes of each image."""
        function = self.function
        one = None if function is None else lambda logits, owner: function(logits, owner)[:, index]
        return Target(self.classes[:, index], one, self.multilabel)

    def score(self, logits: Tensor, owner: Tensor | None = None) -> Tensor:
        """Compute the value that is differentiated: the logit of the class, or the value of the function.

        Args:
            logits: (M, classes).
            owner: Index of the image that each row belongs to, (M,); the images in their order by default.

        Returns:
            Scores (M,), or (M, k) for k classes per image.
        """
        owner = _in_order(logits) if owner is None else owner
        if self.function is None:
            return pick_logits(logits, self.classes[owner])
        score = self.function(logits, owner)
        if not isinstance(score, Tensor) or score.shape != (len(logits), *self.classes.shape[1:]):
            given = tuple(score.shape) if isinstance(score, Tensor) else type(score).__name__
            raise ValueError(
                f"a function given as `targets` must turn logits {tuple(logits.shape)} into one score an image, "
                f"({len(logits)},), got {given}: for example lambda logits: logits[:, 1] - logits[:, 0]"
            )
        return score

    def confidence(self, logits: Tensor, owner: Tensor | None = None) -> Tensor:
        """Compute the value that queries measure: the probability of the class, or the value of the function.

        Arguments and result are those of :meth:`score`.
        """
        if self.function is not None:
            return self.score(logits, owner)
        return self.score(logits.sigmoid() if self.multilabel else logits.softmax(dim=1), owner)

    def require_classes(self, method: str) -> Tensor:
        """Return the classes (N,) or (N, k), or raise if a function is explained."""
        if self.function is not None:
            raise ValueError(f"{method} explains a class: give `targets` as class indices, not as a function")
        return self.classes


def make_target(targets: int | Tensor | Callable[[Tensor], Tensor] | Target | None, logits: Tensor) -> Target:
    """Create a target from the forms that a user may give.

    Args:
        targets: A class index for all images, a tensor (N,) of class indices, or the labels of a multi-label model,
            (N, k), padded with -1; a function from logits (M, classes) to scores (M,), each row by itself; None for the
            predicted class.
        logits: The model's logits for the images, (N, classes).

    Returns:
        The target.

    Raises:
        ValueError: If the classes are of the wrong type, shape or range. The range of a :class:`Target` is not checked,
            because a check of classes on an accelerator waits for it.
    """
    if isinstance(targets, Target):
        classes = _checked_shape(targets.classes, len(logits))
        return replace(targets, classes=classes.to(logits.device, torch.int64))
    predicted = logits.detach().argmax(dim=1)
    if targets is None:
        return Target(predicted)
    if callable(targets):
        function = targets
        return Target(predicted, lambda rows, owner: function(rows))
    classes = _classes(targets, logits)
    return Target(classes, multilabel=classes.dim() == 2)


def pick_logits(logits: Tensor, classes: Tensor) -> Tensor:
    """Return the logits of given classes.

    Args:
        logits: (M, classes).
        classes: Indices (M,) or (M, ...); a negative one, which is padding, counts as 0.

    Returns:
        A tensor of the shape of ``classes``.

    Example:
        >>> pick_logits(torch.tensor([[5.0, 6.0, 7.0]]), torch.tensor([[2, 1, -1]]))
        tensor([[7., 6., 5.]])
    """
    return logits.gather(1, classes.clamp(min=0).reshape(len(logits), -1)).view(classes.shape)


def _in_order(logits: Tensor) -> Tensor:
    return torch.arange(len(logits), device=logits.device)


def _classes(targets: int | Tensor, logits: Tensor) -> Tensor:
    count, classes = logits.shape
    targets = _checked_shape(_as_tensor(targets, count), count)
    lowest = -1 if targets.dim() == 2 else 0  # -1 is padding
    least, most = torch.stack(targets.aminmax()).tolist()
    if least < lowest or most >= classes:
        wrong = sorted({each for each in targets.reshape(-1).tolist() if not lowest <= each < classes})
        padding = ", or -1 as padding" if targets.dim() == 2 else ""
        raise ValueError(f"`targets` must be between 0 and {classes - 1}, the model's last class{padding}, got {wrong}")
    targets = copied_to(targets.long(), logits.device)
    return targets if targets.dim() == 2 else targets.expand(count)


def _as_tensor(targets: object, count: int) -> Tensor:
    try:
        return targets if isinstance(targets, Tensor) else torch.as_tensor(targets, device="cpu")
    except (TypeError, ValueError, RuntimeError) as error:  # of strings, nested lists and the like
        raise TypeError(f"{_expected(count)}, a function of the logits or None, got {given(targets)}") from error


def _expected(count: int) -> str:
    return f"`targets` must be class indices, one integer or a tensor of shape ({count},) or ({count}, k)"


def _checked_shape(targets: Tensor, count: int) -> Tensor:
    if targets.is_floating_point() or targets.dtype == torch.bool or targets.dim() > 2 or 0 in targets.shape:
        raise ValueError(f"{_expected(count)}, got {targets.dtype} of shape {tuple(targets.shape)}")
    if targets.dim() > 0 and len(targets) != count:
        raise ValueError(f"`targets` must have one class or row for each of the {count} images, got {len(targets)}")
    return targets
