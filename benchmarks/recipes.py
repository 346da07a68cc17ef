"""Pilot of augmentation where the data have a shortcut: ``python benchmarks/shortcut_pilot.py``.

An EfficientNet-Lite0 with ImageNet weights is fine-tuned on clothing photos at 128 pixels, 40 of each of ten classes,
for 12 epochs (18 in the arm ``none-long``) with AdamW. On *marked* photos a square has the colour of the class in 95 %
of the training images. The accuracy is measured on images without a square, with the right and with a wrong one.
*Plain* photos have no squares. A seed determines the drawn images, their squares, the new head, the order and the
augmentation. The drawn images and squares are the same in every arm. ``CAMAUG_DATA`` (by default ``../shared/data``)
has the folder ``clothing`` and the weights.

    python benchmarks/shortcut_pilot.py --device cuda --workers 14 > runs.jsonl
    python benchmarks/shortcut_pilot.py --summarise runs.jsonl

One JSON line is printed for each finished run. The runs in ``results/gpu_shortcut_pilot.csv`` were made by an earlier
script with the same images, schedule, random numbers and losses. This one has other names of the arms, decodes only the
images that it needs, raises the error of a failed run, and has no time limit: there the runs that were left at the end
of a session were dropped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.shortcut_arms import ARMS, EXPLAINERS, Batch  # noqa: E402
from benchmarks.shortcut_data import (  # noqa: E402
    Photos,
    centre_crop,
    draw_training_set,
    load_photos,
    paint_marks,
    random_crops,
    to_input,
)
from benchmarks.shortcut_summary import read_runs, summarise  # noqa: E402
from benchmarks.subjects import DATA  # noqa: E402
from camaug.experiments.table_text import to_markdown  # noqa: E402

WEIGHTS = DATA / "tf_efficientnet_lite0_imagenet.safetensors"
CLASSES = 10
LEARNING_RATE = 1e-3
ENERGY_IMAGES = 64
EVALUATION_SEED = 7
EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Job:
    """One training run.

    Attributes:
        arm: A name of ``ARMS``.
        marked: Whether the training images have squares.
        seed: The run's seed.
        device: Name of the device.
        quick: Whether to train on very few images, to check that everything runs.
    """

    arm: str
    marked: bool
    seed: int
    device: str = "cpu"
    quick: bool = False

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        if self.quick:
            return 1
        return 18 if self.arm == "none-long" else 12

    @property
    def images_per_class(self) -> int:
        """The number of training images of each class."""
        return 2 if self.quick else 40

    @property
    def batch_size(self) -> int:
        """The number of images in a batch."""
        return 8 if self.quick else 32


def main(args: Sequence[str] | None = None) -> None:
    arguments = _parse(args)
    if arguments.summarise:
        for table in summarise(read_runs(arguments.summarise, arguments.seeds)):
            print(f"{table.name}\n\n{to_markdown(table)}\n")
        return
    for result in _results(_jobs(arguments), arguments.workers):
        print(json.dumps(result), flush=True)


def run(job: Job) -> dict[str, Any]:
    """Train and evaluate once, and return the job's settings and values."""
    photos = draw_training_set(job.images_per_class, job.marked, torch.Generator().manual_seed(1000 + job.seed))
    torch.manual_seed(job.seed)
    model = make_model().to(job.device)
    seconds = train(model, photos, job)
    result = {"marked": job.marked, "arm": job.arm, "seed": job.seed, "epochs": job.epochs, "seconds": seconds}
    for split in ("val", "test"):
        result |= evaluate(model, split, job)
    return result | (energy_in_mark(model, job) if job.marked else {})


def make_model() -> nn.Module:
    """Create the pretrained network with a new head."""
    network: Any = timm.create_model("tf_efficientnet_lite0")
    network.load_state_dict(load_file(WEIGHTS))
    network.reset_classifier(CLASSES)
    model: nn.Module = network
    return model


