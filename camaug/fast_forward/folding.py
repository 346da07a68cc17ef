"""Batch-norms folded into the convolutions before them during a forward pass, without changing the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode

__all__ = ["FoldablePair", "PreparedWeights", "find_foldable_pairs"]

_READS_NO_VALUES = ("__get__", "dim", "size", "__len__", "is_floating_point", "numel")


@dataclass(frozen=True)
class FoldablePair:
    """A convolution and the batch-norm that is the only reader of its output."""

    convolution: nn.Module
    batch_norm: nn.Module

    @property
    def is_foldable_now(self) -> bool:
        """True if the batch-norm is in evaluation mode and neither module has a hook that would see the folding."""
        hooks = (
            each
            for module in (self.convolution, self.batch_norm)
            for each in (module._forward_hooks, module._forward_pre_hooks)
        )
        return not self.batch_norm.training and not any(hooks)


def find_foldable_pairs(model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor) -> list[FoldablePair]:
    """Find the batch-norms of a model that can be folded into the convolutions before them.

    A batch-norm can be folded if it is the only reader of a convolution's output, and if neither is called twice. One
    forward pass shows both.

    Args:
        model: The classifier, in evaluation mode.
        forward: The function from images to logits.
        images: One image, (1, C, H, W).

    Returns:
        The pairs, in the order of their calls.
    """
    recorder = _Recorder()
    with recorder:
        forward(images)
    owners = {id(tensor): module for module in model.modules() for tensor in _own_tensors(module)}
    convolution_calls = Counter(id(weight) for _, weight in recorder.outputs.values())
    norm_calls = Counter(id(mean) for _, mean in recorder.normalised)
    pairs = []
    for output, mean in recorder.normalised:
        weight = recorder.outputs[id(output)][1]
        is_single = recorder.reads[id(output)] == convolution_calls[id(weight)] == norm_calls[id(mean)] == 1
        convolution, batch_norm = owners.get(id(weight)), owners.get(id(mean))
        if is_single and convolution is not None and batch_norm is not None and hasattr(convolution, "bias"):
            pairs.append(FoldablePair(convolution, batch_norm))
    return pairs


class PreparedWeights(TorchFunctionMode):
    """Context in which convolutions and linear layers compute with converted weights.

    Args:
        model: The classifier.
        pairs: The batch-norms to fold.
        dtype: The dtype of the converted weights. None keeps that of the model.
        channels_last: Whether the weights of convolutions are converted to channels-last memory format.
    """

    def __init__(
        self, model: nn.Module, pairs: Sequence[FoldablePair], dtype: torch.dtype | None, *, channels_last: bool
    ) -> None:
        super().__init__()
        self._dtype = dtype
        self._channels_last = channels_last
        self._pairs = {id(pair.convolution.weight): pair for pair in pairs}
        self._folded = {key: self._fold(pair) for key, pair in self._pairs.items()}
        self._converted: dict[int, tuple[Tensor, Tensor]] = {}
        self._skipped: set[int] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function with converted weights, or skip it if it is a folded batch-norm."""
        kwargs = kwargs or {}
        if func in (F.conv2d, F.linear):
            return func(*self._with_converted_weights(func, args), **kwargs)
        if func is F.batch_norm and id(args[1]) in self._skipped:
            self._skipped.remove(id(args[1]))
            return args[0]
        return func(*args, **kwargs)

    def _with_converted_weights(self, func: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs, weight, *rest = args
        pair = self._pairs.get(id(weight)) if func is F.conv2d else None
        if pair is not None and pair.is_foldable_now:
            self._skipped.add(id(pair.batch_norm.running_mean))
            return (inputs, *self._folded[id(weight)], *rest[1:])
        if not isinstance(weight, nn.Parameter):
            return args
        bias = rest[0] if rest else None
        return (inputs, self._convert(weight), None if bias is None else self._convert(bias), *rest[1:])

    def _fold(self, pair: FoldablePair) -> tuple[Tensor, Tensor]:
        convolution: Any = pair.convolution
        norm: Any = pair.batch_norm
        with torch.no_grad():
            weight, bias = fuse_conv_bn_weights(
                convolution.weight,
                convolution.bias,
                norm.running_mean,
                norm.running_var,
                norm.eps,
                norm.weight,
                norm.bias,
            )
            return self._format(weight.detach()), self._format(bias.detach())

    def _convert(self, weight: Tensor) -> Tensor:
        """Return the converted weight. It is kept together with the original, so that the original's id stays taken."""
        if id(weight) not in self._converted:
            self._converted[id(weight)] = weight, self._format(weight.detach())
        return self._converted[id(weight)][1]

    def _format(self, weight: Tensor) -> Tensor:
        memory_format = torch.channels_last if self._channels_last and weight.dim() == 4 else torch.preserve_format
        return weight.to(self._dtype or weight.dtype, memory_format=memory_format)


class _Recorder(TorchFunctionMode):
    """Recorder of the outputs of convolutions and of the functions that read them."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs: dict[
            int, tuple[Tensor, Tensor]
        ] = {}  # outputs of convolutions and their weights, by the id of the output
        self.normalised: list[tuple[Tensor, Tensor]] = []  # outputs that a batch-norm read, and its running mean
        self.reads: Counter[int] = Counter()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function, and record which outputs of convolutions it reads."""
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") not in _READS_NO_VALUES:
            tensors = [leaf for leaf in torch.utils._pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
            self.reads.update({id(tensor) for tensor in tensors} & self.outputs.keys())
        if func is F.batch_norm and id(args[0]) in self.outputs and args[1] is not None and not kwargs["training"]:
            self.normalised.append((args[0], args[1]))
        result = func(*args, **kwargs)
        if func is F.conv2d and isinstance(args[1], nn.Parameter):
            self.outputs[id(result)] = result, args[1]
        return result


def _own_tensors(module: nn.Module) -> list[Tensor]:
    return [t for t in (*module._parameters.values(), *module._buffers.values()) if t is not None]
