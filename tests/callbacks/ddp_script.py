"""Run by test_ddp.py as a program: Lightning starts it once more for the second process."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from torch.utils.data import DataLoader

from camaug import GroupCAM
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from camaug.saliency_bank.saliency_bank import SaliencyBank
from camaug.training.process_group import own_process_group
from tests.toys import Blobs, ToyClassifier, TransformedBlobs

METRICS = ("insertion_deletion", "average_drop", "road", "trust", "energy_in_mask", "pointing_game")


class FailsToDraw(CamLogger):
    """A logger whose snapshots fail on rank zero, the only one that takes them."""

    def setup(self, *arguments, **settings):
        super().setup(*arguments, **settings)
        self._taker.take = self._fail

    def _fail(self, *arguments):
        raise RuntimeError("no heat today")


class FailsOnOneRank(CamEvaluator):
    """An evaluator that fails on one rank, and on no other."""

    rank = 1

    def _explain(self, trainer, *arguments):
        if trainer.global_rank == self.rank:
            raise RuntimeError("no heat today")
        return super()._explain(trainer, *arguments)


class FailsOnRankZero(FailsOnOneRank):
    rank = 0


@dataclass(frozen=True)
class FailingGroupCAM(GroupCAM):
    """An explainer that fails on one rank, and on no other."""

    rank: int = 0

    def saliency(self, evidence):
        if torch.distributed.get_rank() == self.rank:
            raise RuntimeError("no heat today")
        return super().saliency(evidence)


class Gathering(ToyClassifier):
    """Talks to the other processes right after the callbacks' turn, and logs what is to be synchronised."""

    def __init__(self) -> None:
        super().__init__()
        self.gathered: list[list[int]] = []

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.log("train/loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def on_train_epoch_end(self) -> None:
        self.gathered.append(self.all_gather(torch.tensor(self.global_rank)).tolist())


def digest(tensors) -> str:
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()


class Saving(L.Callback):
    """A checkpoint after the first epoch, for the resumed run of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == 0:
            trainer.save_checkpoint(self.folder / "first.ckpt")


def bank_augmentation(explainer, folder: Path) -> GroupCamAugmentation:
    return GroupCamAugmentation(
        explainer,
        preset="paper",
        blur_kernel_size=5,
        blur_sigma=5.0,
        refresh_every_n_epochs=2,
        bank_dir=str(folder / "bank"),
        fast=False,  # how often the fast way is tried depends on the machine, and the test counts explanations
    )


def see_another_disk() -> None:
    """The same path on the second process is another place, as a disk of another machine is."""
    make = SaliencyBank.__init__
    if os.environ.get("LOCAL_RANK") == "1":
        SaliencyBank.__init__ = lambda self, directory: make(self, Path(f"{directory}-of-another-machine"))


def train_with_bank(trainer: L.Trainer, module: ToyClassifier, folder: Path) -> None:
    """Train for two epochs, and say who explained what."""
    explained = []
    call = GroupCAM.__call__

    def counted(self, model, images, *args, **settings):
        explained.append(len(images))
        return call(self, model, images, *args, **settings)

    GroupCAM.__call__ = counted
    first = folder.parent / "first.ckpt"
    trainer.fit(module, DataLoader(TransformedBlobs(22), batch_size=4), ckpt_path=first if first.exists() else None)
    result = {
        "world_size": trainer.world_size,
        "backend": torch.distributed.get_backend(),
        "weights": digest([parameter.detach() for parameter in module.parameters()]),
        "explained": explained,
    }
    (folder / f"rank{trainer.global_rank}.json").write_text(json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--logger", choices=["none", "cam", "failing"], default="cam")
    parser.add_argument("--evaluate", choices=["all", "failing", "failing on rank zero"])
    parser.add_argument("--fails-on", type=int)
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--bank", choices=["shared", "apart"])
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    L.seed_everything(0, verbose=False)
    module = Gathering()
    settings = {"groups": 4, "theta": None, "weighted": False, "blur_kernel_size": 5, "blur_sigma": 5.0}
    explainer = GroupCAM(**settings)
    if arguments.fails_on is not None:
        explainer = FailingGroupCAM(**settings, rank=arguments.fails_on)
    callbacks: list[L.Callback] = []
    if arguments.logger != "none":
        callbacks.append((CamLogger if arguments.logger == "cam" else FailsToDraw)(explainer, images=3))
    if arguments.evaluate:
        evaluators = {"all": CamEvaluator, "failing": FailsOnOneRank, "failing on rank zero": FailsOnRankZero}
        evaluator = evaluators[arguments.evaluate]
        callbacks = [evaluator([*METRICS], explainer, 7)]
    if arguments.bank:
        if arguments.bank == "apart":
            see_another_disk()
        callbacks = [bank_augmentation(explainer, arguments.folder), Saving(arguments.folder)]
    if arguments.augment:
        callbacks.append(GroupCamAugmentation(explainer, preset="paper", blur_kernel_size=5, blur_sigma=5.0))
    trainer = L.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_epochs=2,
        callbacks=callbacks,
        logger=L.pytorch.loggers.TensorBoardLogger(arguments.folder, name="run", version="0"),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    if arguments.bank:
        train_with_bank(trainer, module, arguments.folder)
        return
    if arguments.evaluate:
        trainer.validate(module, DataLoader(Blobs(22), batch_size=4), verbose=False)
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        figures["world_size"] = trainer.world_size
        (arguments.folder / f"rank{trainer.global_rank}.json").write_text(json.dumps(figures))
        return
    # 22 images make uneven last batches: 4, 4, 3 in each process.
    trainer.fit(module, DataLoader(Blobs(22), batch_size=4), DataLoader(Blobs(22), batch_size=4))
    seen = torch.cat(module.seen)
    result = {
        "world_size": trainer.world_size,
        "backend": torch.distributed.get_backend(),
        "weights": digest(module.state_dict().values()),
        "seen": digest([seen]),
        "changed": float((seen - own_images(trainer, len(module.seen))).abs().amax(dim=(1, 2, 3)).gt(0).float().mean()),
        "process": os.getpid(),
        "gathered": module.gathered,
    }
    (arguments.folder / f"rank{trainer.global_rank}.json").write_text(json.dumps(result))


def own_images(trainer: L.Trainer, steps: int) -> torch.Tensor:
    """What the process's sampler hands out, epoch after epoch, without augmentation."""
    images = torch.cat([batch[0] for batch in trainer.train_dataloader])
    return images.repeat(trainer.max_epochs, 1, 1, 1)


if __name__ == "__main__":
    with own_process_group():
        main()
