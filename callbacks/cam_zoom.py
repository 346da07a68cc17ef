"""Predictions averaged over each image and a crop of its salient region."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from camaug.augmentation.zoom import View, Zoom
from camaug.augmentation.zoom_price import describe_zoom
from camaug.explainers import Explainer, as_explainer
from camaug.utils.check_types import check_types
from camaug.utils.replaced_attribute import replaced_attribute

from ._trainer.bound_forward import only_network
from ._trainer.evaluation_steps import wrapped_evaluation_step
from ._trainer.has_own_forward import has_own_forward
from ._trainer.strategies import refuse_fsdp2, refuse_sharded

__all__ = ["CamZoom"]


class CamZoom(L.Callback):
    """Callback that averages the predictions for each image and for an enlarged crop of its salient region.

    In the steps of validation, test and prediction, the module's own forward returns logits of the mean probabilities
    (:class:`camaug.augmentation.zoom.Zoom`), so that its loss and its metrics are those of the averaged prediction.
    Training, and the explanations of other callbacks, use the plain forward.

    It costs a second forward pass and the explanation; Grad-CAM adds the head's backward pass to the first forward
    pass. The measured price is printed at the first step. On clothing photos it lost accuracy
    (docs/results.md), so compare it on your validation data with ``view="flip"``, which is cheaper.

    Args:
        view: ``salient``; its controls are ``random`` and ``centre``, a crop as large as the salient one elsewhere, and
            ``flip``, the mirrored image.
        explainer: Name of a method in ``camaug.list_explainers()``, or an explainer, of the predicted class.
        threshold: Share of the map's maximum from which a pixel is salient, in (0, 1].
        padding: Margin at each end of the crop's sides, as a share of the side.
        min_side: Least share of the image's height and width in the crop, in (0, 1].
        multi_label: True if each class has a probability of its own, the sigmoid of its logit.
        classifier: Name of the submodule that the steps call with the images. None for the module itself, or for its
            only submodule with parameters if it has no forward.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> trainer = L.Trainer(callbacks=[CamZoom()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(
        self,
        view: View = "salient",
        explainer: str | Explainer = "grad-cam",
        threshold: float = 0.5,
        padding: float = 0.1,
        min_side: float = 0.5,
        multi_label: bool = False,
        classifier: str | None = None,
    ) -> None:
        explainer = as_explainer(explainer)
        check_types(CamZoom.__init__, locals())
        self.zoom = Zoom(view, explainer, threshold, padding, min_side, multi_label)
        self.classifier = classifier
        self._undo = ExitStack()
        self._is_announced = self._is_refusal_reported = self._is_called = False

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check what can be checked without data.

        Raises:
            ValueError: If the strategy shards the model, or the module averages its predictions itself.
        """
        refuse_sharded(trainer, self)
        refuse_fsdp2(trainer, self)
        if isinstance(getattr(pl_module, "zoom", None), Zoom):
            raise ValueError("CamZoom would average what the module's own zoom has averaged: leave one of them out")
        self._is_announced = self._is_refusal_reported = False

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Average the predictions of the validation steps."""
        self._install(trainer, pl_module, "validation")

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Average the predictions of the test steps."""
        self._install(trainer, pl_module, "test")

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Average the predictions of the prediction steps."""
        self._install(trainer, pl_module, "predict")

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the steps."""
        self._restore(pl_module)

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the steps."""
        self._restore(pl_module)

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the steps."""
        self._restore(pl_module)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Restore the steps."""
        self._undo.close()

    def _install(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self._undo.close()
        self._is_called = False
        classifier = self._find_classifier(pl_module)
        self._undo.enter_context(wrapped_evaluation_step(trainer, stage, lambda: self._zoomed(classifier)))

    def _restore(self, pl_module: L.LightningModule) -> None:
        self._undo.close()
        if not self._is_called and not self._is_refusal_reported:
            self._is_refusal_reported = True
            rank_zero_warn(
                f"CamZoom changed no prediction, because no step called "
                f"{f'self.{self.classifier}' if self.classifier else type(pl_module).__name__} with images alone: "
                "give classifier=, the name of the submodule that the steps call"
            )

    def _find_classifier(self, pl_module: L.LightningModule) -> nn.Module:
        if self.classifier is not None:
            try:
                return pl_module.get_submodule(self.classifier)
            except AttributeError:
                names = ", ".join(name for name, _ in pl_module.named_children())
                raise ValueError(
                    f"{type(pl_module).__name__} has no submodule {self.classifier!r}, it has {names}"
                ) from None
        if has_own_forward(pl_module):
            return pl_module
        return only_network(pl_module, "give classifier=, the name of the submodule that the steps call")

    def _zoomed(self, classifier: nn.Module) -> AbstractContextManager[None]:
        """Return a context manager in which the classifier's forward averages its predictions."""
        forward = classifier.forward

        def zoomed(*args: Any, **kwargs: Any) -> Any:
            inputs = [*args, *kwargs.values()]
            if len(inputs) != 1 or not isinstance(inputs[0], Tensor) or inputs[0].dim() != 4:
                return forward(*args, **kwargs)
            self._is_called = True
            (images,) = inputs
            if not self._is_announced:
                self._is_announced = True
                rank_zero_info(f"CamZoom: {describe_zoom(self.zoom, classifier, images, forward)}")
            return self.zoom(classifier, images, forward=forward)

        return replaced_attribute(classifier, "forward", zoomed)
