"""Metrics of heatmaps: TorchMetrics classes, each with its functional form."""

from camaug.metrics.average_drop import AverageDrop, confidence_drop
from camaug.metrics.border_energy import BorderEnergy, border_area, border_energy
from camaug.metrics.drift import Drift, rank_correlation, top_overlap
from camaug.metrics.energy_in_mask import EnergyInMask, energy_in_mask
from camaug.metrics.grid_pointing_game import GridPointingGame, choose_mosaics, energy_in_cell, mosaic, mosaic_maps
from camaug.metrics.insertion_deletion import (
    InsertionDeletion,
    area_under,
    insertion_deletion_curves,
    score_curves,
)
from camaug.metrics.pointing_game import PointingGame, boxes_to_masks, points_at
from camaug.metrics.position_bias import PositionBias, position_bias
from camaug.metrics.road import ROAD, noisy_linear_imputation
from camaug.metrics.trust import Trust, are_constant, centre_bias, class_similarity, head_similarity, runner_up
from camaug.metrics.worst_group_accuracy import WorstGroupAccuracy, count_correct

__all__ = [
    "AverageDrop",
    "BorderEnergy",
    "Drift",
    "GridPointingGame",
    "InsertionDeletion",
    "EnergyInMask",
    "PointingGame",
    "PositionBias",
    "ROAD",
    "Trust",
    "WorstGroupAccuracy",
    "are_constant",
    "area_under",
    "border_area",
    "border_energy",
    "boxes_to_masks",
    "centre_bias",
    "choose_mosaics",
    "class_similarity",
    "confidence_drop",
    "count_correct",
    "head_similarity",
    "insertion_deletion_curves",
    "energy_in_cell",
    "energy_in_mask",
    "mosaic",
    "mosaic_maps",
    "noisy_linear_imputation",
    "points_at",
    "position_bias",
    "rank_correlation",
    "runner_up",
    "score_curves",
    "top_overlap",
]
