"""Group-CAM augmentation during training."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from camaug.augmentation.batch_leaves import Selector
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.augmentation.recipes import Recipe
from camaug.explainers import Explainer, as_explainer
from camaug.explainers.provenance import describe
from camaug.functional.pair_consistency import Consistency
from camaug.inspection.multi_label_loss import has_multi_label_loss
from camaug.utils.check_blur import check_blur
from camaug.utils.check_types import check_types

from ._augmentation.announce import announce
from ._augmentation.augmented_step import AugmentedStep
from ._augmentation.bank_keeper import BankKeeper
from ._augmentation.batch_augmenter import BatchAugmenter
from ._augmentation.check_layers import check_layers
from ._augmentation.check_step import check_step
from ._augmentation.consistency_loss import create_consistency
from ._augmentation.log_first_batch import log_first_batch
from ._augmentation.observed_forward import ObservedForward
from ._augmentation.presets import Preset, apply_preset
from ._augmentation.schedule import Schedule
from ._augmentation.step_time_share import StepTimeShare
from ._augmentation.unused_settings import unused_arguments
from ._logging.check_arguments import check_positive
from ._trainer.bound_forward import bind_forward
from ._trainer.has_own_forward import has_own_forward
from ._trainer.strategies import refuse_sharded

__all__ = ["GroupCamAugmentation"]


class GroupCamAugmentation(L.Callback):
    """Callback that changes training images by the saliency maps of the model in training.

    Before each training step the batch passes through :class:`camaug.GroupCamTransform`, and ``training_step`` receives
    the result. The data set's own tensors stay as they are. The first augmented batch is logged
    (``augmentation/first_batch``: original, map, mask, result), and the share of the steps' time that augmentation took
    (``augmentation/step_time_share``).

    Settings or data that cannot work are an error at the first batch. A later failure is a warning with its cause:
    training goes on with the batch as it is. A ``training_step`` that fails on the longer batches of masked views gets
    them in place of their originals. In distributed training each process augments its own images.

    Args:
        explainer: The explainer, or its name; None for the recipe's: Grad-CAM, or the paper's Group-CAM.
        share: Share of the images of each batch that are changed, in [0, 1]; None for the preset's, or the recipe's.
        start_epoch: First epoch with augmentation, counted from 0.
        stop_epoch: First epoch without it again; None for no end.
        ramp_epochs: Epochs over which the share rises in equal steps to its full value.
        blur_kernel_size: Width of the blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        recipe: Use of the maps: ``keep-salient``, ``hide-salient``, ``mask-tune``, ``salient-crop``, ``snapmix``,
            ``paired`` or a control (:class:`camaug.GroupCamTransform`), or a
            :class:`camaug.augmentation.recipe.Recipe`. None for the preset's.
        strength: Strength of the change, in [0, 1]; None for the preset's.
        consistency: Weight of the divergence between the predictions for images and for their masked views, which
            recipes with masked views add to the loss. With manual optimisation there is none.
        divergence: ``jensen-shannon``, or ``one-way`` without a gradient for the images.
        preset: Defaults of the arguments that are None: ``default`` (``hide-salient`` on half of the images), which
            gained where the data have a shortcut (``docs/results.md``); or ``paper`` (``keep-salient`` on every image).
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not. A module
            without forward needs none if its ``training_step`` calls one submodule with the images: the first batch
            shows which, and stays as it is.
        refresh_every_n_epochs: None explains the chosen images of every batch with the current model. A number keeps
            the maps of all training images in a saliency bank, which is refreshed after so many epochs, and carries
            them through the data set's random crops and flips, of torchvision's v2
            (:class:`camaug.saliency_bank.carrying_dataset.CarryingDataset`).
        bank_dir: Directory of the bank, visible to all processes; None for ``bank`` in the trainer's ``log_dir``.
        fast: True to explain by the fast forward while its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).
        images: Where a batch has its images, if they are not found: a key, an index, a path (``"0.image"``), or a
            function of the batch that returns one of its tensors.
        labels: Where a batch has its labels, in the same forms: class indices (N,) or (N, 1), truth values of a model
            with one logit, probabilities or several labels for each image (N, classes), whose maps are combined by
            their maximum. Images without a label (negative, or a row of zeros) stay as they are.
        multi_label: True if rows of labels are classes that do not exclude each other, which the consistency term then
            compares one by one, False if they are probabilities. None to find out: by a loss in the module such as
            ``nn.BCEWithLogitsLoss``, or by an image with two positive classes.

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
        divergence: Consistency = "jensen-shannon",
        preset: Preset = "default",
        forward: Callable[[L.LightningModule, Tensor], Tensor] | None = None,
        refresh_every_n_epochs: int | None = None,
        bank_dir: str | None = None,
        fast: bool = True,
        images: Selector | None = None,
        labels: Selector | None = None,
        multi_label: bool | None = None,
    ) -> None:
        self.explainer = None if explainer is None else as_explainer(explainer)
        check_types(GroupCamAugmentation.__init__, locals())
        check_blur(blur_kernel_size, blur_sigma)
        check_positive(refresh_every_n_epochs=refresh_every_n_epochs)
        if consistency < 0:
            raise ValueError(f"`consistency` must be at least 0, got {consistency}")
        self.recipe, self.share, self.strength = apply_preset(preset, recipe, share, strength)
        self.schedule = self._chosen_schedule = Schedule(self.share, start_epoch, stop_epoch, ramp_epochs)
        self.blur_kernel_size, self.blur_sigma = blur_kernel_size, blur_sigma
        self.consistency, self.divergence, self.forward, self.fast = consistency, divergence, forward, fast
        self.refresh_every_n_epochs, self.bank_dir = refresh_every_n_epochs, bank_dir
        self.images, self.labels, self.multi_label = images, labels, multi_label
        self._transform: GroupCamTransform | None = None
        self._keeper: BankKeeper | None = None
        self._bank_state: dict[str, Any] = {}
        self._observed: ObservedForward | None = None
        self._undo = ExitStack()
        self._number: int | None = None  # among those of the same recipe in a Trainer

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Create everything that works on batches, and check what can be checked without data.

        Raises:
            ValueError: If the strategy shards the model, the module's step takes a ``dataloader_iter``, or explaining
                needs ``forward=``.
        """
        refuse_sharded(trainer, self)
        self._number = _number_of(trainer, self)
        has_bank = self.refresh_every_n_epochs is not None and self.share > 0 and self.recipe.needs_maps
        explains = stage == "fit" and self.share > 0 and self.recipe.needs_maps
        check_step(pl_module, has_forward=self.forward is not None, has_bank=has_bank, explains=explains)
        if self.recipe.last_epoch_only:
            self.schedule = self._chosen_schedule.ending_with(trainer.max_epochs)
        self._observed = None if self.forward is not None or has_own_forward(pl_module) else ObservedForward()
        self._transform = _create_transform(self, pl_module, self._observed)
        if stage == "fit":
            _report_unused_arguments(self)
        if stage == "fit" and has_bank:
            self._keeper = _create_keeper(self, trainer, pl_module, self._transform)
        self._augment = BatchAugmenter(trainer, self._transform, self._keeper)
        consistency = create_consistency(pl_module, self.recipe, self.consistency, self.forward, self.divergence)
        self._step = AugmentedStep(trainer, pl_module, self._transform, consistency, self._observed)
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
        if self._keeper is not None:
            self._keeper.prepare(trainer.current_epoch, is_active=self.schedule.is_active(trainer.current_epoch))

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Augment the batch."""
        self._step.source = batch
        if self._observed is not None and not self._observed.is_known:
            return
        source = _batch_before(trainer, self, batch)
        if not self._is_begun and self.share > 0:
            deciding = not self._is_resumed  # an uninterrupted run decides nothing here
            every, transform = self.refresh_every_n_epochs, self._augment.transform
            announce(trainer, transform, self.schedule, source, refresh_every_n_epochs=every, deciding=deciding)
        self._is_begun = True
        self._time.start_step()
        self._step.is_due = self.schedule.is_active(trainer.current_epoch) and not self._step.is_refused
        if not self._step.is_due:
            return
        with self._time.augmenting(), trainer.precision_plugin.forward_context():
            self._step.augmented = self._augment(source, self.schedule.share_in(trainer.current_epoch))
        if self._step.augmented is not None and not self._is_first_logged and len(self._step.augmented.index):
            self._is_first_logged = True
            log_first_batch(trainer, self._augment.transform.find(source)[0], self._step.augmented)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Delete the augmented batch."""
        self._step.clear()
        if self._is_begun:
            self._augment.is_first = False
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

    @property
    def state_key(self) -> str:
        """Key of the callback's state in checkpoints, another one for each recipe, and for each of the same recipe."""
        if self._number is None:  # a new Trainer refuses equal keys
            return self._generate_state_key(recipe=self.recipe.name, id=id(self))
        number = {"number": self._number} if self._number else {}
        return self._generate_state_key(recipe=self.recipe.name, **number)

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

    def _close_bank(self) -> None:
        if self._keeper is not None:
            self._bank_state = self._keeper.state_dict()  # for checkpoints that are saved after training
            self._keeper.close()
        self._keeper = None


