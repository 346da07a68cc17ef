"""The paper's experiments, one a file: settings that turn a model and images into a report."""

from camaug.experiments.base import Experiment, ImageBatch
from camaug.experiments.insertion_deletion import InsertionDeletionExperiment
from camaug.experiments.random_map import RandomMap
from camaug.experiments.report import Curves, Interval, Pictures, Report, Table
from camaug.experiments.statistics import mean_interval, paired_interval
from camaug.experiments.writing import write_report

__all__ = [
    "Curves",
    "Experiment",
    "ImageBatch",
    "InsertionDeletionExperiment",
    "Interval",
    "Pictures",
    "RandomMap",
    "Report",
    "Table",
    "mean_interval",
    "paired_interval",
    "write_report",
]
