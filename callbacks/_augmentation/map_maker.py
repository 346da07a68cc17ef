"""Making of the saliency bank's maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import lightning as L
from torch.utils.data import DataLoader, Dataset

from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.explainers import Explanation
from camaug.inspection.model_digest import model_digest
from camaug.saliency_bank.carrying_loader import view_loader
from camaug.saliency_bank.maps_at_grid import maps_at_grid
from camaug.saliency_bank.record import BankRecord
from camaug.saliency_bank.shard import Shard
from camaug.saliency_bank.untransformed import untransformed, view_size
from camaug.utils.own_generators import preserved_own_generators
from camaug.utils.preserved_random_state import preserved_random_state

from .._trainer.trainer_progress import trainer_progress
from .bank_settings import bank_settings, images_digest

__all__ = ["MapMaker"]

PIXEL_GRID = (16, 16)  # grid of the maps of explainers without a layer
DEFAULT_BATCH_SIZE = 32
BATCHES_AT_A_TIME = 8  # between which processes wait for each other, for seconds rather than a refresh


class MapMaker:
    """Maker of the training images' saliency maps, from views without random transforms.

    Args:
        trainer: The trainer.
        pl_module: The module.
        transform: The transform, whose explainer makes the maps.
        settings: Further settings that the maps depend on, in JSON's types.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        transform: GroupCamTransform,
        settings: Mapping[str, Any],
    ) -> None:
        self._trainer = trainer
        self._module = pl_module
        self._transform = transform
        self._settings = settings
        self._record: BankRecord | None = None
        self.size = (0, 0)

    def use_loader(self, loader: DataLoader[Any]) -> None:
        """Take the images from the data set of the training loader.

        Raises:
            ValueError: If the data set's transform cannot carry maps.
        """
        with preserved_random_state(), preserved_own_generators(loader.dataset):
            self.size = view_size(loader.dataset)
        self._loader = loader
        self._views: Dataset[Any] = untransformed(loader.dataset, self.size)

    @property
    def dataset(self) -> Dataset[Any]:
        """The data set of the training loader."""
        return self._loader.dataset

    @property
    def image_count(self) -> int:
        """Number of training images."""
        return len(self._views)  # type: ignore[arg-type]

    def record(self, *, deciding: bool) -> BankRecord:
        """Return the record of maps made from the model as it is now. The first call explains three images.

        Args:
            deciding: True if this explanation may decide between the fast and the plain forward. A resumed run makes
                this explanation in addition to those of the uninterrupted run, and must not decide at it.
        """
        if self._record is None:
            indices = [0, self.image_count // 2, self.image_count - 1]
            batch = next(iter(view_loader(self._loader, self._views, [indices])))
            explanation = self._explain(batch, deciding=deciding)
            settings = {
                **self._settings,
                **bank_settings(self._trainer, self._module, self._transform, self._views, self.size),
                "pixels": images_digest(self._transform.find(batch)[0]),
                "layers": list(explanation.layers),
                "enlarged": explanation.grid is not None,
            }
            grid, classes = explanation.grid or PIXEL_GRID, explanation.logits.shape[1]
            self._record = BankRecord(self.image_count, grid, classes, self._trainer.world_size, "", settings)
        return replace(self._record, model=model_digest(self._module))

    def write_shard(self, shard: Shard, *, enlarged: bool) -> Iterator[None]:
        """Make and write the maps that are missing in this process's shard, a few batches at a time, and seal it.

        Args:
            shard: The shard.
            enlarged: True if the explainer enlarges its maps from the shard's grid.
        """
        loader = self._loader
        batch_size = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None) or DEFAULT_BATCH_SIZE
        written = shard.written_rows()
        # Always the same batches, so that maps are equal to the last bit whether or not the refresh was interrupted.
        batches = [range(n, min(n + batch_size, shard.rows)) for n in range(0, shard.rows, batch_size)]
        missing = [rows for rows in batches if not written[rows.start : rows.stop].all()]
        indices = [[row * shard.world_size + shard.rank for row in rows] for rows in missing]
        loaded = zip(missing, view_loader(loader, self._views, indices), strict=True)
        making = trainer_progress(self._trainer, loaded, "saliency maps of training images", total=len(missing))
        for number, (rows, batch) in enumerate(making, 1):
            self._write(shard, rows, batch, enlarged=enlarged)
            if number % BATCHES_AT_A_TIME == 0:
                yield
        shard.seal()

    def _write(self, shard: Shard, rows: range, batch: Any, *, enlarged: bool) -> None:
        maps = self._explain(batch).maps
        if len(maps) != len(rows):
            raise ValueError(
                f"the training DataLoader's collate_fn made {len(maps)} images of {len(rows)} items, and the saliency "
                "bank cannot tell which: collate every item, or leave the bank off (refresh_every_n_epochs)"
            )
        shard.write(rows.start, maps_at_grid(maps, shard.grid, enlarged=enlarged).cpu().numpy())

    def _explain(self, batch: Any, *, deciding: bool = True) -> Explanation:
        """Explain a batch of views after everything that Lightning does to a training batch."""
        trainer = self._trainer
        batch = trainer.precision_plugin.convert_input(batch)
        batch = self._module._on_before_batch_transfer(batch, dataloader_idx=0)
        images, labels = self._transform.find(trainer.strategy.batch_to_device(batch, dataloader_idx=0))
        with trainer.precision_plugin.forward_context():
            return self._transform.explain(images, labels, deciding=deciding)
