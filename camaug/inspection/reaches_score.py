"""Test of whether the logits depend on a layer's spatial positions."""

from __future__ import annotations

import itertools
import math

from torch import Tensor

from camaug.inspection.capture import replace_output
from camaug.inspection.feature_grid import FeatureGrid
from camaug.inspection.poisoned import poisoned
from camaug.inspection.trace import Call, Forward, Trace

__all__ = ["reaches_score"]


def reaches_score(forward: Forward, traced: Trace, call: Call, grid: FeatureGrid, *, poison: float = math.nan) -> bool:
    """Return True if the logits depend on the spatial positions of a call's output.

    The positions are set to NaN in one forward pass. Everything computed from them becomes NaN, whatever the weights
    are, so a head that starts at zero does not hide the dependence, and no gradient is needed.

    Args:
        forward: The function from images to logits.
        traced: The traced forward pass.
        call: A call of that forward pass.
        grid: The arrangement of the call's output.
        poison: A finite value for models that remove NaN: then the logits must differ from the traced ones.
    """
    if not isinstance(traced.logits, Tensor) or traced.logits.isnan().any():
        return True  # the logits cannot show a dependence
    calls = itertools.count()

    def fill(tensor: Tensor) -> Tensor:
        return grid.fill(tensor, poison) if next(calls) == call.index else tensor

    with poisoned(), replace_output(call.module, fill):
        try:
            logits = forward(traced.images)
        except Exception:
            return True  # a model that refuses NaN has read it
    return bool(logits.isnan().any()) if math.isnan(poison) else not logits.equal(traced.logits)
