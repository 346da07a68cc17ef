"""The price of the augmentation's settings, measured inside a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lightning as L

from camaug.augmentation.batch import find_images_and_labels
from camaug.augmentation.group_cam_transform import augmentation_explainer
from camaug.augmentation.price import Price, Pricing
from camaug.augmentation.price_settings import CONFIGURED, Setting, price_settings
from camaug.experiments.report import Cell, Report, Table
from camaug.explainers.agreement import MIN_CORRELATION, MIN_IOU, Agreement
from camaug.functional.recipes import NEED_NO_MAPS, WITH_MASKED_VIEWS

from ._trainer.bound_forward import bind_forward
from ._trainer.training_step import wrap_training_step
from .group_cam_augmentation import GroupCamAugmentation

__all__ = ["PriceRunner"]


class PriceRunner(L.Callback):
    """Measures what each setting of the augmentation would cost in a training, and ends it.

    Every training step is one round of :class:`camaug.augmentation.price.Pricing`: the settings explain, then
    Lightning does the step as it would in training, in the trainer's precision and on its device, always on the first
    batch. Nothing is augmented. What the training does to its module is the caller's to undo: see
    :meth:`camaug.training.trainer.CamaugTrainer.price`.

    Args:
        augmentation: Whose explainer, blur and forward are priced; None for the defaults.
        seconds: How long it may take in all.

    Example:
        >>> runner = PriceRunner(seconds=20)
        >>> trainer = L.Trainer(callbacks=[runner], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self, augmentation: GroupCamAugmentation | None = None, seconds: float = 45.0) -> None:
        if not seconds > 0:
            raise ValueError(f"`seconds` is how long the measurement may take, and must be above 0, got {seconds}")
        self.augmentation = augmentation or GroupCamAugmentation()
        self.seconds = seconds
        self.report: Report | None = None
        self.advice: tuple[str, ...] = ()
        self._pricing: Pricing | None = None
        self._batch: Any = None
        self._begun = 0.0
        self._undo: Callable[[], None] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the training go on until the time is out, on one batch."""
        self._pricing = self._batch = self.report = None
        # The learning rates' schedule has been made: nothing asks for the end any more.
        trainer.fit_loop.max_epochs, trainer.fit_loop.min_epochs = -1, None
        trainer.fit_loop.epoch_loop.max_steps, trainer.fit_loop.epoch_loop.min_steps = -1, None
        self._undo = wrap_training_step(pl_module, lambda batch: self._batch, lambda result: result)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Let every setting explain, and begin to measure the step."""
        with trainer.precision_plugin.forward_context():
            if self._pricing is None:
                self._batch = batch
                self._pricing = self._begin(pl_module, batch)
            self._pricing.explain()
        self._begun = self._pricing.clock(pl_module.device)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End the round, and the training when the time is out."""
        assert self._pricing is not None, "the batch has begun"
        self._pricing.add_step(self._pricing.clock(pl_module.device) - self._begun)
        trainer.should_stop = self._pricing.is_finished

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Say what it came to."""
        self._let_go()
        if self._pricing is not None and self._pricing.rounds > 1:
            prices = self._pricing.prices()
            masked_views = self.augmentation.recipe in WITH_MASKED_VIEWS
            self.report, self.advice = _report(self._pricing, prices, masked_views), _advice(prices)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Give the ``training_step`` back as it was."""
        self._let_go()

    def _begin(self, pl_module: L.LightningModule, batch: Any) -> Pricing:
        images, labels = find_images_and_labels(batch)
        if labels is None:
            raise ValueError(f"expected labels beside the {len(images)} images of a training batch")
        asked, forward = self.augmentation, self.augmentation.forward
        return Pricing(
            pl_module,
            images,
            labels,
            price_settings(_configured(asked)),
            seconds=self.seconds,
            forward=bind_forward(forward, pl_module),
            blur_kernel_size=asked.blur_kernel_size,
            blur_sigma=asked.blur_sigma,
        )

    def _let_go(self) -> None:
        self._batch = None
        if self._undo is not None:
            self._undo()
            self._undo = None


def _configured(augmentation: GroupCamAugmentation) -> Setting | None:
    """What the augmentation would do in training; None where that asks the model nothing."""
    if augmentation.share == 0 or augmentation.recipe in NEED_NO_MAPS:
        return None
    explainer = augmentation.explainer or augmentation_explainer()
    return Setting(CONFIGURED, explainer, augmentation.fast, augmentation.share, augmentation.refresh_every_n_epochs)


def _report(pricing: Pricing, prices: Sequence[Price], masked_views: bool) -> Report:
    columns = [name for name in COLUMNS if masked_views or name != TWINS]
    rows = [_row(row, pricing.step_seconds, masked_views) for row in prices]
    formats = {"passes": "{:.1f}", "ms added": "{:.0f}", "steps added": "{:+.2f}"}
    formats |= {TWINS: "{:+.2f}"} if masked_views else {}
    formats |= dict.fromkeys(COLUMNS[-2:], "{:.2f}")
    return Report(
        "what augmentation costs", [Table("price", columns, rows, formats)], notes=_notes(pricing, prices, masked_views)
    )


TWINS = "with twins"
COLUMNS = ("setting", "passes", "ms added", "steps added", TWINS, "mask overlap", "rank correlation")


def _row(price: Price, step: float, masked_views: bool) -> list[Cell]:
    name = f"none (a step: {1000 * step:.0f} ms)" if price.setting is None else price.setting.name
    with_masked_views = [price.steps + (price.setting.share if price.setting else 0.0)] if masked_views else []
    return [name, price.passes, 1000 * price.seconds, price.steps, *with_masked_views, price.overlap, price.correlation]


def _notes(pricing: Pricing, prices: Sequence[Price], masked_views: bool) -> tuple[str, ...]:
    count, total = pricing.count, len(pricing.images)
    seen = min(total, pricing.rounds * count)
    rounds = pricing.rounds - 1
    measured = f"Medians of {rounds} {'round' if rounds == 1 else 'rounds'} after a warm-up, in {pricing.took:.0f} s"
    late = "" if pricing.took <= pricing.seconds else f" (more than the {pricing.seconds:g} s asked for: one is needed)"
    part = "" if count == total else f"; {count} images explained in each and counted {total / count:.3g} times"
    with_masked_views = "The recipe's twins are images besides, `share` plain steps of them. " if masked_views else ""
    epochs = max(row.setting.refresh_epochs or 0 for row in prices if row.setting)
    return (
        f"{measured}{late}, on {pricing.images.device}; a batch of {total}{part}.",
        "Passes are forward passes for each image of a batch. Mask overlap and rank correlation compare maps with the "
        f"exact ones, means over {seen} training images; a bank's, up to {epochs} epochs old, can only be compared in "
        "training.",
        f"With `fast: true` a training takes the fast way, and smaller queries, where correlation is at least "
        f"{MIN_CORRELATION} and overlap {MIN_IOU}, and falls back to the plain way where they are not.",
        f"{with_masked_views}Carrying a bank's maps through the crops is the loader's work, and not in it.",
    )


def _advice(prices: Sequence[Price]) -> tuple[str, ...]:
    """What to write into the configuration for each setting, and which one is the cheapest that is as good."""
    priced = [(row.setting, row) for row in prices if row.setting is not None]
    choices = [(setting, row) for setting, row in priced if setting.name != CONFIGURED]
    lines = [f"{setting.name:<22} {setting.configuration}" for setting, _ in choices]
    alike = [(row.seconds, setting.name) for setting, row in choices if setting.share == 1 and _is_alike(row)]
    best = f"The cheapest for every image whose maps can stand for the exact ones: {min(alike)[1]}."
    return ("For the configuration:", *lines, *([best] if alike else []))


def _is_alike(row: Price) -> bool:
    if row.overlap is None or row.correlation is None:
        return False
    return Agreement(row.correlation, row.overlap).is_enough
