"""Group-CAM augmentation inside training."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.explainers import Explainer, as_explainer
from camaug.explainers.fast_path import COMPARED_IMAGES
from camaug.explainers.provenance import describe
from camaug.functional.recipes import NEED_NO_MAPS, WITH_MASKED_VIEWS, Recipe, check_recipe
from camaug.images.render import caption, colorize, denormalise, enlarge, grid, row
from camaug.inspection.resolve_layer import resolve_layer
from camaug.inspection.sharded_weights import whole_weights

from ._augmentation.bank_keeper import BankKeeper
from ._augmentation.consistency import Consistency
from ._augmentation.expected_cost import expected_cost
from ._logging.find_normalisation import Normalisation, find_normalisation
from ._logging.write_image import write_image
from ._trainer.bound_forward import bind_forward
from ._trainer.stages import end_if_terminated
from ._trainer.stopwatch import Stopwatch
from ._trainer.strategies import refuse_sharded
from ._trainer.training_step import wrap_training_step

__all__ = ["GroupCamAugmentation", "PRESETS", "Preset"]

Preset = Literal["default", "paper"]
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {"recipe": "paired", "share": 0.5, "strength": 1.0},
    "paper": {"recipe": "keep-salient", "share": 1.0, "strength": 1.0},
}
FIRST_BATCH_IMAGES = 8
SMALLEST_SIDE = 128


class GroupCamAugmentation(L.Callback):
    """Trains with images whose unimportant pixels are blurred away, the model itself deciding which those are.

    Before each training step the batch's images pass through :class:`camaug.GroupCamTransform`, and the
    ``training_step`` gets a batch with the new ones. The data set's own tensors are never written to. The first
    augmented batch is logged as a picture (``augmentation/first_batch``: original, map, mask, result), and every epoch
    the share of the steps' time that the augmentation took (``augmentation/step_time_share``).

    What cannot work is an error at the first batch. A failure after that, such as memory or a disk that is exhausted,
    is one warning with its traceback: the training goes on with the batch as it is, and the next one is tried again. On
    several processes each augments its own images, and a failure of one is a matter of its own batch.

    Args:
        explainer: What finds the saliency: an explainer, or the name of one. None is the paper's choice: Group-CAM
            with 16 groups, without weights and without de-noising, 18 forward passes an image and no backward pass.
        share: Share of the images of each batch that are augmented, in [0, 1]; None as the preset says.
        start_epoch: First epoch with augmentation, counted from 0.
        stop_epoch: First epoch without it again; None for no end.
        ramp_epochs: Epochs over which the share rises in equal steps to its full value.
        blur_kernel_size: Width of the blur in pixels, odd.
        blur_sigma: Standard deviation of the blur in pixels.
        recipe: What the map is used for: ``keep-salient``, ``hide-salient``, ``mix`` or ``paired``, or one of the
            controls ``blur-everything``, ``random-mask``, ``shuffled-maps`` and ``paired-random``
            (:class:`camaug.GroupCamTransform`). None as the preset says. With ``mix`` the ``training_step``
            gets labels that are probabilities, as ``cross_entropy`` takes them.
        strength: How much of the change is made, in [0, 1]; None as the preset says.
        consistency: With twins, the weight of the term that is added to the loss: the Jensen-Shannon divergence
            between the predictions for the images and for their masked views
            (:func:`camaug.functional.recipes.pair_consistency`).
        preset: What stands for arguments that are None, which are the stronger where they are given: ``paper``, the
            published setting (``keep-salient`` on every image, at full strength); or ``default``, which came closest
            to a gain in the comparisons of ``docs/results.md`` (``paired``, half of the images).
        forward: ``forward(module, images)`` gives logits, for a LightningModule whose own forward does not.
        refresh_every_n_epochs: None explains the chosen images of every batch by the model as it is. A number keeps
            each training image's map in a bank, made anew every so many epochs from ``start_epoch`` on and carried
            through the data set's random crops and flips: steps then cost a blur. Needs transforms of torchvision's
            v2 (:class:`camaug.saliency_bank.carrying_dataset.CarryingDataset`). ``augmentation/bank_iou`` is
            the IoU of carried and exact masks, ``augmentation/bank_staleness_iou`` the IoU of two refreshes.
        bank_dir: Where the bank is, seen by all processes; None for ``bank`` in the trainer's ``log_dir``.
        fast: Whether images are explained by the fast forward, as long as its maps agree with the plain ones
            (:class:`camaug.explainers.fast_path.FastPath`).

    Raises:
        ValueError: If an argument is out of range, or the explainer's name is unknown.

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
        recipe: Recipe | None = None,
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
        if start_epoch < 0:
            raise ValueError(f"`start_epoch` must be at least 0, got {start_epoch}")
        if stop_epoch is not None and stop_epoch <= start_epoch:
            raise ValueError(f"`stop_epoch` must be after `start_epoch` ({start_epoch}), or None, got {stop_epoch}")
        if ramp_epochs < 0 or ramp_epochs != int(ramp_epochs) or consistency < 0:
            raise ValueError(
                "`ramp_epochs` must be a whole number and `consistency` a number of at least 0, got "
                f"{ramp_epochs} and {consistency}"
            )
        if preset not in PRESETS:
            raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}, got {preset!r}")
        given = {"recipe": recipe, "share": share, "strength": strength}
        chosen = {**PRESETS[preset], **{name: value for name, value in given.items() if value is not None}}
        check_recipe(**chosen)
        self.recipe: Recipe = chosen["recipe"]
        self.share: float = chosen["share"]
        self.strength: float = chosen["strength"]
        self.explainer = None if explainer is None else as_explainer(explainer)
        self.ramp_epochs = ramp_epochs
        self.consistency = Consistency(consistency)
        self.start_epoch = start_epoch
        self.stop_epoch = stop_epoch
        self.blur_kernel_size = blur_kernel_size
        self.blur_sigma = blur_sigma
        self.forward = forward
        self.refresh_every_n_epochs = refresh_every_n_epochs
        self.bank_dir = bank_dir
        self.fast = fast
        self._keeper: BankKeeper | None = None
        self._bank_state: dict[str, Any] = {}
        self._transform: GroupCamTransform | None = None
        self._augmented: Any | None = None
        self._masked_views = torch.empty(0, dtype=torch.int64)
        self._undo: list[Callable[[], None]] = []
        self._pictured = False
        self._checked = False
        self._resumed = False
        self._warned: set[str] = set()

    # Lightning's hooks

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Make the transform, and check what can be checked before there are data.

        Raises:
            ValueError: If the strategy shards the model, or a loss that is not Lightning's to end is to get a term.
        """
        refuse_sharded(trainer, self)
        if self.recipe in WITH_MASKED_VIEWS and self.consistency.weight > 0 and not pl_module.automatic_optimization:
            raise ValueError(
                "GroupCamAugmentation with masked views adds a term to the loss that training_step returns, and this "
                "module uses manual optimisation: set consistency=0 and add "
                "camaug.functional.recipes.pair_consistency yourself"
            )
        self._pictured = self._checked = self._resumed = False
        self._transform = GroupCamTransform(
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
        self._transform.explaining.notify = lambda what: rank_zero_info(f"GroupCamAugmentation: {what}")
        needs_maps = self.share > 0 and self.recipe not in NEED_NO_MAPS
        if stage == "fit" and self.refresh_every_n_epochs is not None and needs_maps:
            self._keeper = BankKeeper(
                trainer,
                pl_module,
                self._transform,
                self.refresh_every_n_epochs,
                self.start_epoch,
                self.bank_dir,
                {"forward": describe(self.forward)},
            )

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stand between Lightning and the ``training_step``, and begin to measure time."""
        named = getattr(self._bound_transform.explainer, "layer", None)
        for layer in named if isinstance(named, tuple) else (named,):
            if isinstance(layer, str):
                resolve_layer(pl_module, layer, torch.empty(0))
        self._stand_before(pl_module)
        self._augmentation_time = Stopwatch(pl_module.device)
        self._step_time = Stopwatch(pl_module.device)
        if trainer.fit_loop.restarted_mid_epoch:  # whose on_train_epoch_start was before the checkpoint
            self._keep_bank(trainer)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Have the maps of this epoch ready, where there is a bank."""
        self._keep_bank(trainer)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Augment the batch."""
        if not self._checked:
            self._check(trainer, batch)
        self._step_time.start()
        if self._is_active(trainer.current_epoch):
            with self._augmentation_time.running(), trainer.precision_plugin.forward_context():
                self._augmented = self._try_to_augment(trainer, batch)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Let go of the augmented batch."""
        self._augmented = None
        self.consistency.forget()
        self._step_time.stop()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the share of the steps' time that the augmentation took."""
        spent, total = self._augmentation_time.read(), self._step_time.read()
        pl_module.log("augmentation/step_time_share", spent / total if total > 0 else 0.0)
        if self.ramp_epochs:
            active = self._is_active(trainer.current_epoch)
            pl_module.log("augmentation/share", self._share_in(trainer.current_epoch) if active else 0.0)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Give the ``training_step`` back as it was."""
        self._let_go()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Give the ``training_step`` and the training data back as they were."""
        self._let_go()
        self._close_bank()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Give the training data back as they were."""
        self._close_bank()

    def state_dict(self) -> dict[str, Any]:
        """Which maps of the bank are in use, and whether they are made the fast way."""
        bank = self._bank_state if self._keeper is None else self._keeper.state_dict()
        return {"bank": bank, "explaining": {} if self._transform is None else self._transform.explaining.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Use the very maps that the interrupted run used, made as it made them."""
        self._resumed = True
        if self._keeper is not None:
            self._keeper.load_state_dict(state_dict.get("bank", {}))
        if self._transform is not None:
            self._transform.explaining.load_state_dict(state_dict.get("explaining", {}))

    # The work, on every process for its own images

    @property
    def _bound_transform(self) -> GroupCamTransform:
        assert self._transform is not None, "setup comes first"
        return self._transform

    def _is_active(self, epoch: int) -> bool:
        return self.share > 0 and self.start_epoch <= epoch and (self.stop_epoch is None or epoch < self.stop_epoch)

    @property
    def _asks_the_model(self) -> bool:
        """Whether some process may explain this batch; on every process alike."""
        return self.recipe not in NEED_NO_MAPS and (self._keeper is None or self._keeper.is_to_be_measured)

    def _share_in(self, epoch: int) -> float:
        return self.share * min(1.0, (epoch - self.start_epoch + 1) / (self.ramp_epochs + 1))

    def _check(self, trainer: L.Trainer, batch: Any) -> None:
        """Try the first image now, lest a wrong setting be noticed only in ``start_epoch``."""
        self._checked = True
        if self.share == 0:
            return
        images, labels = find_images_and_labels(batch)
        self._bound_transform.check_inputs([images, labels])
        if _has_several_classes(labels):
            rank_zero_warn(
                "GroupCamAugmentation: the labels name several classes an image, and an image is explained at the "
                "heaviest, of equals at the first: what shows the others alone is treated as unimportant"
            )
        cost = "" if self.recipe in NEED_NO_MAPS else self._expect(trainer, images, labels)
        rising = f", reached in {self.ramp_epochs} steps," if self.ramp_epochs else ""
        until = "" if self.stop_epoch is None else f" until epoch {self.stop_epoch}"
        rank_zero_info(
            f"GroupCamAugmentation: {self.recipe} by {self._bound_transform.explainer.name} on {self.share:.0%} of the "
            f"training images{rising} from epoch {self.start_epoch}{until}{cost}"
        )

    def _expect(self, trainer: L.Trainer, images: Tensor, labels: Any) -> str:
        """Explain a few images, and say what it costs."""
        transform, module = self._bound_transform, trainer.lightning_module
        forward = module if transform.forward_function is None else transform.forward_function
        with whole_weights(module), trainer.precision_plugin.forward_context():
            if not transform.explaining.is_settled:
                first = images[:COMPARED_IMAGES], labels[:COMPARED_IMAGES]
                transform.explain(*first, deciding=not self._resumed)  # where the uninterrupted run decides nothing
            explained = min(max(1, round(self.share * len(images))), COMPARED_IMAGES)
            explain = partial(transform.explain, labels=labels[:explained], deciding=False)
            cost = expected_cost(explain, module, forward, images, explained)
        passes = f", {cost.passes:.0f} passes an image" if cost.passes else ""
        masked_views = f", and {self.share:.0%} more by the twins" if self.recipe in WITH_MASKED_VIEWS else ""
        if self.refresh_every_n_epochs is None:
            return f"{passes}: about {self.share * cost.steps:.0%} added to a step{masked_views}"
        spread = cost.steps / self.refresh_every_n_epochs  # the maps of all images
        often = f"every {self.refresh_every_n_epochs} epochs"
        return f"{passes} {often}: about {spread:.0%} added to a step on average{masked_views}"

    def _try_to_augment(self, trainer: L.Trainer, batch: Any) -> Any:
        """The augmented batch; None where there is none to be had, which is no reason to end a training."""
        try:
            return self._augment(trainer, batch)
        except (ValueError, TypeError):  # data or settings that cannot be augmented
            raise
        except Exception as error:
            end_if_terminated(trainer)
            cause = f"{type(error).__name__}: {error}"
            if cause not in self._warned:
                self._warned.add(cause)
                warnings.warn(  # of whichever process it is
                    f"GroupCamAugmentation could not augment a batch of epoch {trainer.current_epoch}; training goes "
                    f"on with it as it is. The same cause is not reported again.\n{traceback.format_exc()}",
                    stacklevel=2,
                )
            return None

    def _augment(self, trainer: L.Trainer, batch: Any) -> Any:
        if self._keeper is not None and not self._keeper.has_maps:
            return None
        transform = self._bound_transform
        transform.share = self._share_in(trainer.current_epoch)
        images, labels = find_images_and_labels(batch)
        transform.check_inputs([images, labels])
        maps = None
        with whole_weights(trainer.lightning_module) if self._asks_the_model else nullcontext():
            if len(images) == 0:  # of a batch sampler, or a filter on the device
                return None
            if self._keeper is not None and labels is not None:
                maps = self._keeper.maps_for(images, labels)
                self._keeper.measure(images, labels, maps)
            classes = None if self._keeper is None else self._keeper.classes
            params = transform.make_params([images, labels], maps, classes)
        augmented = transform.replace(batch, [images, labels], params)
        if not self._pictured and len(params["index"]):
            self._pictured = True
            self._log_picture(trainer, images, find_images_and_labels(augmented).images, params)
        self._masked_views = params["index"]
        return augmented

    def _keep_bank(self, trainer: L.Trainer) -> None:
        if self._keeper is None:
            return
        if self._is_active(trainer.current_epoch):
            self._keeper.ensure(trainer.current_epoch)
        else:
            self._keeper.rest()

    def _close_bank(self) -> None:
        if self._keeper is not None:
            self._bank_state = self._keeper.state_dict()  # for checkpoints that are saved after the training
            self._keeper.close()
        self._keeper = None

    def _stand_before(self, pl_module: L.LightningModule) -> None:
        """Give the module's ``training_step`` the augmented batches, and its loss the term that goes with them."""
        paired = self.recipe in WITH_MASKED_VIEWS and self.consistency.weight > 0

        def replacement(batch: Any) -> Any:
            self.consistency.forget()  # the explainer's own questions
            return batch if self._augmented is None else self._augmented

        def ending(result: Any) -> Any:
            if self._augmented is None or not paired:
                return result
            images = find_images_and_labels(self._augmented).images
            return self.consistency.add(pl_module, result, self._masked_views, images, self.forward)

        undo = [wrap_training_step(pl_module, replacement, ending)]
        if paired:
            undo.append(self.consistency.listen(pl_module))
        self._undo = undo

    def _let_go(self) -> None:
        self._augmented = None
        self.consistency.forget()
        for undo in self._undo:
            undo()
        self._undo = []

    def _log_picture(self, trainer: L.Trainer, images: Tensor, augmented: Tensor, params: dict[str, Any]) -> None:
        if not trainer.is_global_zero:
            return
        try:
            picture = _picture(images, augmented, params, find_normalisation(trainer, _train_dataset(trainer)))
            write_image(trainer.loggers, "augmentation/first_batch", picture, trainer.current_epoch)
        except Exception:
            rank_zero_warn(
                f"GroupCamAugmentation could not log its first batch; training goes on.\n{traceback.format_exc()}"
            )


