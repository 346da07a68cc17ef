"""Price of augmentation settings, measured in a training run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import lightning as L

from camaug.augmentation.batch import find_labelled_images
from camaug.augmentation.plain_tensor import plain_tensor
from camaug.augmentation.price import Pricing
from camaug.augmentation.price_settings import CONFIGURED, Setting, price_settings
from camaug.experiments.report import Report
from camaug.utils.check_types import check_types

from ._augmentation.price_advice import price_advice
from ._augmentation.price_report import price_report
from ._trainer.bound_forward import bind_forward
from ._trainer.training_step import wrapped_training_step
from .group_cam_augmentation import GroupCamAugmentation

__all__ = ["PriceRunner"]


class PriceRunner(L.Callback):
    """Callback that measures what each augmentation setting would cost, and then ends the training run.

    Every training step is one round of :class:`camaug.augmentation.price.Pricing`: first every setting explains, then
    Lightning does its step as in training, always on the first batch. Nothing is augmented. The caller must undo what
    training does to the module, see :meth:`camaug.training.trainer.CamaugTrainer.price`.

    Args:
        augmentation: The augmentation whose explainer, blur and forward are measured; None for the defaults.
        seconds: Total time of the measurement.

    Raises:
        ValueError: If ``seconds`` is not positive.

    Example:
        >>> runner = PriceRunner(seconds=20)
        >>> trainer = L.Trainer(callbacks=[runner], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self, augmentation: GroupCamAugmentation | None = None, seconds: float = 45.0) -> None:
        check_types(PriceRunner.__init__, locals())
        if not seconds > 0:
            raise ValueError(f"`seconds`, the time of the measurement, must be above 0, got {seconds}")
        self.augmentation = augmentation or GroupCamAugmentation()
        self.seconds = seconds
        self.report: Report | None = None
        self.advice: tuple[str, ...] = ()
        self._pricing: Pricing | None = None
        self._batch: Any = None
        self._step_start = 0.0
        self._undo = ExitStack()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let training go on with one batch until the time is up."""
        self._pricing = self._batch = self.report = None
        # The learning rates' schedule exists already, so the run's planned end is no longer needed.
        trainer.fit_loop.max_epochs, trainer.fit_loop.min_epochs = -1, None
        trainer.fit_loop.epoch_loop.max_steps, trainer.fit_loop.epoch_loop.min_steps = -1, None
        self._undo.enter_context(wrapped_training_step(trainer, lambda step, batch: step(self._batch)))

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Let every setting explain, and start timing the step."""
        with trainer.precision_plugin.forward_context():
            if self._pricing is None:
                self._batch = batch
                self._pricing = self._create_pricing(pl_module, batch)
            self._pricing.explain()
        self._step_start = self._pricing.clock(pl_module.device)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End the round, and the training run if the time is up."""
        assert self._pricing is not None, "the batch has begun"
        self._pricing.add_step(self._pricing.clock(pl_module.device) - self._step_start)
        trainer.should_stop = self._pricing.is_finished

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report the prices."""
        self._restore()
        if self._pricing is not None and self._pricing.rounds > 1:
            prices = self._pricing.prices()
            masked_views = self.augmentation.recipe.adds_masked_views
            self.report = price_report(self._pricing, prices, masked_views=masked_views)
            self.advice = price_advice(prices)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Restore the ``training_step``."""
        self._restore()

    def _create_pricing(self, pl_module: L.LightningModule, batch: Any) -> Pricing:
        augmentation = self.augmentation
        images, labels = find_labelled_images(batch, augmentation.images, augmentation.labels)
        return Pricing(
            pl_module,
            plain_tensor(images),
            plain_tensor(labels),
            price_settings(_configured(augmentation)),
            seconds=self.seconds,
            forward=bind_forward(augmentation.forward, pl_module),
            blur_kernel_size=augmentation.blur_kernel_size,
            blur_sigma=augmentation.blur_sigma,
        )

    def _restore(self) -> None:
        self._batch = None
        self._undo.close()


def _configured(augmentation: GroupCamAugmentation) -> Setting | None:
    """Return the augmentation's own setting, or None if it explains nothing."""
    if augmentation.share == 0 or not augmentation.recipe.needs_maps:
        return None
    explainer = augmentation.explainer or augmentation.recipe.explainer()
    return Setting(CONFIGURED, explainer, augmentation.fast, augmentation.share, augmentation.refresh_every_n_epochs)
