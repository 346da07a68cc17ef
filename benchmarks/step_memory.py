"""Peak memory of a training step with each recipe: ``python benchmarks/step_memory.py``.

All storages that PyTorch's operations create and that are alive at the same time are counted, in bytes: activations,
gradients, saliency maps, converted weights. The weights themselves are there before, and are not counted. So the values
do not depend on an allocator, and hold for any device. A step is forward, cross entropy and backward; with
augmentation, the transform of the batch before it, with its first comparison of both forwards left out.
"""

from __future__ import annotations

import argparse
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from camaug import FastForward, GroupCAM, GroupCamTransform  # noqa: E402
from camaug.augmentation.mixed_labels import MixedLabels  # noqa: E402
from camaug.augmentation.recipes import as_recipe, list_recipes  # noqa: E402
from camaug.experiments.table import Cell, Table  # noqa: E402
from camaug.experiments.table_text import to_markdown  # noqa: E402
from camaug.inspection.neutral import neutral  # noqa: E402

CLASSES, SEED = 10, 0
MEGABYTE = 2**20


class StorageMeter(TorchDispatchMode):
    """Counter of the bytes in storages that are alive, of those that operations inside the block created.

    Attributes:
        live: Bytes now.
        peak: Most bytes at any time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage() not in given:
                self._add(leaf.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        self._known.add(storage)
        size = storage.nbytes()
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._release, size)

    def _release(self, size: int) -> None:
        self.live -= size


def step(model: nn.Module, images: Tensor, labels: Tensor | MixedLabels) -> None:
    """Run a forward and a backward pass."""
    loss = F.cross_entropy(model(images), labels)  # type: ignore[arg-type]
    torch.autograd.grad(loss, list(model.parameters()))


def peak_of_step(model: nn.Module, images: Tensor, labels: Tensor, transform: GroupCamTransform | None) -> int:
    """Return the peak in bytes."""
    with StorageMeter() as meter:
        step(model, *(images, labels) if transform is None else transform(images, labels))
    return meter.peak


def bytes_of_fast_forward(model: nn.Module, images: Tensor) -> int:
    """Return the bytes of the converted weights during an explanation through the fast forward."""
    fast = FastForward(model, notify=lambda sentence: None)
    with neutral(model):
        fast(images)
        with StorageMeter() as meter, fast.prepared(images):
            for _ in range(2):
                fast(images[:1])  # converts the other layers' weights
            del _
            return meter.live


def measure(network: str, batch_size: int, side: int) -> Table:
    """Return a table with a row for each recipe."""
    torch.manual_seed(SEED)
    model = torchvision.models.get_model(network, num_classes=CLASSES).train()
    images, labels = torch.rand(batch_size, 3, side, side), torch.randint(CLASSES, (batch_size,))
    step(model, images, labels)  # libraries allocate once
    plain = peak_of_step(model, images, labels, None)
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    rows: list[list[Cell]] = [["no augmentation", plain / MEGABYTE, 1.0]]
    arms: list[tuple[str, Any, str | GroupCAM | None]] = [(name, as_recipe(name), None) for name in list_recipes()]
    arms.append(
        ("keep-salient, the paper's Group-CAM", as_recipe("keep-salient"), GroupCAM(theta=None, weighted=False))
    )
    for name, recipe, explainer in arms:
        transform = GroupCamTransform(model, explainer, recipe=recipe, share=recipe.usual_share)
        with torch.no_grad():
            transform(images, labels)  # compares both forwards
        torch.manual_seed(SEED)
        peaks = [peak_of_step(model, images, labels, transform) for _ in range(4)]  # snapmix rests now and then
        rows.append([name, max(peaks) / MEGABYTE, max(peaks) / plain])
    note = (
        f"{network}, {batch_size} images of {side} px, float32; weights {weights / MEGABYTE:.1f} MB, converted for the "
        f"fast forward {bytes_of_fast_forward(model, images[:2]) / MEGABYTE:.1f} MB"
    )
    return Table(note, ["recipe", "peak, MB", "of a plain step"], rows)


def main(args: Sequence[str] | None = None) -> None:
    """Print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["resnet18", "squeezenet1_0"])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=224)
    arguments = parser.parse_args(args)
    for network in arguments.networks:
        table = measure(network, arguments.batch_size, arguments.image_size)
        print(f"{table.name}\n\n{to_markdown(table)}\n")


if __name__ == "__main__":
    main()
