"""Labels of images that show parts of two images."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LabelMix", "LossUse", "MixedLabels"]

LOSSES = {
    F.cross_entropy,
    F.nll_loss,
    F.binary_cross_entropy,
    F.binary_cross_entropy_with_logits,
    F.mse_loss,
    F.l1_loss,
    F.smooth_l1_loss,
    F.kl_div,
    F.multi_margin_loss,
    F.soft_margin_loss,
}
"""Loss functions of a prediction, a target and a ``reduction``."""
ROW_FUNCTIONS = {
    Tensor.__getitem__,
    Tensor.split,
    Tensor.chunk,
    Tensor.index_select,
    Tensor.repeat,
    Tensor.repeat_interleave,
    torch.split,
    torch.chunk,
    torch.index_select,
    torch.repeat_interleave,
    torch.cat,
}
"""Functions that select, repeat or join rows, and do so with the weights, too."""


PICKS = {
    Tensor.__getitem__,
    Tensor.gather,
    Tensor.take_along_dim,
    Tensor.mul,
    Tensor.__mul__,
    Tensor.__rmul__,
    torch.gather,
    torch.take_along_dim,
    torch.mul,
}
"""Functions by which a loss picks the rows' values of their classes from the logits, or weights them."""


@dataclass
class LossUse:
    """Use of mixed labels by the losses of one training step.

    Attributes:
        is_used: True if a loss was computed from both labels.
        is_function: True if it was one of PyTorch's loss functions, whose value is weighted: its factors are not.
    """

    is_used: bool = False
    is_function: bool = False


@dataclass(frozen=True)
class LabelMix:
    """Weights of both labels of each image.

    Attributes:
        own: Weight of the first label, (N,).
        other: Weight of the second label, (N,). Both need not sum to one.
        use: Their use by losses, shared by all tensors that are made of them.
    """

    own: Tensor
    other: Tensor
    use: LossUse = field(default_factory=LossUse)

    def sum(self, of_own: Tensor, of_other: Tensor) -> Tensor:
        """Return the weighted sum of two tensors whose first dimension is the image's, (N, ...)."""
        return _per_row(self.own, of_own) * of_own + _per_row(self.other, of_other) * of_other


class MixedLabels(Tensor):
    """Labels of images that show parts of two images.

    It is the tensor of the first labels for everything but a loss: metrics, indices and comparisons see hard labels.
    A loss function of logits and these labels returns the weighted sum of its values for both labels,
    ``mean_i(own_i * loss(x_i, y_i) + other_i * loss(x_i, z_i))``. This holds for PyTorch's loss functions and modules,
    and for a loss that picks or weights rows of logits, such as ``-log_softmax(x).gather(1, y[:, None])``. Labels that
    are reshaped, converted, selected, split or encoded as one-hot rows keep both labels.

    Example:
        >>> own, other, logits = torch.tensor([0]), torch.tensor([1]), torch.tensor([[1.0, 0.0]])
        >>> labels = MixedLabels.mix(own, other, torch.tensor([0.2]), torch.tensor([0.6]))
        >>> by_hand = 0.2 * F.cross_entropy(logits, own) + 0.6 * F.cross_entropy(logits, other)
        >>> torch.allclose(F.cross_entropy(logits, labels), by_hand)
        True
    """

    _other: Tensor
    _mix: LabelMix

    @classmethod
    def mix(cls, labels: Tensor, other: Tensor, own_weight: Tensor, other_weight: Tensor) -> MixedLabels:
        """Create labels from both labels of each image and their weights.

        Args:
            labels: The first labels, of any kind, (N, ...).
            other: The second labels, in the same form.
            own_weight: Weight of the first labels, (N,).
            other_weight: Weight of the second labels, (N,).
        """
        return cls._of(labels, other, LabelMix(own_weight, other_weight))

    @classmethod
    def _of(cls, labels: Tensor, other: Tensor, mix: LabelMix) -> MixedLabels:
        mixed = labels.as_subclass(cls)
        mixed._other, mixed._mix = other, mix
        return mixed

    @property
    def own_labels(self) -> Tensor:
        """The first labels as a plain tensor."""
        return self.as_subclass(Tensor)

    @property
    def other_labels(self) -> Tensor:
        """The second labels as a plain tensor."""
        return self._other

    @property
    def label_mix(self) -> LabelMix:
        """The weights of both labels."""
        return self._mix

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function with the first labels, and with the second ones where its result depends on the labels."""
        given = (args, kwargs or {})
        mixed = [part for part in _tensors(given) if isinstance(part, MixedLabels) and hasattr(part, "_mix")]
        with torch._C.DisableTorchFunctionSubclass():
            return _called(func, given, mixed[0]) if mixed else func(*args, **(kwargs or {}))


def _called(func: Callable[..., Any], given: Any, labels: MixedLabels) -> Any:
    mix = labels.label_mix
    if func in LOSSES:
        mix.use.is_used = mix.use.is_function = True
        return _weighted_loss(func, given, mix)
    if func in ROW_FUNCTIONS and labels.dim() == 1 and _is_all_mixed(given[0][:1]):
        return _selected(func, given, mix)
    own = _call(func, given, _own)
    if own is None:  # such as labels[labels < 0] = 0
        _call(func, given, _other)
    if not isinstance(own, Tensor) or own.dim() == 0 or len(own) != len(mix.own):
        return own
    if own.requires_grad and func in PICKS and not mix.use.is_function and labels.dtype != torch.bool:
        mix.use.is_used = True
        return mix.sum(own, _call(func, given, _other))
    is_comparison = own.dtype == torch.bool != labels.dtype
    if is_comparison or not _is_all_mixed(given):
        return own
    return MixedLabels._of(own, _call(func, given, _other), mix)


def _weighted_loss(func: Callable[..., Any], given: Any, mix: LabelMix) -> Tensor:
    """Return the weighted sum of the losses for both labels, reduced as the call says."""
    args, kwargs = given
    bound = _signature(func).bind(*args, **kwargs)
    bound.apply_defaults()
    reduction = bound.arguments["reduction"]
    bound.arguments.update(reduction="none", size_average=None, reduce=None)
    call = (bound.args, bound.kwargs)
    own, other = (_call(func, call, part) for part in (_own, _other))
    weighted: Tensor = mix.sum(own, other)
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return weighted.sum()
    if reduction == "batchmean":
        return weighted.sum() / len(weighted)
    own_count, other_count = (_count(bound.arguments, part, own) for part in (_own, _other))
    nothing = torch.zeros_like(own)
    return mix.sum(own, nothing).sum() / own_count + mix.sum(nothing, other).sum() / other_count


def _count(arguments: dict[str, Any], part: Callable[[MixedLabels], Tensor], loss: Tensor) -> Tensor:
    """Return what the mean of a loss divides by: the number of values, or the sum of their classes' weights."""
    target = part(arguments["target"])
    if "ignore_index" not in arguments or target.is_floating_point():
        return torch.tensor(loss.numel())
    counts, weight = target != arguments["ignore_index"], arguments["weight"]
    total: Tensor = counts.sum() if weight is None else (weight[target.clamp(min=0)] * counts).sum()
    return total


