"""Training steps on augmented batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.augmentation.group_cam_transform import GroupCamTransform
from camaug.augmentation.mixed_labels import MixedLabels

from .._logging.input_scaling import find_scaling
from .._logging.scaling_check import scaling_warning
from .._logging.warn_once import WarnOnce
from .._trainer.stages import end_if_terminated
from .._trainer.training_step import wrapped_training_step
from .classifier_recorder import ClassifierRecorder
from .consistency_loss import ConsistencyLoss
from .observed_forward import ObservedForward
from .step_agreement import Outcome, StepAgreement

__all__ = ["AugmentedStep"]


class AugmentedStep:
    """A training step that receives the augmented batch, with a consistency term in its loss.

    A step that fails on more images or on mixed labels, and works on the batch as it was, is no reason to end training:
    from then on masked views replace their originals, and mixing ends if no step has worked. Several processes agree
    on this at their first augmented steps (:class:`StepAgreement`); a step that fails later raises its own error there.

    Args:
        trainer: The trainer.
        pl_module: The module.
        transform: The transform that augments.
        consistency: The term for batches with masked views; None for no term.
        observed: The forward function to set after the first step; None if it is known.

    Attributes:
        source: Lightning's batch.
        augmented: The batch for the next step; None to use Lightning's.
        is_due: True in epochs with augmentation, on all processes.
        is_refused: True if the step takes no augmented batches.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        transform: GroupCamTransform,
        consistency: ConsistencyLoss | None,
        observed: ObservedForward | None,
    ) -> None:
        self._trainer = trainer
        self._transform = transform
        self._consistency = consistency
        self._observed = observed
        self._recorder = ClassifierRecorder(pl_module)
        self._warn_once = WarnOnce("GroupCamAugmentation")
        self._agreement = StepAgreement(trainer)
        self._has_worked = self._has_checked_scaling = False
        self.source: Any = None
        self.augmented: AugmentedBatch | None = None
        self.is_due = self.is_refused = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Inside the block, run the Trainer's training steps on the augmented batches."""
        try:
            with wrapped_training_step(self._trainer, self._run):
                yield
        finally:
            self.clear()

    def clear(self) -> None:
        """Delete the batches and the recorded calls."""
        self.source = self.augmented = None
        self._recorder.clear()

    def _run(self, step: Callable[[Any], Any], batch: Any) -> Any:
        if self._consistency is None and self._observed is None and self._has_checked_scaling:
            result = self._run_augmented(step, batch)
            self._check_mixed_labels()
            return result
        with self._recorder.recording():
            result = self._run_augmented(step, batch)
        self._check_mixed_labels()
        self._check_scaling(batch)
        if self._observed is not None and not self._observed.is_known:
            self._set_classifier(self._observed, batch)
        if self.augmented is not None and self._consistency is not None and self._transform.appends_masked_views:
            result = self._consistency.add_to(result, self.augmented, self._recorder)
        self._recorder.clear()
        return result

    def _check_scaling(self, batch: Any) -> None:
        """Warn once if the step scaled its images before the forward that explanations call."""
        if self._has_checked_scaling or self.augmented is None:
            return
        self._has_checked_scaling = True
        if self._transform.forward_function is None and (
            scaling := find_scaling(self.augmented.images, self._recorder.calls)
        ):
            rank_zero_warn(scaling_warning("GroupCamAugmentation", str(scaling)))

    def _check_mixed_labels(self) -> None:
        """Warn once if the step's loss did not use both labels of the mixed images."""
        augmented = self.augmented
        if augmented is None or not isinstance(augmented.labels, MixedLabels) or augmented.labels.label_mix.use.is_used:
            return
        self._warn_once(
            "unused labels",
            f"GroupCamAugmentation: the training_step computes no loss of both labels of the recipe "
            f"{self._transform.recipe.name!r}, so that what is pasted into an image does not count: use one of "
            "PyTorch's loss functions, such as cross_entropy, with the batch's labels",
        )

    def _run_augmented(self, step: Callable[[Any], Any], batch: Any) -> Any:
        # Another augmentation's batch was made from this one's, and contains it.
        augmented = self.augmented if batch is self.source else None
        if not self._may_repeat:
            return step(batch if augmented is None else augmented.batch)
        error: Exception | None = None
        result: Any = None
        try:
            result = step(batch if augmented is None else augmented.batch)
        except Exception as raised:
            error = raised
        has_failed = self._has_failed(augmented, error)
        if error is not None and (augmented is None or not has_failed):
            raise error
        return self._repeat(step, batch, error) if has_failed else result

    @property
    def _may_repeat(self) -> bool:
        """True if a step that fails on its augmented batch may work on the batch as it was."""
        is_other_kind = self._transform.appends_masked_views or self._transform.recipe.mixes_labels
        return self.is_due and is_other_kind and self._trainer.lightning_module.automatic_optimization

    def _has_failed(self, augmented: AugmentedBatch | None, error: Exception | None) -> bool:
        """Return True if the step is to be repeated with the batch as it was, on all processes."""
        is_changed = augmented is not None and len(augmented.index) > 0
        self._has_worked |= is_changed and error is None
        if self._trainer.world_size == 1:
            return is_changed and error is not None
        if not self._agreement.is_open:
            return False  # the other processes would not repeat theirs
        worked = Outcome.WORKED if is_changed else Outcome.PLAIN
        return self._agreement.has_failed(worked if error is None else Outcome.FAILED)

    def _repeat(self, step: Callable[[Any], Any], batch: Any, error: Exception | None) -> Any:
        end_if_terminated(self._trainer)
        self.augmented = None
        self._recorder.clear()
        result = step(batch)
        cause = "on another process" if error is None else f"{type(error).__name__}: {error}"
        if self._transform.appends_masked_views:
            self._transform.appends_masked_views = False
            consequence = "masked views replace their originals from now on, without a consistency term"
        elif not self._has_worked or self._trainer.world_size > 1:
            self.is_refused = True
            consequence = "nothing is augmented from now on"
        else:
            consequence = "the step was repeated with the batch as it was"
        self._warn_once(
            cause,
            "GroupCamAugmentation: the training_step fails on batches of the recipe "
            f"{self._transform.recipe.name!r} and works without it: {consequence} ({cause})",
        )
        return result

    def _set_classifier(self, observed: ObservedForward, batch: Any) -> None:
        classifier = self._recorder.classifier(self._transform.find(batch)[0])
        if classifier is None:
            calls = ", ".join(f"self.{name}" for name in self._recorder.names()) or "no submodule with the images"
            raise ValueError(
                "GroupCamAugmentation explains the logits of a module without forward by the submodule that its "
                f"training_step calls with the images, and it calls {calls}: give forward=, a function of module and "
                "images that returns logits"
            )
        observed.use(classifier)
