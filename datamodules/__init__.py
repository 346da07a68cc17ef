"""Lightning data modules, one for each kind of image source, which the command line builds by name.

Data modules of labelled images yield batches `(images, labels)` of normalised float images and integer labels, and have
their `classes`, `num_classes`, `mean` and `std` right after construction. `PhotoFolder` yields photos without labels.
"""

from ._boxes.boxed_batch import BoxedBatch, BoxedImage, ObjectPair
from ._boxes.boxes_dataset import BoxesDataset
from ._shapes.shapes_dataset import ShapesDataset
from .boxes import BoxesDataModule
from .classification import ClassificationDataModule
from .image_folder import ImageFolderDataModule
from .photo_folder import PhotoFolder
from .shapes import ShapesDataModule
from .shortcut import ShortcutDataModule
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
    "ShortcutDataModule",
    "TorchvisionDataModule",
]
