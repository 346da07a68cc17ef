"""Training without and with callbacks that explain, and a comparison of both final states bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
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
    """A classifier with the pooled linear head that CAM needs."""

    def __init__(self) -> None:
        layers = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        layers += [nn.Dropout(0.3), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))


def transformer() -> nn.Module:
    """Return a transformer of two blocks with dropout and stochastic depth."""
    sizes = {"img_size": 24, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": CLASSES}
    return timm.models.VisionTransformer(**sizes, drop_rate=0.2, drop_path_rate=0.2)


NETWORKS = {"cam": PooledNet, "legrad": transformer}  # for methods that cannot explain every network


def network_for(name: str) -> Callable[[], nn.Module]:
    """Return the class of a network that a registered explainer can explain."""
    return NETWORKS.get(name, DropoutNet)


# Settings of a training run. Every network has batch-norm, dropout and in-place ReLU.


class Averaging(WeightAveraging):
    """An average of the weights that gives each step a tenth."""

    def __init__(self) -> None:
        super().__init__(avg_fn=lambda averaged, current, count: 0.9 * averaged + 0.1 * current)


class Checkpointed(ToyClassifier):
    """A classifier that recomputes its activations in the backward pass."""

    reentrant = False

    def forward(self, images):
        if not isinstance(self.net, nn.Sequential):
            self.net.set_grad_checkpointing(True)
            return self.net(images)
        inner, head = nn.Sequential(*list(self.net)[:8]), nn.Sequential(*list(self.net)[8:])
        # A reentrant checkpoint has gradients only if its input requires them.
        images = images.requires_grad_() if self.reentrant and torch.is_grad_enabled() else images
        return head(checkpoint(inner, images, use_reentrant=self.reentrant))


class CheckpointedReentrantly(Checkpointed):
    """A classifier with reentrant checkpoints."""

    reentrant = True


class Manual(ToyClassifier):
    """A classifier with manual optimisation."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        loss = super().training_step(batch, batch_idx)
        self.manual_backward(loss)
        optimizer.step()
        optimizer.zero_grad()  # after the step, so that gradients added between two steps count


def freeze_first_parameter(module: ToyClassifier) -> ToyClassifier:
    next(module.net.parameters()).requires_grad_(False)
    return module


def compile_network(module: ToyClassifier, backend: str = "aot_eager") -> ToyClassifier:
    module.net = torch.compile(module.net, backend=backend)
    return module


@dataclass(frozen=True)
class Setting:
    """The trainer, the module and the changes of a training run."""

    trainer: dict[str, Any] = field(default_factory=dict)
    module: type[ToyClassifier] = ToyClassifier
    change: Callable[[ToyClassifier], Any] = lambda module: module
    is_averaged: bool = False


SETTINGS = {
    "plain": Setting(),
    "accumulated": Setting({"accumulate_grad_batches": 2}),
    "clipped": Setting({"gradient_clip_val": 0.1}),
    "averaged weights": Setting(is_averaged=True),
    "bf16": Setting({"precision": "bf16-mixed"}),
    "frozen layer": Setting(change=freeze_first_parameter),
    "compiled network": Setting(change=compile_network),
    "compiled module": Setting(change=lambda module: torch.compile(module, backend="eager")),
    "checkpointed": Setting(module=Checkpointed),
    "checkpointed, reentrant": Setting(module=CheckpointedReentrantly),
    "no inference mode": Setting({"inference_mode": False}),
    "validation in mid-epoch": Setting({"val_check_interval": 2}),
    "validation in mid-accumulation": Setting({"val_check_interval": 2, "accumulate_grad_batches": 3}),
    "manual optimisation": Setting(module=Manual),
}
INDUCTOR = Setting(change=lambda module: compile_network(module, "inductor"))


# Callbacks

BLUR = {"blur_kernel_size": 5, "blur_sigma": 5.0}
CALLBACKS: dict[str, Callable[[Explainer], L.Callback]] = {
    "logger": lambda explainer: CamLogger(explainer, num_images=3),
    "logger of each step": lambda explainer: CamLogger(explainer, num_images=3, every_n_steps=1, tag="steps"),
    "evaluator": lambda explainer: CamEvaluator(["average_drop", "drift"], explainer, num_images=3),
    "augmentation that starts later": lambda explainer: GroupCamAugmentation(
        explainer, preset="paper", share=0.5, start_epoch=9, **BLUR
    ),
    "augmentation of no image": lambda explainer: GroupCamAugmentation(explainer, preset="paper", share=0, **BLUR),
}
EXPLAINING = ["logger", "evaluator", "augmentation that starts later"]  # together in one training run


