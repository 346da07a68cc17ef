"""Group-CAM augmentation during training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels, find_labelled_images
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.augmentation.recipes import Recipe
from camaug.explainers import Explainer, as_explainer
from camaug.explainers.provenance import describe

from ._augmentation.announce import announce
from ._augmentation.augmented_step import AugmentedStep
from ._augmentation.bank_keeper import BankKeeper
from ._augmentation.batch_augmenter import BatchAugmenter
from ._augmentation.check_layers import check_layers
from ._augmentation.consistency_loss import ConsistencyLoss
from ._augmentation.log_first_batch import log_first_batch
from ._augmentation.presets import Preset, apply_preset
from ._augmentation.schedule import Schedule
from ._augmentation.step_time_share import StepTimeShare
from ._augmentation.warn_of_several_classes import warn_of_several_classes
from ._trainer.bound_forward import bind_forward
from ._trainer.strategies import refuse_sharded

__all__ = ["GroupCamAugmentation"]


class GroupCamAugmentation(L.Callback):
    """Callback that changes training images by the saliency maps of the model in training.

    Before each training step the batch passes through :class:`camaug.GroupCamTransform`, and ``training_step`` receives
    the result. The data set's own tensors stay as they are. The first augmented batch is logged as an image
    (``augmentation/first_batch``: original, map, mask, result), and in every epoch the share of the steps' time that
    augmentation took (``augmentation/step_time_share``).

    Settings or data that cannot work are an error at the first batch. A later failure, such as exhausted memory, is a
    warning with its traceback: training goes on with the batch as it is, and the next batch is tried again. In
    distributed training each process augments its own images. (The class has more than 200 lines because it has many
    arguments; apart from them it holds hooks alone.)

    Args:
        explainer: The explainer that finds the saliency, or its name. None is the paper's choice: Group-CAM with 16
            groups, unweighted and without de-noising, 18 forward passes for each image and no backward pass.
        share: Share of the images of each batch that are changed, in [0, 1]; None for the preset's.
        start_epoch: First epoch with augmentation, counted from 0.
        stop_epoch: First epoch without it again; None for no end.
        ramp_epochs: Epochs over which the share rises in equal steps to its full value.
        blur_kernel_size: Width of the blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        recipe: Use of the maps: ``keep-salient``, ``hide-salient``, ``mix`` or ``paired``, a control
            (``blur-everything``, ``random-mask``, ``shuffled-maps``, ``paired-random``), or a
            :class:`camaug.augmentation.recipe.Recipe`. None for the preset's. With ``mix`` the labels become
            probabilities, which ``cross_entropy`` accepts.
        strength: Strength of the change, in [0, 1]; None for the preset's.
        consistency: Weight of the term that recipes with masked views add to the loss: the Jensen-Shannon divergence
            between the predictions for the images and for their masked views.
        preset: Defaults of the arguments that are None: ``default`` (``paired`` on half of the images), the nearest to
            a gain in the comparisons of ``docs/results.md``; or ``paper`` (``keep-salient`` on every image).
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not.
        refresh_every_n_epochs: None explains the chosen images of every batch with the current model. A number keeps
            the maps of all training images in a saliency bank, which is refreshed after so many epochs, and carries
            them through the data set's random crops and flips. This needs transforms of torchvision's v2
            (:class:`camaug.saliency_bank.carrying_dataset.CarryingDataset`). ``augmentation/bank_iou`` is the IoU of
            carried and exact masks, ``augmentation/bank_staleness_iou`` the IoU of successive refreshes.
        bank_dir: Directory of the bank, visible to all processes; None for ``bank`` in the trainer's ``log_dir``.
        fast: True to explain by the fast forward while its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> augmentation = GroupCamAugmentation(share=0.5, start_epoch=2)
        >>> trainer = L.Trainer(callbacks=[augmentation], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(
        self,
        explainer: str | Explainer | None = None,
        share: float | None = None,
        start_epoch: int = 0,
        stop_epoch: int | None = None,
        blur_kernel_size: int = 51,
        blur_sigma: float = 50.0,
        recipe: str | Recipe | None = None,
        strength: float | None = None,
        ramp_epochs: int = 0,
        consistency: float = 1.0,
        preset: Preset = "default",
        forward: Callable[[L.LightningModule, Tensor], Tensor] | None = None,
        refresh_every_n_epochs: int | None = None,
        bank_dir: str | None = None,
        fast: bool = True,
    ) -> None:
        if refresh_every_n_epochs is not None and refresh_every_n_epochs < 1:
            raise ValueError(
                "`refresh_every_n_epochs` must be at least 1, or None for no saliency bank, got "
                f"{refresh_every_n_epochs}"
            )
        if consistency < 0:
            raise ValueError(f"`consistency` must be at least 0, got {consistency}")
        self.recipe, self.share, self.strength = apply_preset(preset, recipe, share, strength)
        self.schedule = Schedule(self.share, start_epoch, stop_epoch, ramp_epochs)
        self.explainer = None if explainer is None else as_explainer(explainer)
        self.consistency = consistency
        self.blur_kernel_size = blur_kernel_size
        self.blur_sigma = blur_sigma
        self.forward = forward
        self.refresh_every_n_epochs = refresh_every_n_epochs
        self.bank_dir = bank_dir
        self.fast = fast
        self._transform: GroupCamTransform | None = None
        self._keeper: BankKeeper | None = None
        self._bank_state: dict[str, Any] = {}
        self._undo = ExitStack()

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Create everything that works on batches, and check what can be checked without data.

        Raises:
            ValueError: If the strategy shards the model, or a module with manual optimisation would get a loss term.
        """
        refuse_sharded(trainer, self)
        self._transform = self._create_transform(pl_module)
        has_term = self.recipe.adds_masked_views and self.consistency > 0
        consistency = ConsistencyLoss(pl_module, self.consistency, self.forward) if has_term else None
        if stage == "fit" and self.refresh_every_n_epochs is not None and self.share > 0 and self.recipe.needs_maps:
            self._keeper = BankKeeper(
                trainer,
                pl_module,
                self._transform,
                self.refresh_every_n_epochs,
                self.schedule.start_epoch,
                self.bank_dir,
                {"forward": describe(self.forward)},
            )
        self._augment = BatchAugmenter(trainer, self._transform, self._keeper)
        self._step = AugmentedStep(pl_module, consistency)
        self._is_begun = self._is_resumed = self._is_first_logged = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Install the augmented ``training_step``, and start measuring time."""
        check_layers(self._augment.transform.explainer, pl_module)
        self._undo.enter_context(self._step.installed())
        self._time = StepTimeShare(pl_module.device)
        if trainer.fit_loop.restarted_mid_epoch:  # the epoch's start came before the checkpoint
            self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Prepare the saliency bank for this epoch."""
        if self._keeper is None:
            return
        if self.schedule.is_active(trainer.current_epoch):
            self._keeper.prepare(trainer.current_epoch)
        else:
            self._keeper.pause()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Augment the batch."""
        if not self._is_begun:
            self._begin(trainer, batch)
        self._time.start_step()
        if not self.schedule.is_active(trainer.current_epoch):
            return
        with self._time.augmenting(), trainer.precision_plugin.forward_context():
            self._step.augmented = self._augment(batch, self.schedule.share_in(trainer.current_epoch))
        if self._step.augmented is not None and not self._is_first_logged and len(self._step.augmented.index):
            self._is_first_logged = True
            log_first_batch(trainer, find_images_and_labels(batch).images, self._step.augmented)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Delete the augmented batch."""
        self._step.clear()
        self._time.end_step()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the share of the steps' time, and the share of the images if it rises."""
        pl_module.log("augmentation/step_time_share", self._time.read())
        if self.schedule.ramp_epochs:
            pl_module.log("augmentation/share", self.schedule.share_in(trainer.current_epoch))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the ``training_step``."""
        self._undo.close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Restore the ``training_step`` and the training data loader."""
        self._undo.close()
        self._close_bank()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Restore the training data loader."""
        self._close_bank()

    def state_dict(self) -> dict[str, Any]:
        """Return which maps of the bank are in use, and the choice between the fast and the plain forward."""
        bank = self._bank_state if self._keeper is None else self._keeper.state_dict()
        return {"bank": bank, "explaining": {} if self._transform is None else self._transform.explaining.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Use the maps of the interrupted run, and explain as it did."""
        self._is_resumed = True
        if self._keeper is not None:
            self._keeper.load_state_dict(state_dict.get("bank", {}))
        if self._transform is not None:
            self._transform.explaining.load_state_dict(state_dict.get("explaining", {}))

    def _create_transform(self, pl_module: L.LightningModule) -> GroupCamTransform:
        transform = GroupCamTransform(
            pl_module,
            self.explainer,
            recipe=self.recipe,
            strength=self.strength,
            share=self.share,
            blur_kernel_size=self.blur_kernel_size,
            blur_sigma=self.blur_sigma,
            forward=bind_forward(self.forward, pl_module),
            fast=self.fast,
        )
        transform.explaining.notify = lambda sentence: rank_zero_info(f"GroupCamAugmentation: {sentence}")
        return transform

    def _begin(self, trainer: L.Trainer, batch: Any) -> None:
        """Check the first batch, and announce what augmentation does and costs."""
        self._is_begun = True
        if self.share == 0:
            return
        images, labels = find_labelled_images(batch)
        warn_of_several_classes(labels)
        announce(
            trainer,
            self._augment.transform,
            self.schedule,
            images,
            labels,
            refresh_every_n_epochs=self.refresh_every_n_epochs,
            deciding=not self._is_resumed,  # an uninterrupted run decides nothing here
        )

    def _close_bank(self) -> None:
        if self._keeper is not None:
            self._bank_state = self._keeper.state_dict()  # for checkpoints that are saved after training
            self._keeper.close()
        self._keeper = None
