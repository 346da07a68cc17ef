"""Batch-norms folded into the convolutions before them during a forward pass, without changing the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
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
        self._folded = dict(zip(self._pairs, self._fold(pairs), strict=True)) if pairs else {}
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

    @torch.no_grad()
    def _fold(self, pairs: Sequence[FoldablePair]) -> list[tuple[Tensor, Tensor]]:
        """Compute ``w * gamma / sqrt(var + eps)`` and ``(b - mean) * gamma / sqrt(var + eps) + beta`` of each pair.

        The vectors of all pairs are computed together, so that an accelerator gets few operations.
        """
        convolutions: list[Any] = [pair.convolution for pair in pairs]
        norms: list[Any] = [pair.batch_norm for pair in pairs]
        gammas = [torch.ones_like(norm.running_var) if norm.weight is None else norm.weight for norm in norms]
        variances = torch._foreach_add([norm.running_var for norm in norms], [norm.eps for norm in norms])
        inverses = torch._foreach_rsqrt(variances)
        biases = torch._foreach_neg([norm.running_mean for norm in norms])
        _add_in_place(biases, [convolution.bias for convolution in convolutions])
        biases = torch._foreach_mul(torch._foreach_mul(biases, inverses), gammas)
        _add_in_place(biases, [norm.bias for norm in norms])
        scales = torch._foreach_mul(inverses, gammas)
        weights = [self._scaled(each.weight, scale) for each, scale in zip(convolutions, scales, strict=True)]
        folded = [torch.empty_like(bias, dtype=weight.dtype) for bias, weight in zip(biases, weights, strict=True)]
        torch._foreach_copy_(folded, biases)
        return list(zip(weights, folded, strict=True))

    def _scaled(self, weight: Tensor, scale: Tensor) -> Tensor:
        """Return a convolution's weight times a factor for each output channel, in the dtype and memory format."""
        folded = torch.empty_like(weight, dtype=self._dtype or weight.dtype, memory_format=self._memory_format(weight))
        return torch.mul(weight, scale.view(-1, 1, 1, 1), out=folded)

    def _convert(self, weight: Tensor) -> Tensor:
        """Return the converted weight. It is kept together with the original, so that the original's id stays taken."""
        if id(weight) not in self._converted:
            self._converted[id(weight)] = weight, self._format(weight.detach())
        return self._converted[id(weight)][1]

    def _format(self, weight: Tensor) -> Tensor:
        return weight.to(self._dtype or weight.dtype, memory_format=self._memory_format(weight))

    def _memory_format(self, weight: Tensor) -> torch.memory_format:
        return torch.channels_last if self._channels_last and weight.dim() == 4 else torch.preserve_format


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


def _add_in_place(tensors: Sequence[Tensor], summands: Sequence[Tensor | None]) -> None:
    """Add to each tensor its summand, if it has one."""
    given = [(tensor, summand) for tensor, summand in zip(tensors, summands, strict=True) if summand is not None]
    if given:
        torch._foreach_add_([tensor for tensor, _ in given], [summand for _, summand in given])


def _own_tensors(module: nn.Module) -> list[Tensor]:
    return [t for t in (*module._parameters.values(), *module._buffers.values()) if t is not None]
