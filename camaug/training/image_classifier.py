"""LightningModule that the command line trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchvision.transforms import v2

from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.zoom import View, Zoom
from camaug.augmentation.zoom_price import describe_zoom
from camaug.training.check_checkpoint_data import check_checkpoint_data
from camaug.training.create_classifier import IMAGENET_CLASSES, create_classifier
from camaug.training.data_facts import class_names, evaluation_preprocessing, rgb_normalisation
from camaug.training.evaluated_module import EvaluatedModule
from camaug.training.head_modules import head_modules
from camaug.training.load_weights import load_weights
from camaug.training.parameter_groups import parameter_groups
from camaug.training.schedule_by_step import schedule_by_step
from camaug.training.schedules import Schedule
from camaug.utils.check_types import check_types

__all__ = ["ImageClassifier"]


class ImageClassifier(EvaluatedModule):
    """Any timm or torchvision classifier, with its loss, metrics, optimiser and schedule.

    It logs ``train/loss``, ``val/loss``, ``val/accuracy`` and, from six classes on, ``val/accuracy_top5``, and the same
    under ``test/``. With several validation loaders these are of all their images, and the accuracy of each loader,
    ``val/accuracy/NAME``, and of the worst group, a class in one loader, ``val/worst_group_accuracy``, are logged too.

    Checkpoints hold two facts about the data module of the training run: ``class_names``, and ``preprocessing``, the
    ``image_size``, ``mean``, ``std`` and ``crop_pct`` of the evaluation images.

    Args:
        name: The model's name; see :func:`camaug.training.create_classifier.create_classifier`.
        num_classes: Number of classes; the command line takes it from the data.
        pretrained: Whether to download the library's pretrained weights.
        checkpoint: A file of weights to begin with, ``.safetensors`` or weights-only ``.pth``. A head with another
            number of classes is replaced by a fresh one.
        model_args: More arguments of the model's constructor.
        optimizer: ``sgd`` (with ``momentum``) or ``adamw``.
        lr: Learning rate of the backbone.
        head_lr: Learning rate of the classification head; None for that of the backbone.
        momentum: Momentum of SGD.
        weight_decay: Weight decay.
        schedule: Schedule of the learning rates: ``constant``, ``step`` or ``cosine``.
        warmup_epochs: Epochs of linear warm-up at the beginning.
        step_epochs: Epochs between two steps of the ``step`` schedule.
        step_gamma: Factor of each step.
        label_smoothing: Share of the label that is spread over all classes, in [0, 1).
        mixup_alpha: Strength of MixUp; 0 for none. With CutMix too, one of both is drawn for each batch.
        cutmix_alpha: Strength of CutMix; 0 for none.
        freeze_backbone: Whether only the head is trained; the backbone then stays in evaluation mode.
        channels_last: Whether weights and images are in channels-last memory format, in which convolutions run faster
            on most machines, above all in low precision.
        zoom: Second view of each image in validation, test and prediction, whose probabilities are averaged with those
            of the image (:class:`camaug.augmentation.zoom.Zoom`): ``salient``, an enlarged crop of the salient region;
            ``random`` or ``centre``, a crop of its size elsewhere; ``flip``, the mirrored image. It takes two to three
            times as long, as is measured and printed. None for the image alone.

    Raises:
        ValueError: If the optimiser or the schedule is unknown, the label smoothing is not in [0, 1), or another number
            is negative, as a learning rate that would increase the loss.
    """

    def __init__(
        self,
        name: str = "resnet50",
        num_classes: int = 1000,
        pretrained: bool = False,
        checkpoint: str | None = None,
        model_args: dict[str, Any] | None = None,
        optimizer: Literal["sgd", "adamw"] = "sgd",
        lr: float = 1e-3,
        head_lr: float | None = None,
        momentum: float = 0.9,
        weight_decay: float = 1e-4,
        schedule: Schedule = "cosine",
        warmup_epochs: float = 0.0,
        step_epochs: float = 15.0,
        step_gamma: float = 0.1,
        label_smoothing: float = 0.0,
        mixup_alpha: float = 0.0,
        cutmix_alpha: float = 0.0,
        freeze_backbone: bool = False,
        channels_last: bool = False,
        zoom: View | None = None,
    ) -> None:
        check_types(ImageClassifier.__init__, locals())
        super().__init__(num_classes)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"`label_smoothing` must be in [0, 1), got {label_smoothing}")
        _check_at_least_zero(
            lr=lr,
            head_lr=head_lr,
            momentum=momentum,
            weight_decay=weight_decay,
            warmup_epochs=warmup_epochs,
            step_epochs=step_epochs,
            step_gamma=step_gamma,
            mixup_alpha=mixup_alpha,
            cutmix_alpha=cutmix_alpha,
        )
        self.save_hyperparameters()
        refused = checkpoint if pretrained else None  # both together are an error
        self.model = create_classifier(
            name, num_classes, pretrained=pretrained, checkpoint=refused, model_args=model_args
        )
        self._fresh_head = [] if checkpoint is None else load_weights(self.model, checkpoint)
        if pretrained and num_classes != getattr(self.model, "pretrained_cfg", {}).get("num_classes", IMAGENET_CLASSES):
            self._fresh_head = head_modules(self.model)
        self.class_names: list[str] | None = None
        self.preprocessing: dict[str, Any] | None = None
        self.optimizer_name = optimizer
        self.lr, self.head_lr = lr, lr if head_lr is None else head_lr
        self.momentum, self.weight_decay = momentum, weight_decay
        self.schedule = schedule
        self.warmup_epochs, self.step_epochs, self.step_gamma = warmup_epochs, step_epochs, step_gamma
        self.label_smoothing = label_smoothing
        self.mix = _mix(num_classes, mixup_alpha, cutmix_alpha)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.model.to(memory_format=self.memory_format)
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            self.model.requires_grad_(False)
            for head in self._heads():
                head.requires_grad_(True)
        self.zoom = None if zoom is None else Zoom(zoom)
        self._is_zoom_announced = False

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits (N, num_classes) of images (N, 3, H, W)."""
        return cast(Tensor, self.model(images.contiguous(memory_format=self.memory_format)))

    def setup(self, stage: str) -> None:
        """Read the class names and the preprocessing from the data module, and warn of another normalisation.

        Raises:
            ValueError: In prediction, if the checkpoint's head has another number of classes.
        """
        datamodule = getattr(self.trainer, "datamodule", None)
        if stage == "fit":
            self.class_names = class_names(datamodule, self.hparams["num_classes"])
            self.preprocessing = evaluation_preprocessing(datamodule)
        if stage != "fit" and self._fresh_head and not self.trainer.ckpt_path:
            self._report_fresh_head(stage)
        config: dict[str, Any] = getattr(self.model, "pretrained_cfg", {})
        mean = rgb_normalisation(datamodule).mean
        if self.hparams["pretrained"] and "mean" in config and mean and not _are_close(config["mean"], mean):
            rank_zero_warn(
                f"the pretrained weights of {self.hparams['name']} expect images normalised with mean {config['mean']} "
                f"and std {config['std']}, the data module uses mean {mean}: set data.mean and data.std"
            )

    def _report_fresh_head(self, stage: str) -> None:
        """Raise an error, or warn where a model is measured, that the head has random weights."""
        source = self.hparams["checkpoint"]
        weights = "the pretrained weights" if source is None else f"the weights in {source!r}"
        problem = f"{weights} have no head of {self.hparams['num_classes']} classes, so the model predicts at random"
        if stage == "predict":
            raise ValueError(f"{problem}: set model.num_classes to theirs, or give a checkpoint of `fit` (--ckpt_path)")
        rank_zero_warn(f"{problem}: give a checkpoint of `fit`, --ckpt_path FILE, or best or last for the newest run")

    def train(self, mode: bool = True) -> ImageClassifier:
        """Set the training mode, but keep a frozen backbone, and so its batch-norm, in evaluation mode."""
        super().train(mode)
        if self.freeze_backbone:
            self.model.eval()
            for head in self._heads():
                head.train(mode)
        return self

    def on_train_start(self) -> None:
        """Put a frozen backbone into evaluation mode, since Lightning keeps a new model in training mode."""
        self._fresh_head = []  # it is about to be trained
        if self.freeze_backbone:
            self.train(self.training)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the data's facts, and no source of weights: loading needs neither a download nor another file."""
        if "hyper_parameters" in checkpoint:
            checkpoint["hyper_parameters"].update(pretrained=False, checkpoint=None)
        checkpoint["class_names"], checkpoint["preprocessing"] = self.class_names, self.preprocessing

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Load the class names and the preprocessing, if the checkpoint has them, and compare them with the data's.

        Raises:
            ValueError: In training, validation and testing, if the data has other classes.
        """
        trainer = self._trainer
        if trainer is not None and not trainer.predicting:
            check_checkpoint_data(checkpoint, getattr(trainer, "datamodule", None))
        self.class_names, self.preprocessing = checkpoint.get("class_names"), checkpoint.get("preprocessing")
        self._fresh_head = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of one batch ``(images, labels)``, after MixUp or CutMix if set."""
        images, labels = batch[0], batch[1]
        if self.mix is not None:
            if labels.dim() == 2 or isinstance(labels, MixedLabels):
                raise ValueError(
                    "the labels are mixed already, by the data or by augmentation's recipe 'snapmix': set mixup_alpha "
                    "and cutmix_alpha to 0"
                )
            images, labels = self.mix(images, labels)
        loss = F.cross_entropy(self(images), labels, label_smoothing=self.label_smoothing)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the class probabilities (N, num_classes)."""
        images = batch if isinstance(batch, Tensor) else batch[0]
        return self._predict(images).softmax(dim=1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimiser, with a group of parameters for the backbone and one for the head, and the schedule."""
        groups = parameter_groups(self.model, self.lr, self.head_lr)
        optimizer: torch.optim.Optimizer
        if self.optimizer_name == "sgd":
            optimizer = torch.optim.SGD(groups, momentum=self.momentum, weight_decay=self.weight_decay)
        else:
            optimizer = torch.optim.AdamW(groups, weight_decay=self.weight_decay)
        factor = schedule_by_step(
            self.trainer,
            schedule=self.schedule,
            warmup_epochs=self.warmup_epochs,
            step_epochs=self.step_epochs,
            step_gamma=self.step_gamma,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _heads(self) -> list[nn.Module]:
        return [self.model.get_submodule(name) for name in head_modules(self.model)]

    def _predict(self, images: Tensor) -> Tensor:
        """Compute the logits of images, of the mean prediction of both views with ``zoom``."""
        if self.zoom is None:
            return cast(Tensor, self(images))
        if not self._is_zoom_announced:
            self._is_zoom_announced = True
            rank_zero_info(f"zoom: {describe_zoom(self.zoom, self, images)}")
        return cast(Tensor, self.zoom(self, images))


def _check_at_least_zero(**settings: float | None) -> None:
    for name, value in settings.items():
        if value is not None and not 0 <= value < math.inf:
            raise ValueError(f"`{name}` must be at least 0, and finite, got {value}")


def _are_close(mean: Sequence[float], other: Sequence[float]) -> bool:
    """Return True if two means are the same but for rounding."""
    return all(abs(first - second) < 1e-4 for first, second in zip(mean, other, strict=False))


def _mix(num_classes: int, mixup_alpha: float, cutmix_alpha: float) -> v2.Transform | None:
    choices = []
    if mixup_alpha > 0:
        choices.append(v2.MixUp(alpha=mixup_alpha, num_classes=num_classes))
    if cutmix_alpha > 0:
        choices.append(v2.CutMix(alpha=cutmix_alpha, num_classes=num_classes))
    return v2.RandomChoice(choices) if choices else None