def _picture(images: Tensor, augmented: Tensor, params: dict[str, Any], normalised: Normalisation) -> Tensor:
    """One row an image: original, map, mask, result."""
    index = params["index"][:FIRST_BATCH_IMAGES]
    masked_views = len(augmented) > len(images)
    results = augmented[len(images) :][: len(index)] if masked_views else augmented[index]
    maps, masks = (params[name][: len(index)].float().cpu() for name in ("maps", "masks"))
    columns = {
        "original": denormalise(images[index], *normalised),
        "saliency map": colorize(maps),
        "mask": colorize(masks, "gray"),
        "training image": denormalise(results, *normalised),
    }
    enlarged = [enlarge(pictures, SMALLEST_SIDE) for pictures in columns.values()]
    rows = [
        row([caption(p[place], [n]) for n, p in zip(columns, enlarged, strict=True)]) for place in range(len(index))
    ]
    return grid(rows, columns=2 if len(rows) > 3 else 1)


def _has_several_classes(labels: Any) -> bool:
    """Whether labels (N, classes) are of several classes in full, as no probabilities are."""
    return isinstance(labels, Tensor) and labels.dim() == 2 and bool((labels.float().sum(dim=1) > 1.5).any())


def _train_dataset(trainer: L.Trainer) -> Any:
    return getattr(trainer.train_dataloader, "dataset", None)