def _selected(func: Callable[..., Any], given: Any, mix: LabelMix) -> Any:
    """Return selected, repeated or joined labels with their weights. Both labels have the first ones' indices."""
    (source, *rest), kwargs = given
    rest, kwargs = _changed(rest, _own), _changed(kwargs, _own)
    parts = [func(_changed(source, part), *rest, **kwargs) for part in (_own, _other, _own_weight, _other_weight)]
    own = parts[0]
    if not isinstance(own, Tensor):
        return type(own)(_with_weights(each, mix) for each in zip(*parts, strict=True))
    return _with_weights(parts, mix) if own.dim() else own


def _with_weights(parts: Sequence[Tensor], mix: LabelMix) -> MixedLabels:
    own, other, own_weight, other_weight = parts
    return MixedLabels._of(own, other, LabelMix(own_weight, other_weight, mix.use))


def _call(func: Callable[..., Any], given: Any, part: Callable[[MixedLabels], Tensor]) -> Any:
    args, kwargs = _changed(given, part)
    return func(*args, **kwargs)


def _changed(given: Any, part: Callable[[MixedLabels], Tensor]) -> Any:
    """Return arguments with a part of the mixed labels in their place."""
    if isinstance(given, MixedLabels):
        return part(given)
    if isinstance(given, dict):
        return {key: _changed(each, part) for key, each in given.items()}
    if type(given) in (list, tuple):
        return type(given)(_changed(each, part) for each in given)
    return given


def _own(labels: MixedLabels) -> Tensor:
    return labels.own_labels


def _other(labels: MixedLabels) -> Tensor:
    return labels.other_labels


def _own_weight(labels: MixedLabels) -> Tensor:
    return labels.label_mix.own


def _other_weight(labels: MixedLabels) -> Tensor:
    return labels.label_mix.other


def _is_all_mixed(given: Any) -> bool:
    tensors = list(_tensors(given))
    return bool(tensors) and all(isinstance(each, MixedLabels) for each in tensors)


def _tensors(part: Any) -> Iterator[Tensor]:
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, dict):
        yield from _tensors(list(part.values()))
    elif type(part) in (list, tuple):
        for each in part:
            yield from _tensors(each)


def _per_row(weights: Tensor, values: Tensor) -> Tensor:
    return weights.to(values).view(-1, *[1] * (values.dim() - 1))


@lru_cache
def _signature(func: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(func)
