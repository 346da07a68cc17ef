"""A training run of two processes with CamLogger's mistakes, for test_validation_watch.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import lightning as L
import torch
from torch.utils.data import DataLoader

from camaug import GradCAM
from camaug.training.process_group import own_process_group
from tests.callbacks._mistakes.recording import RecordingClassifier, RecordingLogger
from tests.processes import digest, write_result
from tests.toys import Blobs, quiet_trainer

SIZE = 11  # the sampler repeats one image


def run(folder: Path, rank: int, *, devices: int) -> dict:
    """Validate, and return what rank zero explained."""
    L.seed_everything(0, verbose=False)
    logger = RecordingLogger(GradCAM(layer="net.4"), mistakes=6)
    trainer = quiet_trainer(folder, logger, devices=devices, strategy="ddp" if devices > 1 else "auto")
    trainer.validate(RecordingClassifier(), DataLoader(Blobs(SIZE), batch_size=3), verbose=False)
    return {
        "world_size": trainer.world_size,
        "explained": [
            {
                "indices": list(one.chosen.indices),
                "scores": [choice.scores for choice in one.chosen.choices],
                "count": one.chosen.count,
                "wrong": one.chosen.wrong,
                "confusion": one.chosen.confusion.tolist(),
                "maps": digest([(one.maps * 1000).round()]),
                "images": digest([one.chosen.images]),
            }
            for one in logger.explained
        ],
    }


def main() -> None:
    torch.set_num_threads(1)
    folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
    write_result(folder, rank, run(folder, rank, devices=2))


if __name__ == "__main__":
    with own_process_group():
        main()
