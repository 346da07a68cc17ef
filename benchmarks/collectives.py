"""Messages between the processes of a training run: ``python benchmarks/collectives.py --processes 2 4``.

A network is trained for two epochs of two steps by each number of processes, once with each callback. The tables have
every collective that the callback or one of its metrics calls, in the whole run, and its bytes on one process. What
Lightning and DistributedDataParallel exchange without the callback is left out. The sizes depend on the network's
buffers and the number of metrics.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

import lightning as L  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402
from lightning.pytorch.accelerators import CPUAccelerator  # noqa: E402
from lightning.pytorch.loggers import TensorBoardLogger  # noqa: E402
from lightning.pytorch.strategies import DDPStrategy  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402
from torchvision.datasets.vision import VisionDataset  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from benchmarks.accelerator.training import CLASSES, Classifier  # noqa: E402
from benchmarks.recording_group import Message, RecordingGroup, register  # noqa: E402
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation  # noqa: E402
from camaug.experiments.table import Cell, Table  # noqa: E402
from camaug.experiments.table_text import to_markdown  # noqa: E402
from camaug.training.process_group import own_process_group  # noqa: E402

CPU = torch.device("cpu")
EPOCHS, STEPS, BATCH, SIDE = 2, 2, 2, 32
COLUMNS = ("callback", "caller", "collective", "calls", "largest, bytes", "all, bytes", "notes")
CALLBACKS: dict[str, Callable[[str], L.Callback]] = {
    "`CamLogger`": lambda _: CamLogger("grad-cam", num_images=4),
    "`CamEvaluator`": lambda _: CamEvaluator(explainer="grad-cam", num_images=8),
    "`GroupCamAugmentation`": lambda _: GroupCamAugmentation(),
    "`GroupCamAugmentation`, `paired`": lambda _: GroupCamAugmentation(recipe="paired", share=1.0),
    "`GroupCamAugmentation`, a bank": lambda folder: GroupCamAugmentation(refresh_every_n_epochs=1, bank_dir=folder),
}


class OneDevice(DDPStrategy):
    """DDP of several processes that all use the same device."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(accelerator=AnyAccelerator(), process_group_backend="recording")
        self._device = device

    @property
    def root_device(self) -> torch.device:
        """The device of every process."""
        return self._device


class AnyAccelerator(CPUAccelerator):
    """Accelerator that takes any device, and any number of processes for it."""

    def setup_device(self, device: torch.device) -> None:
        """Make a GPU the current device."""
        if device.type == "cuda":
            torch.cuda.set_device(device)


class Images(VisionDataset):
    """Random images with a transform that carries maps."""

    def __init__(self, count: int) -> None:
        super().__init__(".", transform=v2.RandomHorizontalFlip())
        self.images = torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return an image and its label."""
        return self.transform(self.images[index]), index % CLASSES


def record(name: str, network: str, folder: Path, device: torch.device) -> list[Message]:
    """Train with a callback, and return this process's messages that the callback is responsible for."""
    L.seed_everything(0, verbose=False)
    processes = int(os.environ["WORLD_SIZE"])
    module = Classifier(torchvision.models.get_model(network, num_classes=CLASSES))
    images = Images(processes * BATCH * STEPS)
    validation = TensorDataset(images.images, torch.arange(len(images)) % CLASSES)
    folder /= name.replace("`", "")
    trainer = L.Trainer(
        devices=processes,
        strategy=OneDevice(device),
        callbacks=[CALLBACKS[name](str(folder / "files"))],
        logger=TensorBoardLogger(folder),
        max_epochs=EPOCHS,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    RecordingGroup.messages.clear()
    trainer.fit(module, DataLoader(images, batch_size=BATCH), DataLoader(validation, batch_size=BATCH))
    return [each for each in RecordingGroup.messages if each.caller not in ("Lightning", "DistributedDataParallel")]


def measure(
    processes: int, names: Sequence[str], network: str, device: torch.device = CPU
) -> dict[str, list[list[Message]]]:
    """Return the messages of each process, by the callback's name. All processes use the same device."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        arguments = (processes, port, folder, list(names), network, device)
        torch.multiprocessing.spawn(_work, arguments, nprocs=processes)  # type: ignore[no-untyped-call]
        found = [json.loads(Path(folder, f"{rank}.json").read_text(encoding="utf-8")) for rank in range(processes)]
    return {name: [[Message(*each) for each in of_process[name]] for of_process in found] for name in names}


def _work(
    rank: int, processes: int, port: int, folder: str, names: Sequence[str], network: str, device: torch.device
) -> None:
    """Record the messages of one process, and write them to a file."""
    torchrun = {"TORCHELASTIC_RUN_ID": "collectives", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GROUP_RANK": 0}
    of_process = {"WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes, "RANK": rank, "LOCAL_RANK": rank}
    os.environ |= {name: str(value) for name, value in (torchrun | of_process).items()}
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    register(device=device.type)
    with own_process_group():
        messages = {name: record(name, network, Path(folder), device) for name in names}
    Path(folder, f"{rank}.json").write_text(json.dumps(messages), encoding="utf-8")


def tabulate(processes: int, messages: dict[str, list[list[Message]]]) -> Table:
    """Return a row for each callback, caller and collective, with the numbers of calls and bytes on rank zero."""
    rows: list[list[Cell]] = []
    for name, of_processes in messages.items():
        counts = [Counter((each.caller, each.operation) for each in own) for own in of_processes]
        notes = "" if all(count == counts[0] for count in counts) else "DIFFERENT NUMBERS ON SOME PROCESSES"
        for (caller, operation), count in counts[0].items():
            sizes = [each.bytes for each in of_processes[0] if (each.caller, each.operation) == (caller, operation)]
            rows.append([name, f"`{caller}`", operation.strip("_"), count, max(sizes), sum(sizes), notes])
    return Table(f"{processes} processes, {EPOCHS} epochs of {STEPS} steps", COLUMNS, rows)


def main(args: Sequence[str] | None = None) -> None:
    """Print a table for each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", nargs="+", type=int, default=[2, 4])
    parser.add_argument("--callbacks", nargs="+", choices=list(CALLBACKS), default=list(CALLBACKS))
    parser.add_argument("--network", default="resnet50", help="a model of torchvision")
    options = parser.parse_args(args)
    for processes in options.processes:
        table = tabulate(processes, measure(processes, options.callbacks, options.network))
        print(f"**{table.name}**\n\n{to_markdown(table)}", flush=True)


if __name__ == "__main__":
    main()
