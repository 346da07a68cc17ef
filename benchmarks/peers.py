"""The same methods in other libraries, on the same layer, model and batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version

import torch
from torch import Tensor, nn

__all__ = ["count_images", "hooks_left", "peers", "targets_of", "versions"]

PACKAGES = {"pytorch-grad-cam": "grad-cam", "torchcam": "torchcam", "captum": "captum"}
CHUNK = 32  # queries at once, where a library works in chunks


def peers(
    model: nn.Module, layer: nn.Module, narrow: nn.Module, images: Tensor, targets: Tensor
) -> dict[str, Callable[[], object]]:
    """Return calls of the methods of the installed libraries, by name.

    Each call creates the library's object, calls it and removes its hooks, as camaug's calls do.

    Args:
        model: The classifier.
        layer: The target layer.
        narrow: The layer for Score-CAM, which costs a forward pass a channel.
        images: (N, 3, H, W).
        targets: The explained classes, (N,).
    """
    calls: dict[str, Callable[[], object]] = {}
    with suppress(ImportError):
        calls |= _grad_cam(model, layer, narrow, images, targets)
    with suppress(ImportError):
        calls |= _torchcam(model, layer, narrow, images, targets)
    with suppress(ImportError):
        calls |= _captum(model, layer, images, targets)
    return calls


def _grad_cam(
    model: nn.Module, layer: nn.Module, narrow: nn.Module, images: Tensor, targets: Tensor
) -> dict[str, Callable[[], object]]:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    wanted = [ClassifierOutputTarget(target) for target in targets.tolist()]

    def call(name: str) -> Callable[[], object]:
        def run() -> object:
            where = narrow if name == "ScoreCAM" else layer
            with getattr(pytorch_grad_cam, name)(model, [where]) as method:
                method.batch_size = CHUNK
                maps = method(images, wanted)
            model.zero_grad(set_to_none=True)
            return maps

        return run

    names = ("GradCAM", "GradCAMPlusPlus", "HiResCAM", "XGradCAM", "LayerCAM", "EigenCAM", "ScoreCAM")
    return {f"pytorch-grad-cam {name}": call(name) for name in names}


def _torchcam(
    model: nn.Module, layer: nn.Module, narrow: nn.Module, images: Tensor, targets: Tensor
) -> dict[str, Callable[[], object]]:
    import torchcam.methods

    wanted = targets.tolist()

    def call(name: str) -> Callable[[], object]:
        def run() -> object:
            settings = {"batch_size": CHUNK} if name == "ScoreCAM" else {}
            with getattr(torchcam.methods, name)(model, narrow if name == "ScoreCAM" else layer, **settings) as method:
                maps = method(wanted, model(images))
                method.remove_hooks()
            model.zero_grad(set_to_none=True)
            return maps

        return run

    names = ("GradCAM", "GradCAMpp", "XGradCAM", "LayerCAM", "ScoreCAM")
    return {f"torchcam {name}": call(name) for name in names}


def _captum(model: nn.Module, layer: nn.Module, images: Tensor, targets: Tensor) -> dict[str, Callable[[], object]]:
    from captum.attr import LayerGradCam

    return {"captum LayerGradCam": lambda: LayerGradCam(model, layer).attribute(images, target=targets)}


@contextmanager
def count_images(model: nn.Module) -> Iterator[list[int]]:
    """Count the images that pass through the model inside the block, as the sum of the list."""
    counts: list[int] = []
    handle = model.register_forward_pre_hook(lambda _, inputs: counts.append(len(inputs[0])))
    try:
        yield counts
    finally:
        handle.remove()


def versions() -> str:
    """Return the installed libraries with their versions."""
    known = []
    for name, package in PACKAGES.items():
        with suppress(PackageNotFoundError):
            known.append(f"{name} {version(package)}")
    return ", ".join(known) or "none of the other libraries is installed"


def hooks_left(model: nn.Module) -> int:
    """Return the number of forward and backward hooks on a model."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


def targets_of(model: nn.Module, images: Tensor) -> Tensor:
    """Predict the classes (N,)."""
    with torch.no_grad():
        return model(images).argmax(dim=1)
