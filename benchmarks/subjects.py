"""Models and images for the benchmarks."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from benchmarks.options import Options
from camaug import find_layer
from camaug.images.loading import load_image
from camaug.inspection.neutral import neutral
from camaug.training.create_classifier import create_classifier

__all__ = ["DATA", "layers_by_channels", "make_images", "make_model", "real_images"]

DATA = Path(os.environ.get("CAMAUG_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS = {"squeezenet1_0": "squeezenet1_0_imagenet.safetensors"}


def make_model(options: Options) -> tuple[nn.Module, bool]:
    """Create the classifier of 1,000 classes in evaluation mode, and return it with True if its weights are trained.

    Trained weights are loaded from ``CAMAUG_DATA`` (by default ``../shared/data``) if they are there.
    """
    torch.manual_seed(0)
    weights = DATA / WEIGHTS.get(options.model, "none")
    trained = weights.is_file()
    model = create_classifier(options.model, 1000, checkpoint=weights if trained else None)
    return model.to(options.device).eval(), trained


def make_images(options: Options, count: int | None = None, size: int | None = None) -> Tensor:
    """Draw images of noise (N, 3, H, W), since the content does not affect the time."""
    side = size or options.image_size
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count or options.batch_size, 3, side, side, generator=generator).to(options.device)


def real_images(options: Options, limit: int) -> tuple[Tensor, Tensor] | None:
    """Load the ImageNet samples in ``CAMAUG_DATA``, (N, 3, H, W), and their classes, or None without samples."""
    paths = sorted((DATA / "imagenet_samples").glob("*.jpg"))
    if not paths:
        return None
    prepare = v2.Compose(
        [
            v2.PILToTensor(),
            v2.Resize(max(options.image_size * 256 // 224, options.image_size)),
            v2.CenterCrop(options.image_size),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    chosen = paths[:: max(1, len(paths) // limit)][:limit]
    images = torch.stack([prepare(load_image(path)) for path in chosen])
    return images.to(options.device), torch.tensor([int(path.name[:3]) for path in chosen]).to(options.device)


def layers_by_channels(model: nn.Module, images: Tensor) -> list[tuple[str, int]]:
    """Find the last layer for each number of channels, with the number, fewest first.

    A transformer, whose features are tokens, has only its target layer.
    """
    channels: dict[str, int] = {}

    def note(name: str, output: object) -> None:
        # Feature maps of square images are square, unless they are channels-last.
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[1] >= 8 and _is_square(output):
            channels[name] = output.shape[1]

    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: note(name, output))
        for name, module in model.named_modules()
        if name
    ]
    try:
        with neutral(model):
            model(images[:1])
    finally:
        for handle in handles:
            handle.remove()
    layer = find_layer(model, images)
    if not channels:
        return [(layer.name, layer.channels)]
    # Layers after the target layer, such as a convolutional classifier, have no spatial positions.
    names = list(channels)
    before = names[: names.index(layer.name) + 1] if layer.name in names else names
    return sorted(((name, count) for count, name in {channels[n]: n for n in before}.items()), key=lambda pair: pair[1])


def _is_square(maps: Tensor) -> bool:
    return maps.shape[2] == maps.shape[3] > 1
