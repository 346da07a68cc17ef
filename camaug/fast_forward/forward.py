"""A classifier's logits in a fraction of the time, for questions asked by the hundred."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from camaug.fast_forward.folding import FoldablePair, PreparedWeights, find_foldable_pairs
from camaug.inspection.unwrap import unwrap

__all__ = ["FastForward", "low_precision"]

TRIED_IMAGES = 2
TOLERANCE = 0.05  # of the largest logit; bfloat16 has 8 bits, and its errors add up over the layers


class FastForward:
    """Gives nearly the logits of a model's own forward, sooner: for the many masked images that a map is made of.

    The convolutions run channels-last, in the low precision that the machine computes fastest in, and with the
    batch-norms behind them folded into their weights. The model itself is neither copied nor changed: while the
    forward runs, calls of PyTorch's functions get converted weights in the place of the model's own. They are
    converted anew for every explanation, so that a model in training is never asked in an older state.

    At the first call the logits of two images are compared with the plain forward's. If they differ by more than
    5 % of the largest logit, or something in the model cannot do with it, less is done to it: first its memory stays
    as it was laid out, then it is the plain forward. Either is a warning.

    Args:
        model: The classifier; it must be in evaluation mode when it is called, as it is inside an explainer.
        forward: How logits (N, classes) come from images, where ``model(images)`` does not give them.
        dtype: The low precision; ``"auto"`` for what the machine computes fastest in (:func:`low_precision`), None to
            stay in that of the weights.
        say: Who is told where less is done; by default it is a warning.

    Example:
        >>> import torchvision
        >>> from camaug import GroupCAM
        >>> model = torchvision.models.resnet18()
        >>> explanation = GroupCAM(groups=4)(model, torch.rand(2, 3, 64, 64), forward=FastForward(model))
    """

    def __init__(
        self,
        model: nn.Module,
        forward: Callable[[Tensor], Tensor] | None = None,
        *,
        dtype: torch.dtype | str | None = "auto",
        notify: Callable[[str], None] | None = None,
    ) -> None:
        if isinstance(dtype, str) and dtype != "auto":
            raise ValueError(f"`dtype` must be 'auto', a torch.dtype or None, got {dtype!r}")
        self._model = unwrap(model)
        self._forward = self.__wrapped__ = forward or self._model
        self._dtype = dtype
        self._say = notify or _warn
        self._plan: _Plan | None = None
        self._told: dict[str, Any] | None = None
        self._does_less = False
        self._weights: PreparedWeights | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        with self.prepared(images):
            assert self._plan is not None
            assert self._weights is not None
            return self._plan.run(self._forward, self._weights, images)

    @contextmanager
    def prepared(self, images: Tensor) -> Iterator[None]:
        """Convert the weights once for all calls inside, between which nobody may change them.

        Args:
            images: Some of those that it will be asked about, to try it on at the first time.
        """
        if self._weights is not None:
            yield
            return
        if self._plan is None:
            few = images[:TRIED_IMAGES]
            self._plan = self._try_plans(few) if self._told is None else self._plan_as_told(few, self._told)
        self._weights = self._plan.prepare(self._model)
        try:
            yield
        finally:
            self._weights = None

    def lay_out(self, images: Tensor) -> Tensor:
        """Images as the forward takes them soonest; the same pixels."""
        channels_last = self._plan is None or self._plan.channels_last
        return images.contiguous(memory_format=torch.channels_last) if channels_last else images

    @property
    def does_less(self) -> bool:
        """Whether less is done than could be, since more did not serve when it was tried."""
        return self._does_less

    @property
    def is_plain(self) -> bool:
        """Return True if the model's own forward runs unchanged, because nothing faster works."""
        return self._plan is not None and self._plan.is_plain

    def forget(self) -> None:
        """Try anew what serves, at the next call: a network in training answers otherwise than it did."""
        self._plan, self._told, self._does_less = None, None, False

    def state_dict(self) -> dict[str, Any]:
        """What is done; nothing where it was not tried yet."""
        if self._plan is None:
            return self._told or {}
        dtype = None if self._plan.dtype is None else str(self._plan.dtype).removeprefix("torch.")
        done = {"dtype": dtype, "channels_last": self._plan.channels_last, "folds": bool(self._plan.pairs)}
        return {**done, "does_less": self._does_less}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do what was done, without trying it again."""
        self._plan, self._told = None, state or None
        self._does_less = bool(state.get("does_less"))

    @property
    def description(self) -> str:
        """What is done, once the forward has been called: ``bfloat16, channels-last, 53 batch-norms folded``."""
        return "not tried yet" if self._plan is None else str(self._plan)

    def _plan_as_told(self, images: Tensor, told: dict[str, Any]) -> _Plan:
        pairs = find_foldable_pairs(self._model, self._forward, images[:1]) if told["folds"] else []
        dtype = None if told["dtype"] is None else getattr(torch, told["dtype"])
        return _Plan(dtype, bool(told["channels_last"]), tuple(pairs))

    def _try_plans(self, images: Tensor) -> _Plan:
        expected = self._forward(images)
        if not expected.isfinite().all():  # no fault of the fast forward
            self._does_less = True
            return _Plan(dtype=None, channels_last=False, pairs=())
        pairs = find_foldable_pairs(self._model, self._forward, images[:1])
        dtype = low_precision(images.device) if self._dtype == "auto" else self._dtype
        # A model whose weights are not float32, or that is asked inside autocast, has its precision chosen already.
        weights = next((p.dtype for p in self._model.parameters() if p.is_floating_point()), torch.float32)
        if not isinstance(dtype, torch.dtype) or weights != torch.float32:
            dtype = None
        if torch.is_autocast_enabled(images.device.type):
            dtype = torch.get_autocast_dtype(images.device.type)
        best = _Plan(dtype, channels_last=True, pairs=tuple(pairs))
        reasons = []
        for plan in (best, replace(best, channels_last=False)):
            try:
                logits = plan.run(self._forward, plan.prepare(self._model), images)
            except Exception as error:  # whatever a model may raise that was written for another layout or precision
                reasons.append(f"{plan}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
                continue
            if _agree(logits, expected):
                self._say_less_is_done(reasons, plan)
                return plan
            difference = (logits - expected).abs().max()
            reasons.append(f"{plan}: the logits differ by {difference:.3g}, the largest is {expected.abs().max():.3g}")
        plain = _Plan(dtype=None, channels_last=False, pairs=())
        self._say_less_is_done(reasons, plain)
        return plain

    def _say_less_is_done(self, reasons: list[str], plan: _Plan) -> None:
        self._does_less = bool(reasons)
        if reasons:
            name = type(self._model).__name__
            how = "unchanged" if plan.is_plain else f"with {plan}"
            self._say(f"{name} runs {how}, because a faster forward does not work for it ({'; '.join(reasons)})")


def low_precision(device: torch.device) -> torch.dtype | None:
    """The precision below float32 that a device computes faster in; None where there is none.

    On a GPU bfloat16, or float16 before the generation that has it; on a CPU bfloat16 if it multiplies in it (AVX-512
    BF16 or AMX).
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return torch.bfloat16
    return None