def train(model: nn.Module, photos: Photos, job: Job) -> float:
    """Train the model and return the time in seconds."""
    images, labels = photos.images.to(job.device), photos.labels.to(job.device)
    generator = torch.Generator().manual_seed(job.seed)
    steps = len(images) // job.batch_size
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=job.epochs * steps, pct_start=0.1
    )
    begun = time.perf_counter()
    model.train()
    for _ in range(job.epochs):
        order = torch.randperm(len(images), generator=generator)
        for indices in order[: steps * job.batch_size].to(job.device).view(steps, job.batch_size):
            inputs = to_input(random_crops(images[indices], generator))
            half = torch.randperm(len(inputs), generator=generator)[: len(inputs) // 2].to(job.device)
            loss = ARMS[job.arm](Batch(model, inputs, labels[indices], half, generator))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    if job.device == "cuda":
        torch.cuda.synchronize()
    return round(time.perf_counter() - begun, 2)


def evaluate(model: nn.Module, split: str, job: Job) -> dict[str, float]:
    """Return the accuracy, and the accuracy of the worst class, on each kind of image of a split."""
    photos = load_photos(split, 2 if job.quick else None)
    result = {}
    for kind, images in _evaluation_images(photos, job.marked).items():
        is_right = predict(model, images, job.device) == photos.labels
        by_class = [float(is_right[photos.labels == label].float().mean()) for label in range(CLASSES)]
        result[f"{split}_{kind}"] = round(float(is_right.float().mean()), 5)
        result[f"{split}_{kind}_worst"] = round(min(by_class), 5)
    return result


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, device: str) -> Tensor:
    """Return the predicted class indices (N,)."""
    model.eval()
    batches = torch.split(centre_crop(images), EVALUATION_BATCH)
    return torch.cat([model(to_input(batch.to(device))).argmax(1).cpu() for batch in batches])


def energy_in_mark(model: nn.Module, job: Job) -> dict[str, float]:
    """Return the share of Grad-CAM's energy inside the right squares of some validation images, and their area."""
    photos = load_photos("val", 2 if job.quick else None)
    labels = photos.labels[:ENERGY_IMAGES]
    images, masks = paint_marks(photos.images[:ENERGY_IMAGES], labels, torch.Generator().manual_seed(EVALUATION_SEED))
    model.eval()
    inputs = to_input(centre_crop(images).to(job.device))
    maps = EXPLAINERS["grad-cam"](model, inputs, labels.to(job.device)).maps.cpu()
    masks = centre_crop(masks)
    energy = ((maps * masks).sum((1, 2)) / maps.sum((1, 2)).clamp(min=1e-8)).mean()
    return {"energy_in_mark": round(float(energy), 4), "mark_area": round(float(masks.float().mean()), 4)}


def _evaluation_images(photos: Photos, marked: bool) -> dict[str, Tensor]:
    """Return the images without squares and, for marked runs, with right and wrong ones, the same in every run."""
    if not marked:
        return {"plain": photos.images}
    generator = torch.Generator().manual_seed(EVALUATION_SEED)
    shift = torch.randint(1, CLASSES, photos.labels.shape, generator=generator)
    right, _ = paint_marks(photos.images, photos.labels, generator)
    wrong, _ = paint_marks(photos.images, (photos.labels + shift) % CLASSES, generator)
    return {"plain": photos.images, "right": right, "wrong": wrong}


def _jobs(arguments: argparse.Namespace) -> list[Job]:
    """Return the jobs, all arms of a seed before the next seed."""
    seeds = arguments.seeds or ([0] if arguments.quick else list(range(10)))
    arms = arguments.arms or (["none", "hide"] if arguments.quick else list(ARMS))
    return [
        Job(arm, photos == "marked", seed, arguments.device, arguments.quick)
        for seed in seeds
        for photos in arguments.photos
        for arm in arms
    ]


def _results(jobs: Sequence[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Yield the results in the order in which the runs end."""
    if workers == 1:
        yield from map(run, jobs)
        return
    context, threads = get_context("spawn"), (1,)
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, threads) as pool:
        yield from (future.result() for future in as_completed([pool.submit(run, job) for job in jobs]))


def _parse(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", choices=ARMS, help="all by default")
    parser.add_argument("--photos", nargs="+", choices=("marked", "plain"), default=["marked", "plain"])
    parser.add_argument("--seeds", nargs="+", type=int, help="0 to 9 by default; with --summarise, all in the file")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the device, one thread each")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to check that everything runs")
    parser.add_argument("--summarise", type=Path, metavar="FILE", help="print the tables of a file of finished runs")
    return parser.parse_args(args)


if __name__ == "__main__":
    main()
