"""`BootstrapExperiment`, the base class of the experiments with confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from camaug.experiments.experiment import Experiment
from camaug.experiments.mean_interval import mean_interval
from camaug.experiments.table import Interval

__all__ = ["BootstrapExperiment"]


@dataclass(frozen=True, kw_only=True)
class BootstrapExperiment(Experiment):
    """Experiment whose values have bootstrap confidence intervals over images.

    Args:
        confidence: Share of intervals that contain the true value, in (0, 1).
        seed: Seed of the bootstrap.
    """

    confidence: float = 0.95
    seed: int = 0

    def _interval(self, values: Tensor) -> Interval:
        return mean_interval(values, confidence=self.confidence, seed=self.seed)
