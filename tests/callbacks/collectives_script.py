"""Training runs of two processes on a device whose process group takes no CPU tensors, for test_collectives.py."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import lightning as L
import torch
from torch.utils.data import DataLoader

from benchmarks.recording_group import RecordingGroup
from camaug import GradCAM
from camaug.callbacks import CamEvaluator, CamLogger, CamWriter, GroupCamAugmentation, run_checkpoint
from camaug.training.process_group import own_process_group
from tests.callbacks.ddp_script import METRICS
from tests.callbacks.refusing_group import DeviceStrategy, register_refusing_group
from tests.processes import digest, write_result
from tests.simulated_device.device import SimulatedDevice
from tests.toys import Blobs, ToyClassifier, TransformedBlobs, quiet_trainer

SIZE = 10
BLUR = {"blur_kernel_size": 5, "blur_sigma": 5.0}


def two_processes() -> dict:
    return {"accelerator": "auto", "devices": 2, "strategy": DeviceStrategy()}


def train(folder: Path, rank: int, name: str, *callbacks: L.Callback) -> dict:
    """Train, and return this process's collectives and what they gave it."""
    L.seed_everything(0, verbose=False)
    module = ToyClassifier()
    logger = {"logger": False} if (name, rank) == ("no logger on rank one", 1) else {}
    trainer = quiet_trainer(folder, *callbacks, name=name, **two_processes(), **logger)
    RecordingGroup.messages.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(module, DataLoader(TransformedBlobs(SIZE), batch_size=3), DataLoader(Blobs(SIZE), batch_size=3))
    return {
        "messages": list(RecordingGroup.messages),
        "metrics": {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("cam")},
        "buffers": digest(buffer.cpu() for buffer in module.buffers()),
        "failures": [str(each.message) for each in caught if "training goes on" in str(each.message)],
    }


class Photos(Blobs):
    """Images with paths of files."""

    def __init__(self, folder: Path, size: int) -> None:
        super().__init__(size)
        self.paths = [folder / f"{index}.png" for index in range(size)]
        for path in self.paths:
            path.touch()

    def __getitem__(self, index: int):
        return {"image": self.images[index], "path": str(self.paths[index])}


def write_files(folder: Path) -> dict:
    """Explain photos into files, and return this process's collectives and the number of files of all."""
    writer = CamWriter(GradCAM(layer="net.4"), directory=str(folder / "files"))
    # Tensors of the simulated device cannot be inference tensors.
    trainer = quiet_trainer(folder, writer, **two_processes(), logger=False, inference_mode=False)
    RecordingGroup.messages.clear()
    trainer.predict(ToyClassifier(), DataLoader(Photos(folder, 5), batch_size=2), return_predictions=False)
    return {"messages": list(RecordingGroup.messages), "written": writer.written, "failures": []}


def interrupt(folder: Path, rank: int) -> dict:
    """Save a checkpoint because of an error on process one alone."""
    told: list[str] = []
    trainer = quiet_trainer(folder, **two_processes(), logger=False, max_epochs=1)
    module = ToyClassifier()
    trainer.fit(module, DataLoader(Blobs(SIZE), batch_size=3))
    RecordingGroup.messages.clear()
    if rank == 1:
        run_checkpoint.LONGEST_WAIT = 0.0
        checkpoint = run_checkpoint.RunCheckpoint(dirpath=folder, save_on_exception=True)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            checkpoint.on_exception(trainer, module, RuntimeError("no heat today"))
        told = [str(each.message) for each in caught]
    return {"messages": list(RecordingGroup.messages), "told": told}


def refuse() -> str:
    """Return what the process group says to a tensor of the CPU."""
    try:
        torch.distributed.all_reduce(torch.zeros(1))
    except RuntimeError as error:
        return str(error)
    return ""


def main() -> None:
    torch.set_num_threads(1)
    folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
    register_refusing_group()
    explainer = GradCAM(layer="net.4")
    bank = GroupCamAugmentation(explainer, refresh_every_n_epochs=1, bank_dir=str(folder / "bank"), **BLUR)
    runs = {
        "watched": (CamLogger(explainer, num_images=3), CamEvaluator(METRICS, explainer, 5)),
        "paired": (GroupCamAugmentation(explainer, recipe="paired", share=1.0, **BLUR),),
        "bank": (bank,),
        "one probe": (CamEvaluator(METRICS, explainer, 1),),
        "no logger on rank one": (CamLogger(explainer, num_images=3),),
    }
    with SimulatedDevice():
        result = {name: train(folder, rank, name, *callbacks) for name, callbacks in runs.items()}
        result["written"] = write_files(folder)
        result["refused"] = refuse()
        result["interrupted"] = interrupt(folder, rank)
    write_result(folder, rank, result)


if __name__ == "__main__":
    with own_process_group():
        main()
