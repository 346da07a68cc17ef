"""One training run of the comparison of recipes, and its evaluation."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import timm
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmarks.recipe_arms import ARMS, Arm
from benchmarks.recipe_photos import (
    SPLITS,
    Photos,
    centre_crop,
    draw_training_set,
    load_photos,
    paint_marks,
    random_crops,
    to_input,
)
from benchmarks.subjects import DATA
from camaug import GradCAM
from camaug.functional.energy_share import energy_share

__all__ = ["Job", "run"]

LEARNING_RATES = {"tf_efficientnet_lite0": 1e-3, "squeezenet1_0": 1e-4}
ENERGY_IMAGES = 64
EVALUATION_SEED = 7
EVALUATION_BATCH = 512


@dataclass(frozen=True)
class Job:
    """One training run.

    Attributes:
        arm: A name of ``ARMS``.
        marked: Whether the training images have squares.
        seed: The run's seed.
        data: Name of the folder of photos.
        model: Name of the network.
        per_class: Number of training images of each class.
        epochs: Number of epochs of an arm of the usual length.
        batch_size: Number of images in a batch.
        device: Name of the device.
        quick: Whether to evaluate on very few images, to check that everything runs.
    """

    arm: str
    marked: bool
    seed: int
    data: str = "clothing"
    model: str = "tf_efficientnet_lite0"
    per_class: int = 40
    epochs: int = 12
    batch_size: int = 32
    device: str = "cpu"
    quick: bool = False

    @property
    def classes(self) -> int:
        """The number of classes."""
        return 2 if self.data == "hymenoptera" else 10

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that identifies the run among others."""
        return {key: value for key, value in asdict(self).items() if key not in ("device", "quick", "batch_size")}


def run(job: Job) -> dict[str, Any]:
    """Train and evaluate once, and return the job's settings and values."""
    photos = draw_training_set(job.data, job.per_class, job.marked, torch.Generator().manual_seed(1000 + job.seed))
    torch.manual_seed(job.seed)
    model = make_model(job).to(job.device)
    seconds = train(model, photos, job)
    result = {**job.settings, "seconds": seconds}
    for split in SPLITS[job.data]:
        result |= evaluate(model, split, job)
    return result | (energy_in_mark(model, job) if job.marked else {})


def make_model(job: Job) -> nn.Module:
    """Create the pretrained network with a new head."""
    weights = load_file(DATA / f"{job.model}_imagenet.safetensors")
    if job.model == "squeezenet1_0":
        squeezenet = torchvision.models.squeezenet1_0()
        squeezenet.load_state_dict(weights)
        head = nn.Conv2d(512, job.classes, kernel_size=1)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        squeezenet.classifier[1] = head
        # Without its last ReLU, whose zeros would end the new head's training.
        squeezenet.classifier[2] = nn.Identity()
        return squeezenet
    network: Any = timm.create_model(job.model)
    network.load_state_dict(weights)
    network.reset_classifier(job.classes)
    model: nn.Module = network
    return model


def train(model: nn.Module, photos: Photos, job: Job) -> float:
    """Train the model and return the time in seconds."""
    arm = ARMS[job.arm]
    images, labels = photos.images.to(job.device), photos.labels.to(job.device)
    generator = torch.Generator().manual_seed(job.seed)
    steps = len(images) // job.batch_size
    epochs = round(job.epochs * arm.longer)
    rate = LEARNING_RATES[job.model]
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-2, fused=job.device == "cuda")
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps, pct_start=0.1)
    transform = None if arm.last_epoch_only else arm.transform(model)
    begun = time.perf_counter()
    model.train()
    for _ in range(epochs):
        for indices in _batches(len(images), steps, job, generator):
            pixels = random_crops(images[indices], generator)
            inputs = to_input(pixels if arm.pixels is None else arm.pixels(pixels), job.model)
            _step(optimizer, arm.loss(model, transform, inputs, labels[indices]))
            schedule.step()
    if arm.last_epoch_only:
        _finish(model, arm, images, labels, job, generator)
    if job.device == "cuda":
        torch.cuda.synchronize()
    return round(time.perf_counter() - begun, 2)


