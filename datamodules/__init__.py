"""Where images come from: one Lightning data module per kind of source, each of which `train.py` can be pointed at.

Every module of labelled images hands out batches `(images, labels)` of normalised float images and integer labels, and
knows its `classes`, `num_classes`, `mean` and `std` right after construction; `PhotoFolder` has photos without labels.
"""

from ._boxes.boxes_dataset import BoxedBatch, BoxedImage, BoxesDataset, ObjectPair
from ._shapes.shapes_dataset import ShapesDataset
from .boxes import BoxesDataModule
from .classification import ClassificationDataModule
from .image_folder import ImageFolderDataModule
from .photo_folder import PhotoFolder
from .shapes import ShapesDataModule
from .torchvision_data import TorchvisionDataModule

__all__ = [
    "BoxedBatch",
    "BoxedImage",
    "BoxesDataModule",
    "BoxesDataset",
    "ClassificationDataModule",
    "ImageFolderDataModule",
    "ObjectPair",
    "PhotoFolder",
    "ShapesDataModule",
    "ShapesDataset",
    "TorchvisionDataModule",
]
