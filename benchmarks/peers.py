"""The same methods in other libraries: on the same layer, model and batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

import torch
from torch import Tensor, nn

__all__ = ["count_images", "hooks_left", "peers", "targets_of", "versions"]

PACKAGES = {"pytorch-grad-cam": "grad-cam", "torchcam": "torchcam", "captum": "captum"}
CHUNK = 32  # queries at once, where a library asks in chunks


def peers(
    model: nn.Module, layer: nn.Module, narrow: nn.Module, images: Tensor, targets: Tensor
) -> dict[str, Callable[[], object]]:
    """What the libraries that are installed do, by name.

    Each call makes the library's object, asks it and removes its hooks: so do camaug's calls.

    Args:
        model: The classifier.
        layer: The target layer.
        narrow: That of Score-CAM, which costs a forward a channel.
        images: (N, 3, H, W).
        targets: The explained classes, (N,).
    """
    found: dict[str, Callable[[], object]] = {}
    with suppress(ImportError):
        found |= _grad_cam(model, layer, narrow, images, targets)
    with suppress(ImportError):
        found |= _torchcam(model, layer, narrow, images, targets)
    with suppress(ImportError):
        found |= _captum(model, layer, images, targets)
    return found


def _grad_cam(
    model: nn.Module, layer: nn.Module, narrow: nn.Module, images: Tensor, targets: Tensor
) -> dict[str, Callable[[], object]]:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    wanted = [ClassifierOutputTarget(target) for target in targets.tolist()]

    def ask(name: str) -> Callable[[], object]:
        def run() -> object:
            where = narrow if name == "ScoreCAM" else layer
            with getattr(pytorch_grad_cam, name)(model, [where]) as method:
                method.batch_size = CHUNK
                maps = method(images, wanted)
            model.zero_grad(set_to_none=True)
            return maps

        return run

    names = ("GradCAM", "GradCAMPlusPlus", "HiResCAM", "XGradCAM", "LayerCAM", "EigenCAM", "ScoreCAM")
    return {f"pytorch-grad-cam {name}": ask(name) for name in names}


def _torchcam(
    model: nn.Module, layer: nn.Module, narrow: nn.Module, images: Tensor, targets: Tensor
) -> dict[str, Callable[[], object]]:
    import torchcam.methods

    wanted = targets.tolist()

    def ask(name: str) -> Callable[[], object]:
        def run() -> object:
            settings = {"batch_size": CHUNK} if name == "ScoreCAM" else {}
            with getattr(torchcam.methods, name)(model, narrow if name == "ScoreCAM" else layer, **settings) as method:
                maps = method(wanted, model(images))
                method.remove_hooks()
            model.zero_grad(set_to_none=True)
            return maps

        return run

    names = ("GradCAM", "GradCAMpp", "XGradCAM", "LayerCAM", "ScoreCAM")
    return {f"torchcam {name}": ask(name) for name in names}


def _captum(model: nn.Module, layer: nn.Module, images: Tensor, targets: Tensor) -> dict[str, Callable[[], object]]:
    from captum.attr import LayerGradCam

    return {"captum LayerGradCam": lambda: LayerGradCam(model, layer).attribute(images, target=targets)}


@contextmanager
def count_images(model: nn.Module) -> Iterator[list[int]]:
    """Count the images that pass through the model inside: the sum of the list."""
    counts: list[int] = []
    handle = model.register_forward_pre_hook(lambda _, inputs: counts.append(len(inputs[0])))
    try:
        yield counts
    finally:
        handle.remove()


def versions() -> str:
    """Which of the libraries are installed, and their versions."""
    known = []
    for name, package in PACKAGES.items():
        with suppress(PackageNotFoundError):
            known.append(f"{name} {version(package)}")
    return ", ".join(known) or "none of the other libraries is installed"


def hooks_left(model: nn.Module) -> int:
    """How many forward and backward hooks a model has."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


def targets_of(model: nn.Module, images: Tensor) -> Tensor:
    """The predicted classes, (N,)."""
    with torch.no_grad():
        return model(images).argmax(dim=1)
