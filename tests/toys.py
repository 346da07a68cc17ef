"""Small networks, data sets, a trainer and a clock that several tests share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset
from torchvision.transforms import v2

from camaug.augmentation.recipes import Recipe, as_recipe

CLASSES = 3

# Networks


class TinyNet(nn.Module):
    """Two convolutions with batch-norm and a linear head: images (N, 3, H, W), features (N, 12, H/4, W/4), 5 logits."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(inplace))
        self.body = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(inplace))
        self.head = nn.Linear(12, 5)
        with torch.no_grad():
            self.head.weight.mul_(20)  # confident predictions keep the gains of Group-CAM well above rounding

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(self.stem(images)).mean(dim=(2, 3)))


class DropoutNet(nn.Sequential):
    """A classifier of 24 × 24 images with batch-norm, dropout and in-place ReLU, which careless explainers disturb."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Dropout(0.3),
            nn.Flatten(),
            nn.Linear(8 * 12 * 12, CLASSES),
        )


class DictOutput(nn.Module):
    """A wrapper that returns a network's logits in a dictionary."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> dict[str, Any]:
        return {"loss": None, "logits": self.net(images)}


class OtherOutput(nn.Module):
    """A wrapper that returns a function of a network's logits."""

    def __init__(self, net: nn.Module, output: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.net = net
        self.output = output

    def forward(self, images: Tensor) -> Any:
        return self.output(self.net(images))


# Layers


class Scale(nn.Module):
    """A layer that multiplies its input by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class Restless(nn.Module):
    """A layer that changes its buffers and draws from every random-number generator at each call."""

    written: Tensor
    replaced: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("written", torch.zeros(()))
        self.register_buffer("replaced", torch.zeros(2), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        self.written += 1
        self.replaced = self.replaced + 1
        return x + 0.01 * (torch.rand(()) + random.random() + np.random.rand())


class Fuse(nn.Module):
    """An identity layer that raises from its ``after``-th call on, or never if ``after`` is None."""

    after: int | None = None
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.after is not None and self.calls >= self.after:
            raise RuntimeError("fuse blown")
        return x


# Lightning


class ToyClassifier(L.LightningModule):
    """A classifier around :class:`DropoutNet` that records its training images and losses."""

    def __init__(self) -> None:
        super().__init__()
        self.net = DropoutNet()
        self.seen: list[Tensor] = []
        self.losses: list[float] = []

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        images, labels = batch[0], batch[1]
        self.seen.append(images.detach().clone())
        loss = F.cross_entropy(self(images), labels)
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch, batch_idx):
        self.log("test/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


def quiet_trainer(
    folder: Path,
    *callbacks: L.Callback,
    name: str = "run",
    version: str = "0",
    trainer_class: Callable[..., Any] = L.Trainer,
    **settings: Any,
) -> Any:
    """Return a trainer for two epochs on the CPU that prints nothing and logs to TensorBoard under the folder."""
    defaults = {
        "logger": L.pytorch.loggers.TensorBoardLogger(folder, name=name, version=version),
        "max_epochs": 2,
        "accelerator": "cpu",
        "devices": 1,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
    }
    return trainer_class(callbacks=list(callbacks), **(defaults | settings))


# Data sets


class Blobs(Dataset):
    """Images 24 × 24 with one bright square, whose position gives the class and whose mask is known."""

    classes = ("left", "middle", "right")

    def __init__(self, size: int = 24) -> None:
        generator = torch.Generator().manual_seed(0)
        self.targets = [index % CLASSES for index in range(size)]
        self.images = torch.rand(size, 3, 24, 24, generator=generator) * 0.3
        self.masks = torch.zeros(size, 24, 24, dtype=torch.bool)
        for index, target in enumerate(self.targets):
            self.masks[index, 8:16, 8 * target : 8 * target + 8] = True
        self.images += self.masks[:, None] * 0.7

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int):
        return self.images[index], self.targets[index]

    def object_mask(self, index: int) -> Tensor:
        return self.masks[index]


class TransformedBlobs(Blobs):
    """Blobs with a transform of the images: a random flip unless another one is given."""

    def __init__(self, size: int = 24, transform: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__(size)
        self.transform = transform or v2.RandomHorizontalFlip()

    def __getitem__(self, index: int):
        image, label = super().__getitem__(index)
        return self.transform(image), label


class Stream(IterableDataset):
    """An iterable data set of the given items, without a length."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self.items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


# Time


class FakeClock:
    """A replacement of the module ``time`` whose clock runs when told to, and by ``tick`` seconds at each reading."""

    def __init__(self, tick: float = 0.0) -> None:
        self.seconds = 0.0
        self.tick = tick

    def __call__(self, *_: Any) -> float:
        self.seconds += self.tick
        return self.seconds

    perf_counter = monotonic = __call__

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


def certain_recipe(name: str) -> Recipe:
    """Return the recipe of a name that changes every batch."""
    recipe = as_recipe(name)
    return replace(recipe, probability=1.0) if recipe.share_of_batches < 1 else recipe
