"""A training run under DDP, whose ranks test_ddp.py starts, or only rank zero, so that Lightning starts the other."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch.utils.data import DataLoader

from camaug import GroupCAM
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from camaug.callbacks._augmentation import processes
from camaug.saliency_bank.saliency_bank import SaliencyBank
from camaug.training.process_group import own_process_group
from tests.processes import digest, write_result
from tests.small_explainers import SMALL_GROUP_CAM
from tests.toys import Blobs, ToyClassifier, TransformedBlobs, quiet_trainer

METRICS = ("insertion_deletion", "average_drop", "road", "trust", "energy_in_mask", "pointing_game")
SIZE = 22  # uneven last batches: 4, 4 and 3 images in each process


class FailingLogger(CamLogger):
    """A logger whose snapshots fail on rank zero, the only rank that takes them."""

    def setup(self, *arguments, **settings):
        super().setup(*arguments, **settings)
        self._taker.take = self._fail

    def _fail(self, *arguments):
        raise RuntimeError("no heat today")


class FailingEvaluator(CamEvaluator):
    """An evaluator that fails on one rank only."""

    failing_rank = 1

    def _start(self, trainer, *arguments):
        super()._start(trainer, *arguments)
        if trainer.global_rank == self.failing_rank:
            self._evaluation.update = self._fail

    def _fail(self, metrics):
        raise RuntimeError("no heat today")


@dataclass(frozen=True)
class FailingGroupCAM(GroupCAM):
    """Group-CAM that fails on one rank only."""

    failing_rank: int = 0

    def saliency(self, evidence):
        if torch.distributed.get_rank() == self.failing_rank:
            raise RuntimeError("no heat today")
        return super().saliency(evidence)


class GatheringClassifier(ToyClassifier):
    """A classifier with collectives of its own: a synchronised metric, and a gather after each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.gathered: list[list[int]] = []

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.log("train/loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def on_train_epoch_end(self) -> None:
        self.gathered.append(self.all_gather(torch.tensor(self.global_rank)).tolist())


class FirstEpochCheckpoint(L.Callback):
    """A checkpoint after the first epoch, which the test resumes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 0:
            trainer.save_checkpoint(self.folder / "first.ckpt")


def bank_augmentation(explainer: GroupCAM, folder: Path) -> GroupCamAugmentation:
    """Return an augmentation that keeps its maps in a saliency bank in the folder."""
    return GroupCamAugmentation(
        explainer,
        preset="paper",
        blur_kernel_size=5,
        blur_sigma=5.0,
        refresh_every_n_epochs=2,
        bank_dir=str(folder / "bank"),
        fast=False,  # the number of trials of the fast path depends on the machine, and the test counts explanations
    )


def give_rank_one_its_own_disk() -> None:
    """Let the bank's path lead to another folder on rank one, as on the disk of another machine."""
    processes.LONGEST_WAIT = 0.0
    init = SaliencyBank.__init__
    if os.environ.get("LOCAL_RANK") == "1":
        SaliencyBank.__init__ = lambda self, directory: init(self, Path(f"{directory}-of-another-machine"))


def train(trainer: L.Trainer, module: GatheringClassifier, folder: Path) -> None:
    """Train and validate for two epochs, and write what each rank saw and learned."""
    trainer.fit(module, DataLoader(Blobs(SIZE), batch_size=4), DataLoader(Blobs(SIZE), batch_size=4))
    seen = torch.cat(module.seen)
    is_changed = (seen - unaugmented_images(trainer)).abs().amax(dim=(1, 2, 3)) > 0
    result = {
        "world_size": trainer.world_size,
        "backend": torch.distributed.get_backend(),
        "weights": digest(module.state_dict().values()),
        "seen": digest([seen]),
        "changed": float(is_changed.float().mean()),
        "process": os.getpid(),
        "gathered": module.gathered,
        "metrics": {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("cam")},
    }
    write_result(folder, trainer.global_rank, result)


def unaugmented_images(trainer: L.Trainer) -> torch.Tensor:
    """Return the images that this rank's sampler gives in all epochs."""
    images = torch.cat([batch[0] for batch in trainer.train_dataloader])
    return images.repeat(trainer.max_epochs, 1, 1, 1)


def evaluate(trainer: L.Trainer, module: GatheringClassifier, folder: Path) -> None:
    """Validate, and write the metrics of each rank."""
    trainer.validate(module, DataLoader(Blobs(SIZE), batch_size=4), verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    write_result(folder, trainer.global_rank, {**metrics, "world_size": trainer.world_size})


def train_with_bank(trainer: L.Trainer, module: GatheringClassifier, folder: Path) -> None:
    """Train for two epochs, and write how many images each rank explained at each call."""
    explained = []
    call = GroupCAM.__call__

    def counting_call(self, model, images, *args, **settings):
        explained.append(len(images))
        return call(self, model, images, *args, **settings)

    GroupCAM.__call__ = counting_call
    first = folder.parent / "first.ckpt"
    data = DataLoader(TransformedBlobs(SIZE), batch_size=4)
    trainer.fit(module, data, ckpt_path=first if first.exists() else None)
    result = {
        "world_size": trainer.world_size,
        "backend": torch.distributed.get_backend(),
        "weights": digest(parameter.detach() for parameter in module.parameters()),
        "explained": explained,
    }
    write_result(folder, trainer.global_rank, result)


def train_with_failing_steps(trainer: L.Trainer, module: GatheringClassifier, folder: Path) -> None:
    """Train a module whose step fails on longer batches on one rank, and write the sizes of its batches."""
    own_step, sizes = module.training_step, []

    def training_step(batch, batch_idx):
        sizes.append(len(batch[0]))
        if trainer.global_rank == 1 and len(batch[0]) > 4:
            raise RuntimeError("expected 4 images")
        return own_step(batch, batch_idx)

    module.training_step = training_step
    trainer.fit(module, DataLoader(Blobs(SIZE), batch_size=4))
    weights = digest(parameter.detach() for parameter in module.parameters())
    write_result(folder, trainer.global_rank, {"sizes": sizes, "weights": weights})


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", choices=["train", "evaluate", "bank", "fail"])
    parser.add_argument("--logger", choices=["none", "cam", "failing"], default="cam")
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--separate-disks", action="store_true")
    parser.add_argument("--explainer-fails-on", type=int)
    parser.add_argument("--evaluator-fails-on", type=int)
    return parser.parse_args()


def make_callbacks(arguments: argparse.Namespace) -> list[L.Callback]:
    explainer = GroupCAM(**SMALL_GROUP_CAM)
    if arguments.explainer_fails_on is not None:
        explainer = FailingGroupCAM(**SMALL_GROUP_CAM, failing_rank=arguments.explainer_fails_on)
    if arguments.work == "evaluate":
        FailingEvaluator.failing_rank = arguments.evaluator_fails_on
        return [FailingEvaluator([*METRICS], explainer, 7)]
    if arguments.work == "bank":
        return [bank_augmentation(explainer, arguments.folder), FirstEpochCheckpoint(arguments.folder)]
    if arguments.work == "fail":
        return [GroupCamAugmentation(explainer, recipe="paired", share=1.0, blur_kernel_size=5, blur_sigma=5.0)]
    callbacks: list[L.Callback] = []
    if arguments.logger == "cam":
        callbacks.append(EarlyStopping("cam/drift", patience=9))  # which reads the metric on every rank
    if arguments.logger != "none":
        callbacks.append((CamLogger if arguments.logger == "cam" else FailingLogger)(explainer, num_images=3))
    if arguments.augment:
        callbacks.append(GroupCamAugmentation(explainer, preset="paper", blur_kernel_size=5, blur_sigma=5.0))
    return callbacks


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    L.seed_everything(0, verbose=False)
    if arguments.separate_disks:
        give_rank_one_its_own_disk()
    module = GatheringClassifier()
    trainer = quiet_trainer(arguments.folder, *make_callbacks(arguments), devices=2, strategy="ddp")
    work = {"train": train, "evaluate": evaluate, "bank": train_with_bank, "fail": train_with_failing_steps}[
        arguments.work
    ]
    work(trainer, module, arguments.folder)


if __name__ == "__main__":
    with own_process_group():
        main()