def create_callback(kind: str, explainer: Explainer) -> L.Callback:
    return CALLBACKS[kind](explainer)


def create_callbacks(name: str, kinds: Iterable[str]) -> list[L.Callback]:
    """Return callbacks of some kinds with a registered explainer."""
    return [create_callback(kind, small(name)) for kind in kinds]


# Training runs


def train(
    make_trainer: Callable[..., L.Trainer],
    setting: Setting,
    callbacks: list[L.Callback],
    network: Callable[[], nn.Module] = DropoutNet,
    epochs: int = 2,
) -> dict[str, Any]:
    """Train for epochs of three batches.

    Returns:
        The final state, by name.
    """
    torch.compiler.reset()
    L.seed_everything(1, verbose=False)
    module = setting.module()
    module.net = network()
    changed = setting.change(module)
    averaging = [Averaging()] if setting.is_averaged else []
    trainer = make_trainer(*callbacks, *averaging, max_epochs=epochs, **setting.trainer)
    trainer.fit(changed, DataLoader(Blobs(), batch_size=8, shuffle=True), DataLoader(Blobs(), batch_size=8))
    return dict(_final_state(trainer, module, averaging))


def _final_state(trainer: L.Trainer, module: ToyClassifier, averaging: list[Averaging]) -> Iterator[tuple[str, Any]]:
    for name, parameter in module.named_parameters():
        yield f"weights: {name}", _bits(parameter)
        yield f"gradients: {name}", None if parameter.grad is None else _bits(parameter.grad)
        yield f"frozen: {name}", parameter.requires_grad
    for name, buffer in module.named_buffers():
        yield f"buffers: {name}", _bits(buffer)
    for name, part in module.named_modules():
        yield f"modes: {name}", part.training
        yield f"hooks: {name}", [len(hooks) for hooks in (part._forward_hooks, part._forward_pre_hooks)]
    for index, state in enumerate(trainer.optimizers[0].state_dict()["state"].values()):
        yield f"optimizer: {index}", {key: _bits(torch.as_tensor(value)) for key, value in state.items()}
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
    """Return the names of the states that differ in any bit."""
    return sorted(name for name in without | beside if without.get(name, "none") != beside.get(name, "none"))


# Explainers that change the training run


@dataclass(frozen=True)
class Polluter(Explainer):
    """An explainer that leaves one kind of change behind."""

    kind: str

    name = "polluter"

    def saliency(self, evidence):
        return evidence.images.mean(dim=1)

    def __call__(self, model, images, targets=None, *, forward=None):
        explanation = super().__call__(model, images, targets, forward=forward)
        inner = model.net
        with torch.inference_mode(False), torch.enable_grad():
            POLLUTIONS[self.kind](inner, images.clone())
        return explanation


def backpropagate(net: nn.Module, images: torch.Tensor) -> None:
    """Add to the gradients, as many explainers do, on a path that the callbacks do not restore."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    F.cross_entropy(net(images), torch.zeros(len(images), dtype=torch.int64)).backward()
    for module, training in modes.items():
        module.training = training


def run_in_training_mode(net: nn.Module, images: torch.Tensor) -> None:
    with torch.random.fork_rng(), torch.no_grad():
        net.train()(images)


def draw_in_later_forwards(draw: Callable[[], object]) -> Callable[[nn.Module, torch.Tensor], None]:
    """Return a pollution that draws in the training's own forwards: the callbacks undo what is drawn at once."""

    def hook(module, inputs, output) -> None:
        draw()

    return lambda net, images: net[0].register_forward_hook(hook)


POLLUTIONS: dict[str, Callable[[nn.Module, torch.Tensor], Any]] = {
    "weights": lambda net, images: next(net.parameters()).data.mul_(1 + 1e-6),
    "gradients": backpropagate,
    "frozen": lambda net, images: net.requires_grad_(True),
    "buffers": run_in_training_mode,
    "modes": lambda net, images: net.eval(),
    "hooks": lambda net, images: net.register_forward_hook(lambda *_: None),
    "torch's random numbers": draw_in_later_forwards(lambda: torch.rand(1)),
    "python's random numbers": draw_in_later_forwards(random.random),
    "numpy's random numbers": draw_in_later_forwards(np.random.rand),
    "process": lambda net, images: torch.set_num_threads(torch.get_num_threads() + 1),
}
