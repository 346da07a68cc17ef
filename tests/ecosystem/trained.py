"""A short training run with both callbacks, and what it logged."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from torch import Tensor

from camaug.augmentation.batch_leaves import batch_leaves
from camaug.augmentation.recipes.paired import Paired
from camaug.callbacks import CamLogger, GroupCamAugmentation
from camaug.tensorboard.data_source import DataSource, Series
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from tests.ecosystem.squares import CLASSES
from tests.events import read_events
from tests.toys import quiet_trainer

EPOCHS = 2
IMAGES = 6
EXPECTED = (
    "not to be trusted",  # of heatmaps, after a few steps of training
    "`isinstance(treespec, LeafSpec)` is deprecated",  # by Lightning 2.6
)
"""Parts of the warnings that a run may show."""


@dataclass(frozen=True)
class Trained:
    """Result of a training run.

    Attributes:
        trainer: The Trainer.
        folder: Folder of the event files.
        before: Images of each batch that Lightning passed to the training step.
        seen: Images of each batch that the step received.
        messages: Unexpected warnings, of whatever package.
    """

    trainer: L.Trainer
    folder: Path
    before: list[Tensor]
    seen: list[Tensor]
    messages: list[str]

    def check(self, classes: Collection[str] = CLASSES, *, appends: bool = True) -> None:
        """Assert that training ended, heatmaps of the classes were logged, and the training images were augmented.

        Args:
            classes: Names in the images' tags; empty for images without labels.
            appends: True if masked views are appended, False if they replace their originals.
        """
        assert self.messages == [], "\n".join(self.messages)
        assert self.trainer.current_epoch == EPOCHS
        assert all(torch.isfinite(parameter).all() for parameter in self.trainer.lightning_module.parameters())
        events = read_events(self.folder)
        tags = [tag.split("/") for tag in events.Tags()["images"] if tag.startswith("cam/") and tag != "cam/overview"]
        assert len(tags) == IMAGES
        assert {tag[1] for tag in tags if len(tag) == 3} == set(classes)
        assert len(events.Images("cam/overview")) == EPOCHS
        self.check_maps()
        self.check_augmentation(appends=appends)
        scalars = events.Tags()["scalars"]
        assert "augmentation/step_time_share" in scalars
        assert ("augmentation/consistency" in scalars) == appends

    def check_maps(self) -> None:
        """Assert that every image has a map in every epoch, and that few maps are constant."""
        multiplexer = EventMultiplexer(tensor_size_guidance={"camaug": 0})
        multiplexer.AddRunsFromDirectory(str(self.folder))
        source = DataSource(MultiplexerReader(multiplexer.Reload()))
        (run,) = source.runs()["runs"]
        series = Series(run["run"], run["prefix"], run["method"])
        probes = [str(probe["id"]) for probe in source.snapshots(series)["probes"]]
        response = source.maps(series, probes)
        assert not response["errors"]
        ranges = [first for maps in response["maps"].values() for first, *_ in maps["ranges"]]  # of the predicted class
        assert len(ranges) == EPOCHS * IMAGES
        varying = [high > low for low, high in ranges]
        assert sum(varying) >= 0.75 * len(ranges), ranges

    def check_augmentation(self, *, appends: bool) -> None:
        """Assert that most steps received changed images. A batch without a chosen image stays as it is."""
        assert len(self.before) == len(self.seen) > 0
        changed = 0
        for before, seen in zip(self.before, self.seen, strict=True):
            views = seen[len(before) :] if appends else seen
            assert appends or len(seen) == len(before)
            changed += any((view != before).flatten(1).any(dim=1).all() for view in views)
        assert changed >= len(self.seen) / 2, f"{changed} of {len(self.seen)} batches have a changed image"


def train(
    folder: Path,
    module: L.LightningModule,
    *data: Any,
    find_images: Callable[[Any], Tensor] | None = None,
    logger: Any = None,
    package: Any = L,
    logging: dict[str, Any] | None = None,
    augmentation: dict[str, Any] | None = None,
    **settings: Any,
) -> Trained:
    """Train two epochs with ``CamLogger`` and ``GroupCamAugmentation``, by default with appended masked views.

    Args:
        folder: Folder of the logs.
        module: The module.
        data: Training data and validation data, or a data module.
        find_images: A function from a batch to its images; None for the first tensor of images.
        logger: A logger beside TensorBoard.
        package: ``lightning`` or ``pytorch_lightning``, whichever the module belongs to.
        logging: Arguments of ``CamLogger`` alone.
        augmentation: Arguments of the augmentation alone.
        settings: Arguments of both callbacks.
    """
    find = find_images or first_images
    recorder = BatchRecorder(find)
    seen = record_steps(module, find)
    usual = {"recipe": Paired(view="keep-salient"), "blur_kernel_size": 7, "blur_sigma": 4.0}
    callbacks = [
        CamLogger(num_images=IMAGES, **settings, **(logging or {})),
        recorder,
        GroupCamAugmentation(**usual | settings | (augmentation or {})),
    ]
    own = {} if package is L else {"logger": package.loggers.TensorBoardLogger(folder, "run", version="0")}
    trainer = quiet_trainer(folder, *callbacks, trainer_class=package.Trainer, **own)
    if logger is not None:
        trainer.loggers = [*trainer.loggers, logger]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(module, *data)
    texts = [str(warning.message) for warning in caught]
    messages = [text for text in texts if not any(expected in text for expected in EXPECTED)]
    return Trained(trainer, folder / "run" / "0", recorder.batches, seen, messages)


def first_images(batch: Any) -> Tensor:
    """Return a copy of the first tensor of images in a batch."""
    images = next(leaf.tensor for leaf in batch_leaves(batch) if leaf.tensor.dim() == 4)
    return images.detach().as_subclass(Tensor).clone()


def record_steps(module: L.LightningModule, find: Callable[[Any], Tensor]) -> list[Tensor]:
    """Return a list to which every training step of the module adds its images."""
    seen: list[Tensor] = []
    base = type(module)

    class Recorded(base):
        def training_step(self, batch, *args, **kwargs):
            if self.trainer.training:  # not where a validation step calls it
                seen.append(find(batch))
            return base.training_step(self, batch, *args, **kwargs)

    module.__class__ = Recorded
    return seen


class BatchRecorder(L.Callback):
    """Callback that records the images of each batch as the Trainer passes them on."""

    def __init__(self, find: Callable[[Any], Tensor]) -> None:
        self.find = find
        self.batches: list[Tensor] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.batches.append(self.find(batch))
