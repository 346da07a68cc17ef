"""Training without and with watchers, and everything that it leaves behind, compared bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import lightning as L
import numpy as np
import timm
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import WeightAveraging
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader

from camaug import Explainer
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from tests.small_explainers import small
from tests.toys import CLASSES, Blobs, DropoutNet, ToyClassifier

# Networks


class PooledNet(nn.Sequential):
    """A head as CAM knows it; batch-norm, dropout and in-place ReLU before it."""

    def __init__(self) -> None:
        layers = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        layers += [nn.Dropout(0.3), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))


def transformer() -> nn.Module:
    """Two blocks with dropout and stochastic depth."""
    sizes = {"img_size": 24, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": CLASSES}
    return timm.models.VisionTransformer(**sizes, drop_rate=0.2, drop_path_rate=0.2)


NETWORKS = {"cam": PooledNet, "legrad": transformer}  # of those that cannot explain every network


# Settings: what a training may be like. Batch-norm, dropout and in-place ReLU are in all of them.


class Averaging(WeightAveraging):
    def __init__(self) -> None:
        super().__init__(avg_fn=lambda averaged, current, count: 0.9 * averaged + 0.1 * current)


class Checkpointed(ToyClassifier):
    reentrant = False

    def forward(self, images):
        if not isinstance(self.net, nn.Sequential):
            self.net.set_grad_checkpointing(True)
            return self.net(images)
        inner, head = nn.Sequential(*list(self.net)[:8]), nn.Sequential(*list(self.net)[8:])
        # A reentrant part has a gradient only if its input has one.
        images = images.requires_grad_() if self.reentrant and torch.is_grad_enabled() else images
        return head(checkpoint(inner, images, use_reentrant=self.reentrant))


class CheckpointedReentrantly(Checkpointed):
    reentrant = True


class Manual(ToyClassifier):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        loss = super().training_step(batch, batch_idx)
        self.manual_backward(loss)
        optimizer.step()
        optimizer.zero_grad()  # not before the step: whatever is added in between counts


def frozen(module: ToyClassifier) -> ToyClassifier:
    next(module.net.parameters()).requires_grad_(False)
    return module


def with_compiled_network(module: ToyClassifier, backend: str = "aot_eager") -> ToyClassifier:
    module.net = torch.compile(module.net, backend=backend)
    return module


@dataclass(frozen=True)
class Setting:
    trainer: dict[str, Any] = field(default_factory=dict)
    module: type[ToyClassifier] = ToyClassifier
    change: Callable[[ToyClassifier], Any] = lambda module: module
    averaged: bool = False


SETTINGS = {
    "plain": Setting(),
    "accumulated": Setting({"accumulate_grad_batches": 2}),
    "clipped": Setting({"gradient_clip_val": 0.1}),
    "averaged weights": Setting(averaged=True),
    "bf16": Setting({"precision": "bf16-mixed"}),
    "frozen layer": Setting(change=frozen),
    "compiled network": Setting(change=with_compiled_network),
    "compiled module": Setting(change=lambda module: torch.compile(module, backend="eager")),
    "checkpointed": Setting(module=Checkpointed),
    "checkpointed, reentrant": Setting(module=CheckpointedReentrantly),
    "no inference mode": Setting({"inference_mode": False}),
    "validation in mid-epoch": Setting({"val_check_interval": 2}),
    "validation in mid-accumulation": Setting({"val_check_interval": 2, "accumulate_grad_batches": 3}),
    "manual optimisation": Setting(module=Manual),
}
INDUCTOR = Setting(change=lambda module: with_compiled_network(module, "inductor"))


# Watchers

BLUR = {"blur_kernel_size": 5, "blur_sigma": 5.0}
WATCHERS: dict[str, Callable[[Explainer], L.Callback]] = {
    "logger": lambda explainer: CamLogger(explainer, images=3),
    "evaluator": lambda explainer: CamEvaluator(["average_drop", "drift"], explainer, images=3),
    "augmentation that is only tried": lambda explainer: GroupCamAugmentation(
        explainer, preset="paper", share=0.5, start_epoch=9, **BLUR
    ),
    "augmentation of no image": lambda explainer: GroupCamAugmentation(explainer, preset="paper", share=0, **BLUR),
}
LOOKING = [kind for kind in WATCHERS if kind != "augmentation of no image"]  # which go together in one training


# Training


def train(
    make_trainer: Callable[..., L.Trainer],
    setting: Setting,
    watchers: list[L.Callback],
    network: Callable[[], nn.Module] = DropoutNet,
    epochs: int = 2,
) -> dict[str, Any]:
    """Train for epochs of three batches.

    Returns:
        Everything that is left behind, by name.
    """
    torch.compiler.reset()
    L.seed_everything(1, verbose=False)
    module = setting.module()
    module.net = network()
    given = setting.change(module)
    averaging = [Averaging()] if setting.averaged else []
    trainer = make_trainer(*watchers, *averaging, max_epochs=epochs, **setting.trainer)
    trainer.fit(given, DataLoader(Blobs(), batch_size=8, shuffle=True), DataLoader(Blobs(), batch_size=8))
    return dict(_left_behind(trainer, module, averaging))


def explained_network(name: str) -> Callable[[], nn.Module]:
    """A network that a registered explainer can explain."""
    return NETWORKS.get(name, DropoutNet)


def watchers_of(name: str, *kinds: str) -> list[L.Callback]:
    return [WATCHERS[kind](small(name)) for kind in kinds]


def _left_behind(trainer: L.Trainer, module: ToyClassifier, averaging: list[Averaging]) -> Iterator[tuple[str, Any]]:
    for name, parameter in module.named_parameters():
        yield f"weights: {name}", _bits(parameter)
        yield f"gradients: {name}", None if parameter.grad is None else _bits(parameter.grad)
        yield f"frozen: {name}", parameter.requires_grad
    for name, buffer in module.named_buffers():
        yield f"buffers: {name}", _bits(buffer)
    for name, part in module.named_modules():
        yield f"modes: {name}", part.training
        yield f"hooks: {name}", [len(hooks) for hooks in (part._forward_hooks, part._forward_pre_hooks)]
    for place, state in enumerate(trainer.optimizers[0].state_dict()["state"].values()):
        yield f"optimizer: {place}", {key: _bits(torch.as_tensor(value)) for key, value in state.items()}
    for each in averaging:
        for name, average in each._average_model.named_parameters():
            yield f"averages: {name}", _bits(average)
    yield "losses:", module.losses
    yield "torch's random numbers:", _bits(torch.get_rng_state())
    yield "python's random numbers:", random.getstate()
    yield "numpy's random numbers:", str(np.random.get_state())
    yield "process:", (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_num_threads())


def _bits(tensor: torch.Tensor) -> bytes:
    tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def differences(without: dict[str, Any], beside: dict[str, Any]) -> list[str]:
    """The names of what is not the very same."""
    return sorted(name for name in without | beside if without.get(name, "none") != beside.get(name, "none"))


# Explainers that must be found out


@dataclass(frozen=True)
class Polluter(Explainer):
    """Explains, and then does one of the things that an explainer must not."""

    how: str

    name = "polluter"

    def saliency(self, evidence):
        return evidence.images.mean(dim=1)

    def __call__(self, model, images, targets=None, *, forward=None):
        explanation = super().__call__(model, images, targets, forward=forward)
        inner = model.net
        with torch.inference_mode(False), torch.enable_grad():
            POLLUTIONS[self.how](inner, images.clone())
        return explanation


def backward(net: nn.Module, images: torch.Tensor) -> None:
    """As many explainers do; callbacks that clear what they know of are passed by."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    F.cross_entropy(net(images), torch.zeros(len(images), dtype=torch.int64)).backward()
    for module, training in modes.items():
        module.training = training


def in_training_mode(net: nn.Module, images: torch.Tensor) -> None:
    with torch.random.fork_rng(), torch.no_grad():
        net.train()(images)


def drawing(draw: Callable[[], object]) -> Callable[[nn.Module, torch.Tensor], None]:
    """Draw later, in training's own forwards: what is drawn at once, the callbacks undo."""

    def hook(module, inputs, output) -> None:
        draw()

    return lambda net, images: net[0].register_forward_hook(hook)


POLLUTIONS: dict[str, Callable[[nn.Module, torch.Tensor], Any]] = {
    "weights": lambda net, images: next(net.parameters()).data.mul_(1 + 1e-6),
    "gradients": backward,
    "frozen": lambda net, images: net.requires_grad_(True),
    "buffers": in_training_mode,
    "modes": lambda net, images: net.eval(),
    "hooks": lambda net, images: net.register_forward_hook(lambda *_: None),
    "torch's random numbers": drawing(lambda: torch.rand(1)),
    "python's random numbers": drawing(random.random),
    "numpy's random numbers": drawing(np.random.rand),
    "process": lambda net, images: torch.set_num_threads(torch.get_num_threads() + 1),
}
