"""The Lightning side: one callback a file."""

from .cam_logger import CamLogger
from .group_cam_augmentation import GroupCamAugmentation

__all__ = ["CamLogger", "GroupCamAugmentation"]
