"""The paper's experiments: settings that turn a model and images into a report, one experiment a file."""

from camaug.experiments.ablation import AblationExperiment
from camaug.experiments.class_maps import ClassMapsExperiment
from camaug.experiments.experiment import Experiment
from camaug.experiments.image_batch import ImageBatch
from camaug.experiments.insertion_deletion import InsertionDeletionExperiment
from camaug.experiments.mean_interval import mean_interval, paired_interval
from camaug.experiments.pointing_game import PointingGameExperiment
from camaug.experiments.random_map import RandomMap
from camaug.experiments.report import Curves, Report, ReportImage
from camaug.experiments.run_time import RunTimeExperiment
from camaug.experiments.sanity_check import SanityCheckExperiment
from camaug.experiments.table import Cell, Interval, Table
from camaug.experiments.write_report import write_report

__all__ = [
    "AblationExperiment",
    "Cell",
    "ClassMapsExperiment",
    "Curves",
    "Experiment",
    "ImageBatch",
    "InsertionDeletionExperiment",
    "Interval",
    "PointingGameExperiment",
    "RandomMap",
    "Report",
    "ReportImage",
    "RunTimeExperiment",
    "SanityCheckExperiment",
    "Table",
    "mean_interval",
    "paired_interval",
    "write_report",
]
