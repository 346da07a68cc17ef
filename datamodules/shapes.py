"""`ShapesDataModule`, the built-in data: nothing to download, and known where a classifier should look."""

from __future__ import annotations

from ._shapes.drawing import SHAPES
from ._shapes.shapes_dataset import ShapesDataset
from .classification import ClassificationDataModule, Split
from .transforms import flip_transform, tensor_transform

__all__ = ["ShapesDataModule"]


class ShapesDataModule(ClassificationDataModule):
    """Shapes on textured backgrounds among distractors, drawn from a seed; there are no files.

    Testing uses pictures that are in neither of the other splits, as many as validation has.

    Args:
        train_size: number of training pictures.
        val_size: number of validation pictures.
        image_size: height and width of the pictures in pixels.
        batch_size: images in a batch, in each process.
        num_workers: processes that draw pictures.
        num_classes: how many of the eight shapes there are: disc, square, triangle, star, cross, ring, heart, crescent.
        background_bias: in training, the probability that a picture has the background family of its class, so that
            a model may learn the background instead of the shape. Validation and testing are never biased.
        seed: which of the possible data sets.
        mean: mean of each channel of images in [0, 1].
        std: standard deviation of each channel of images in [0, 1].

    Raises:
        ValueError: if an argument is impossible.

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
        super().__init__(
            train_transform=flip_transform(mean, std),
            eval_transform=tensor_transform(mean, std),
            image_size=image_size,
            mean=mean,
            std=std,
            batch_size=batch_size,
            num_workers=num_workers,
        )
        self.train_size = train_size
        self.val_size = val_size
        self.background_bias = background_bias
        self.seed = seed
        self._num_classes = num_classes
        for split in ("train", "val"):  # cheap, nothing being drawn: impossible arguments are errors here
            self.build_dataset(split)

    @property
    def classes(self) -> list[str]:
        """The names of the shapes."""
        return list(SHAPES)[: self._num_classes]

    def build_dataset(self, split: Split) -> ShapesDataset:
        """The pictures of a split."""
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
