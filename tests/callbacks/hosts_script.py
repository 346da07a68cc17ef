"""Run by tests/two_hosts.sh, once on each host: a training with heatmaps, augmentation and the saliency bank."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import lightning as L
import torch
from torch.utils.data import DataLoader

from camaug import GroupCAM
from camaug.callbacks import CamLogger
from camaug.training.process_group import own_process_group
from tests.callbacks.ddp_script import bank_augmentation, digest
from tests.processes import write_result
from tests.toys import Blobs, ToyClassifier, TransformedBlobs


def main() -> None:
    torch.set_num_threads(1)
    L.seed_everything(0, verbose=False)
    folder = Path(sys.argv[1])
    module = ToyClassifier()
    explainer = GroupCAM(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=1,
        num_nodes=2,
        strategy="ddp",
        max_epochs=2,
        callbacks=[CamLogger(explainer, images=3), bank_augmentation(explainer, folder)],
        logger=L.pytorch.loggers.TensorBoardLogger(folder, name="run", version="0"),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, DataLoader(TransformedBlobs(22), batch_size=4), DataLoader(Blobs(22), batch_size=4))
    result = {
        "host": os.readlink("/proc/self/ns/net"),
        "node": trainer.node_rank,
        "world_size": trainer.world_size,
        "weights": digest([parameter.detach() for parameter in module.parameters()]),
        "seen": digest(module.seen),
    }
    write_result(folder, trainer.global_rank, result)


if __name__ == "__main__":
    with own_process_group():
        main()