def _finish(model: nn.Module, arm: Arm, images: Tensor, labels: Tensor, job: Job, generator: torch.Generator) -> None:
    """Train one more epoch with the maps of the model as it is.

    The schedule has ended at nearly 0, so that the rate is a tenth of its maximum. Of the rates tried by MaskTune's
    authors none is known to suit this schedule.
    """
    transform = arm.transform(model)
    assert transform is not None, "an arm with a last epoch of its own has a recipe"
    inputs = to_input(images, job.model)
    maps = torch.cat([transform.explain(*pair).maps for pair in zip(inputs.split(128), labels.split(128), strict=True)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATES[job.model] / 10, weight_decay=1e-2)
    steps = len(images) // job.batch_size
    for indices in _batches(len(images), steps, job, generator):
        batch = transform.augment([inputs[indices], labels[indices]], maps[indices]).images
        _step(optimizer, F.cross_entropy(model(centre_crop(batch)), labels[indices]))


def _batches(count: int, steps: int, job: Job, generator: torch.Generator) -> Tensor:
    order = torch.randperm(count, generator=generator)
    return order[: steps * job.batch_size].to(job.device).view(steps, job.batch_size)


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()


def evaluate(model: nn.Module, split: str, job: Job) -> dict[str, float]:
    """Return the accuracy, and the accuracy of the worst class, on each kind of image of a split."""
    photos = load_photos(job.data, split, 2 if job.quick else None)
    result = {}
    for kind, images in _evaluation_images(photos, job).items():
        is_right = predict(model, images, job) == photos.labels
        by_class = [float(is_right[photos.labels == label].float().mean()) for label in range(job.classes)]
        result[f"{split}_{kind}"] = round(float(is_right.float().mean()), 5)
        result[f"{split}_{kind}_worst"] = round(min(by_class), 5)
    return result


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, job: Job) -> Tensor:
    """Return the predicted class indices (N,)."""
    model.eval()
    batches = torch.split(centre_crop(images), EVALUATION_BATCH)
    return torch.cat([model(to_input(batch.to(job.device), job.model)).argmax(1).cpu() for batch in batches])


def energy_in_mark(model: nn.Module, job: Job) -> dict[str, float]:
    """Return the share of Grad-CAM's energy inside the right squares of some validation images, and their area."""
    photos = load_photos(job.data, "val", 2 if job.quick else None)
    chosen = torch.linspace(0, len(photos.labels) - 1, min(ENERGY_IMAGES, len(photos.labels))).long()
    labels = photos.labels[chosen]
    images, masks = paint_marks(photos.images[chosen], labels, torch.Generator().manual_seed(EVALUATION_SEED))
    model.eval()
    inputs = to_input(centre_crop(images).to(job.device), job.model)
    maps = GradCAM()(model, inputs, labels.to(job.device)).maps.cpu()
    masks = centre_crop(masks)
    return {
        "energy_in_mark": round(float(energy_share(maps, masks).mean()), 4),
        "mark_area": round(float(masks.float().mean()), 4),
    }


def _evaluation_images(photos: Photos, job: Job) -> dict[str, Tensor]:
    """Return the images without squares and, for marked runs, with right and wrong ones, the same in every run."""
    if not job.marked:
        return {"plain": photos.images}
    generator = torch.Generator().manual_seed(EVALUATION_SEED)
    shift = torch.randint(1, job.classes, photos.labels.shape, generator=generator)
    right, _ = paint_marks(photos.images, photos.labels, generator)
    wrong, _ = paint_marks(photos.images, (photos.labels + shift) % job.classes, generator)
    return {"plain": photos.images, "right": right, "wrong": wrong}