def _report_unused_arguments(callback: GroupCamAugmentation) -> None:
    parameters = inspect.signature(GroupCamAugmentation).parameters.values()
    values = {each.name: getattr(callback, each.name, each.default) for each in parameters}
    given = {each.name: values[each.name] for each in parameters if values[each.name] != each.default}
    for sentence in unused_arguments(callback.recipe, given):
        rank_zero_info(f"GroupCamAugmentation: {sentence}")


def _create_transform(
    callback: GroupCamAugmentation, pl_module: L.LightningModule, observed: ObservedForward | None
) -> GroupCamTransform:
    transform = GroupCamTransform(
        pl_module,
        callback.explainer,
        recipe=callback.recipe,
        strength=callback.strength,
        share=callback.share,
        blur_kernel_size=callback.blur_kernel_size,
        blur_sigma=callback.blur_sigma,
        forward=observed or bind_forward(callback.forward, pl_module),
        fast=callback.fast,
        images=callback.images,
        labels=callback.labels,
        multi_label=has_multi_label_loss(pl_module) or None if callback.multi_label is None else callback.multi_label,
    )
    transform.explaining.notify = lambda sentence: rank_zero_info(f"GroupCamAugmentation: {sentence}")
    return transform


def _create_keeper(
    callback: GroupCamAugmentation, trainer: L.Trainer, pl_module: L.LightningModule, transform: GroupCamTransform
) -> BankKeeper:
    assert callback.refresh_every_n_epochs is not None
    start_epoch, settings = callback.schedule.start_epoch, {"forward": describe(callback.forward)}
    every_n_epochs = callback.refresh_every_n_epochs
    return BankKeeper(trainer, pl_module, transform, every_n_epochs, start_epoch, callback.bank_dir, settings)


def _number_of(trainer: L.Trainer, callback: GroupCamAugmentation) -> int:
    """Return how many augmentations of the same recipe the Trainer lists before this one."""
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    before = callbacks[: callbacks.index(callback)] if callback in callbacks else []
    same = [each for each in before if isinstance(each, GroupCamAugmentation)]
    return sum(each.recipe.name == callback.recipe.name for each in same)


def _batch_before(trainer: L.Trainer, callback: GroupCamAugmentation, batch: Any) -> Any:
    """Return the batch that the augmentation before this one made of a batch, or the batch itself."""
    callbacks = [each for each in trainer.callbacks if isinstance(each, GroupCamAugmentation)]  # type: ignore[attr-defined]
    before = [each._step.augmented for each in callbacks[: callbacks.index(callback)]]
    return next((augmented.batch for augmented in reversed(before) if augmented is not None), batch)
