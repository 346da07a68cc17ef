"""A training run with heatmaps, augmentation and the saliency bank that tests/two_hosts.sh starts on each host."""

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
from tests.callbacks.ddp_script import SIZE, bank_augmentation
from tests.processes import digest, write_result
from tests.small_explainers import SMALL_GROUP_CAM
from tests.toys import Blobs, ToyClassifier, TransformedBlobs, quiet_trainer


def main() -> None:
    torch.set_num_threads(1)
    L.seed_everything(0, verbose=False)
    folder = Path(sys.argv[1])
    module = ToyClassifier()
    explainer = GroupCAM(**SMALL_GROUP_CAM)
    callbacks = CamLogger(explainer, num_images=3), bank_augmentation(explainer, folder)
    trainer = quiet_trainer(folder, *callbacks, num_nodes=2, strategy="ddp")
    trainer.fit(module, DataLoader(TransformedBlobs(SIZE), batch_size=4), DataLoader(Blobs(SIZE), batch_size=4))
    result = {
        "host": os.readlink("/proc/self/ns/net"),
        "node": trainer.node_rank,
        "world_size": trainer.world_size,
        "weights": digest(parameter.detach() for parameter in module.parameters()),
        "seen": digest(module.seen),
    }
    write_result(folder, trainer.global_rank, result)


if __name__ == "__main__":
    with own_process_group():
        main()
