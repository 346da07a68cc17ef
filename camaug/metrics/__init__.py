"""Attention as figures: TorchMetrics metrics, each beside its functional twin."""

from camaug.metrics.average_drop import AverageDrop, confidence_drop
from camaug.metrics.drift import Drift, rank_correlation, top_overlap
from camaug.metrics.grid_pointing_game import GridPointingGame, choose_mosaics, mass_in_cell, mosaic
from camaug.metrics.insertion_deletion import InsertionDeletion, area_under, pixel_ranks, score_curves
from camaug.metrics.mass_in_mask import MassInMask, mass_in_mask
from camaug.metrics.pointing_game import PointingGame, boxes_to_masks, points_at
from camaug.metrics.road import ROAD, noisy_linear_imputation

__all__ = [
    "AverageDrop",
    "Drift",
    "GridPointingGame",
    "InsertionDeletion",
    "MassInMask",
    "PointingGame",
    "ROAD",
    "area_under",
    "boxes_to_masks",
    "choose_mosaics",
    "confidence_drop",
    "mass_in_cell",
    "mass_in_mask",
    "mosaic",
    "noisy_linear_imputation",
    "pixel_ranks",
    "points_at",
    "rank_correlation",
    "score_curves",
    "top_overlap",
]
