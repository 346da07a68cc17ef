"""Lightning callbacks, one a file."""

from .cam_evaluator import CamEvaluator
from .cam_logger import CamLogger
from .cam_writer import CamWriter
from .cam_zoom import CamZoom
from .experiment_runner import ExperimentRunner
from .group_cam_augmentation import GroupCamAugmentation
from .price_runner import PriceRunner
from .random_state_checkpoint import RandomStateCheckpoint
from .run_checkpoint import RunCheckpoint
from .run_recorder import RunRecorder

__all__ = [
    "CamEvaluator",
    "CamLogger",
    "CamWriter",
    "CamZoom",
    "ExperimentRunner",
    "GroupCamAugmentation",
    "PriceRunner",
    "RandomStateCheckpoint",
    "RunCheckpoint",
    "RunRecorder",
]
