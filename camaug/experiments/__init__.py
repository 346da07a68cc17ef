"""The paper's experiments, one a file: settings that turn a model and images into a report."""

from camaug.experiments.ablation import AblationExperiment
from camaug.experiments.base import Experiment, ImageBatch
from camaug.experiments.class_maps import ClassMapsExperiment
from camaug.experiments.insertion_deletion import InsertionDeletionExperiment
from camaug.experiments.pointing_game import PointingGameExperiment
from camaug.experiments.random_map import RandomMap
from camaug.experiments.report import Curves, Interval, Pictures, Report, Table
from camaug.experiments.run_time import RunTimeExperiment
from camaug.experiments.sanity_check import SanityCheckExperiment
from camaug.experiments.statistics import mean_interval, paired_interval
from camaug.experiments.writing import write_report

__all__ = [
    "AblationExperiment",
    "ClassMapsExperiment",
    "Curves",
    "Experiment",
    "ImageBatch",
    "InsertionDeletionExperiment",
    "Interval",
    "Pictures",
    "PointingGameExperiment",
    "RandomMap",
    "Report",
    "RunTimeExperiment",
    "SanityCheckExperiment",
    "Table",
    "mean_interval",
    "paired_interval",
    "write_report",
]
