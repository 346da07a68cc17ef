"""The Lightning side: one callback a file."""

from .cam_logger import CamLogger
from .cam_writer import CamWriter
from .group_cam_augmentation import GroupCamAugmentation

__all__ = ["CamLogger", "CamWriter", "GroupCamAugmentation"]
