"""The LightningModule that ``train.py`` trains."""

from __future__ import annotations

import math
from typing import Any, Literal, cast, get_args

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy
from torchvision.transforms import v2

from camaug.training.create_classifier import create_classifier, head_modules, load_weights
from camaug.training.schedules import Schedule, learning_rate_factor

__all__ = ["ImageClassifier"]


class ImageClassifier(L.LightningModule):
    """Trains any timm or torchvision classifier.

    Logs ``train/loss``, ``val/loss``, ``val/accuracy`` and, from six classes on, ``val/accuracy_top5``; ``test/…``
    likewise.

    What it learns of the data module in training goes into its checkpoints: ``class_names``, and ``preprocessing``, the
    ``image_size``, ``mean``, ``std`` and ``crop_pct`` of the evaluation images.

    Args:
        name: The model's name; see :func:`camaug.training.create_classifier.create_classifier`.
        num_classes: Number of classes; ``train.py`` takes it from the data.
        pretrained: Whether to download the library's pretrained weights.
        checkpoint: A file of weights to begin with, ``.safetensors`` or weights-only ``.pth``. A head of another
            number of classes is replaced by a fresh one.
        model_args: More arguments of the model's constructor.
        optimizer: ``sgd`` (with ``momentum``) or ``adamw``.
        lr: Learning rate of the backbone.
        head_lr: Learning rate of the classification head; None for that of the backbone.
        momentum: Momentum of SGD.
        weight_decay: Weight decay.
        schedule: Course of the learning rates: ``constant``, ``step`` or ``cosine``.
        warmup_epochs: Epochs of a linear rise at the beginning.
        step_epochs: Epochs between two steps of the ``step`` schedule.
        step_gamma: Factor of such a step.
        label_smoothing: Share of the label that is spread over all classes, in [0, 1).
        mixup_alpha: Strength of MixUp; 0 for none. With CutMix too, one of both is drawn for each batch.
        cutmix_alpha: Strength of CutMix; 0 for none.
        freeze_backbone: Whether only the head is trained; the backbone then stays in evaluation mode.
        channels_last: Whether weights and images are laid out with channels last, which convolutions run faster in on
            most machines, in low precision above all.

    Raises:
        ValueError: If the optimiser or the schedule is unknown, or the label smoothing is no share.
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
    ) -> None:
        super().__init__()
        if optimizer not in ("sgd", "adamw"):
            raise ValueError(f"unknown optimizer {optimizer!r}; the known ones are sgd, adamw")
        if schedule not in get_args(Schedule):
            raise ValueError(f"unknown schedule {schedule!r}; the known ones are {', '.join(get_args(Schedule))}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"`label_smoothing` must be in [0, 1), got {label_smoothing}")
        self.save_hyperparameters()
        from_both = checkpoint if pretrained else None  # which is refused
        self.model = create_classifier(
            name, num_classes, pretrained=pretrained, checkpoint=from_both, model_args=model_args
        )
        self._fresh_head = [] if checkpoint is None else load_weights(self.model, checkpoint)
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
        self.val_metrics = _accuracies(num_classes, "val/")
        self.test_metrics = _accuracies(num_classes, "test/")

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes) of images (N, 3, H, W)."""
        return cast(Tensor, self.model(images.contiguous(memory_format=self.memory_format)))

    def setup(self, stage: str) -> None:
        """Learn what the classes are called; warn where the data are not normalised as the weights expect.

        Raises:
            ValueError: In prediction, if the checkpoint's head is of another number of classes.
        """
        datamodule = getattr(self.trainer, "datamodule", None)
        if stage == "fit":
            self.class_names = _class_names(datamodule, self.hparams["num_classes"])
            self.preprocessing = _preprocessing(datamodule)
        if stage == "predict" and self._fresh_head and not self.trainer.ckpt_path:
            raise ValueError(
                f"the head of the checkpoint {self.hparams['checkpoint']!r} is not of {self.hparams['num_classes']} "
                "classes, so that it would predict at random: set model.num_classes to the checkpoint's"
            )
        config: dict[str, Any] = getattr(self.model, "pretrained_cfg", {})
        given = getattr(getattr(self.trainer, "datamodule", None), "mean", None)
        if self.hparams["pretrained"] and "mean" in config and given and tuple(config["mean"]) != tuple(given):
            rank_zero_warn(
                f"the pretrained weights of {self.hparams['name']} expect images normalised with mean {config['mean']} "
                f"and std {config['std']}, the data module uses mean {tuple(given)}: set data.mean and data.std"
            )

    def train(self, mode: bool = True) -> ImageClassifier:
        """Set the training mode; a frozen backbone stays in evaluation mode, so that its batch-norm rests."""
        super().train(mode)
        if self.freeze_backbone:
            self.model.eval()
            for head in self._heads():
                head.train(mode)
        return self

    def on_train_start(self) -> None:
        """Let a frozen backbone rest: Lightning keeps the mode a model is in, and a new one is in training mode."""
        self._fresh_head = []  # it is about to learn
        if self.freeze_backbone:
            self.train(self.training)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """A saved classifier carries all its weights: loading it needs neither a download nor another file."""
        if "hyper_parameters" in checkpoint:
            checkpoint["hyper_parameters"].update(pretrained=False, checkpoint=None)
        checkpoint["class_names"], checkpoint["preprocessing"] = self.class_names, self.preprocessing

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """A loaded classifier knows its classes' names and how its images are prepared, where the checkpoint does."""
        self.class_names, self.preprocessing = checkpoint.get("class_names"), checkpoint.get("preprocessing")
        self._fresh_head = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of one batch ``(images, labels)``, mixed if that is asked for."""
        images, labels = batch[0], batch[1]
        if self.mix is not None:
            if labels.dim() == 2:
                raise ValueError(
                    "the labels are mixed already, by the data or by augmentation's recipe 'mix': set mixup_alpha and "
                    "cutmix_alpha to 0"
                )
            images, labels = self.mix(images, labels)
        loss = F.cross_entropy(self(images), labels, label_smoothing=self.label_smoothing)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log loss and accuracy."""
        self._evaluate(batch, "val/loss", self.val_metrics)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log loss and accuracy."""
        self._evaluate(batch, "test/loss", self.test_metrics)

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Class probabilities (N, num_classes)."""
        images = batch if isinstance(batch, Tensor) else batch[0]
        return cast(Tensor, self(images).softmax(dim=1))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One group of parameters for the backbone, one for the head, and the schedule stepped every batch."""
        head = {id(parameter) for module in self._heads() for parameter in module.parameters()}
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        groups = [
            {"params": [p for p in trained if id(p) not in head], "lr": self.lr, "name": "backbone"},
            {"params": [p for p in trained if id(p) in head], "lr": self.head_lr, "name": "head"},
        ]
        groups = [group for group in groups if group["params"]]
        optimizer: torch.optim.Optimizer
        if self.optimizer_name == "sgd":
            optimizer = torch.optim.SGD(groups, momentum=self.momentum, weight_decay=self.weight_decay)
        else:
            optimizer = torch.optim.AdamW(groups, weight_decay=self.weight_decay)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_factor())
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _learning_rate_factor(self) -> Any:
        if self.schedule == "constant" and self.warmup_epochs == 0:
            return lambda step: 1.0
        steps = self.trainer.estimated_stepping_batches
        if self.schedule == "cosine" and steps == float("inf"):
            raise ValueError("the cosine schedule needs an end: set trainer.max_epochs, or choose another schedule")
        if self.trainer.train_dataloader is None:  # not yet counted where `max_steps` alone is given
            self.trainer.fit_loop.setup_data()
        batches = self.trainer.num_training_batches
        if batches == float("inf"):
            raise ValueError(
                f"the {self.schedule} schedule with {self.warmup_epochs} epochs of warm-up counts epochs, and the "
                "training data have no length: set trainer.limit_train_batches, or choose the constant schedule "
                "without warm-up"
            )
        # The last batches of an epoch are a step too where accumulation does not divide their number.
        steps_per_epoch = max(math.ceil(batches / self.trainer.accumulate_grad_batches), 1)
        total_epochs = steps / steps_per_epoch

        def factor(step: int) -> float:
            return learning_rate_factor(
                step / steps_per_epoch,
                schedule=self.schedule,
                total_epochs=total_epochs,
                warmup_epochs=self.warmup_epochs,
                step_epochs=self.step_epochs,
                step_gamma=self.step_gamma,
            )

        return factor

    def _heads(self) -> list[nn.Module]:
        return [self.model.get_submodule(name) for name in head_modules(self.model)]

    def _evaluate(self, batch: Any, loss_name: str, metrics: MetricCollection) -> None:
        images, labels = batch[0], batch[1]
        logits = self(images)
        metrics.update(logits, labels)
        self.log(loss_name, F.cross_entropy(logits, labels), sync_dist=True, batch_size=len(images))
        self.log_dict(metrics, prog_bar=True, batch_size=len(images))


def _class_names(datamodule: Any, classes: int) -> list[str] | None:
    names = getattr(datamodule, "classes", None)
    return [str(name) for name in names] if isinstance(names, list | tuple) and len(names) == classes else None


def _preprocessing(datamodule: Any) -> dict[str, Any] | None:
    """How a data module prepares images for evaluation, in plain types; None where it does not say."""
    if any(getattr(datamodule, name, None) is None for name in ("image_size", "mean", "std")):
        return None
    return {
        "image_size": int(datamodule.image_size),
        "mean": tuple(float(value) for value in datamodule.mean),
        "std": tuple(float(value) for value in datamodule.std),
        "crop_pct": float(getattr(datamodule, "crop_pct", 1.0)),
    }


def _accuracies(num_classes: int, prefix: str) -> MetricCollection:
    metrics: dict[str, Metric | MetricCollection] = {"accuracy": MulticlassAccuracy(num_classes, average="micro")}
    if num_classes > 5:
        metrics["accuracy_top5"] = MulticlassAccuracy(num_classes, average="micro", top_k=5)
    return MetricCollection(metrics, prefix=prefix)


def _mix(num_classes: int, mixup_alpha: float, cutmix_alpha: float) -> v2.Transform | None:
    choices = []
    if mixup_alpha > 0:
        choices.append(v2.MixUp(alpha=mixup_alpha, num_classes=num_classes))
    if cutmix_alpha > 0:
        choices.append(v2.CutMix(alpha=cutmix_alpha, num_classes=num_classes))
    return v2.RandomChoice(choices) if choices else None
