"""Attention as figures: TorchMetrics metrics, each beside its functional twin."""

from camaug.metrics.drift import Drift, rank_correlation, top_overlap
from camaug.metrics.mass_in_mask import MassInMask, mass_in_mask

__all__ = ["Drift", "MassInMask", "mass_in_mask", "rank_correlation", "top_overlap"]