@dataclass(frozen=True)
class _Plan:
    """What is done to a forward."""

    dtype: torch.dtype | None
    channels_last: bool
    pairs: tuple[FoldablePair, ...]

    def __str__(self) -> str:
        folded = f"{len(self.pairs)} batch-norms folded" if self.pairs else ""
        dtype = "" if self.dtype is None else str(self.dtype).removeprefix("torch.")
        done = [what for what in (dtype, "channels-last" if self.channels_last else "", folded) if what]
        return ", ".join(done) or "nothing changed"

    @property
    def is_plain(self) -> bool:
        """Return True if nothing is done to the forward."""
        return self.dtype is None and not self.channels_last and not self.pairs

    def prepare(self, model: nn.Module) -> PreparedWeights:
        """The weights as they are now, converted."""
        return PreparedWeights(model, self.pairs, self.dtype, channels_last=self.channels_last)

    def run(self, forward: Callable[[Tensor], Tensor], weights: PreparedWeights, images: Tensor) -> Tensor:
        """The logits."""
        if self.is_plain:
            return forward(images)
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        device = images.device.type
        dtype = self.dtype or torch.get_autocast_dtype(device)
        with torch.autocast(device, dtype=dtype, enabled=self.dtype is not None), weights:
            return forward(images)


def _agree(logits: Tensor, expected: Tensor) -> bool:
    difference = (logits.float() - expected.float()).abs().max()
    return bool(difference <= TOLERANCE * expected.float().abs().max())  # False where either is NaN


def _warn(what: str) -> None:
    warnings.warn(what, stacklevel=3)
