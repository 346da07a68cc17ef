"""`ShapesDataModule`, built-in images that need no download and whose objects have known masks."""

from __future__ import annotations

from ._shapes.shapes_dataset import ShapesDataset
from ._shapes.signed_distances import SHAPES
from .classification import ClassificationDataModule
from .labelled_dataset import Split
from .transforms import flip_transforms

__all__ = ["ShapesDataModule"]


class ShapesDataModule(ClassificationDataModule):
    """Shapes on textured backgrounds among distractors, drawn from a seed. There are no files.

    The test images are in neither of the other splits; there are as many as validation images.

    Args:
        train_size: Number of training images.
        val_size: Number of validation images.
        image_size: Height and width of the images in pixels.
        batch_size: Images in a batch, in each process.
        num_workers: Processes that draw images.
        num_classes: Number of shapes, the first of: disc, square, triangle, star, cross, ring, heart, crescent.
        background_bias: Probability that a training image has the background family of its class, so that a model may
            learn the background instead of the shape. Validation and test images are never biased.
        seed: Seed of the images; different seeds give different data sets.
        mean: Mean of each channel of images in [0, 1].
        std: Standard deviation of each channel of images in [0, 1].

    Raises:
        ValueError: If an argument is impossible.

    Example:
        >>> data = ShapesDataModule(train_size=12, val_size=6, batch_size=6, num_workers=0)
        >>> data.setup("fit")
        >>> images, labels = next(iter(data.train_dataloader()))
        >>> images.shape, sorted(labels.tolist())[0] in range(data.num_classes)
        (torch.Size([6, 3, 96, 96]), True)
    """

    def __init__(
        self,
        train_size: int = 2000,
        val_size: int = 400,
        image_size: int = 96,
        batch_size: int = 64,
        num_workers: int = 2,
        num_classes: int = 6,
        background_bias: float = 0.0,
        seed: int = 0,
        mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
        std: tuple[float, float, float] = (0.5, 0.5, 0.5),
    ) -> None:
        super().__init__(flip_transforms(image_size, mean, std), batch_size, num_workers)
        self.train_size = train_size
        self.val_size = val_size
        self.background_bias = background_bias
        self.seed = seed
        self._num_classes = num_classes
        for split in ("train", "val"):  # cheap, since nothing is drawn yet; impossible arguments raise here
            self.build_dataset(split)

    @property
    def classes(self) -> list[str]:
        """Names of the shapes."""
        return list(SHAPES)[: self._num_classes]

    def build_dataset(self, split: Split) -> ShapesDataset:
        """Build the images of a split."""
        training = split == "train"
        return ShapesDataset(
            size=self.train_size if training else self.val_size,
            transform=self.train_transform if training else self.eval_transform,
            image_size=self.image_size,
            num_classes=self._num_classes,
            split=split,
            background_bias=self.background_bias if training else 0.0,
            seed=self.seed,
        )
