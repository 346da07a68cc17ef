"""Run by test_neutral.py as two processes: trainings under DDP, without and with watchers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lightning as L
import torch

from camaug.training.process_group import own_process_group
from tests.callbacks.neutrality import (
    LOOKING,
    SETTINGS,
    WATCHERS,
    Polluter,
    differences,
    explained_network,
    train,
    watchers_of,
)
from tests.processes import write_result


def main() -> None:
    torch.set_num_threads(1)
    folder, names = Path(sys.argv[1]), sys.argv[2:]

    def make_trainer(*callbacks: L.Callback, **settings: Any) -> L.Trainer:
        return L.Trainer(
            accelerator="cpu",
            devices=2,
            strategy="ddp",
            callbacks=list(callbacks),
            logger=L.pytorch.loggers.TensorBoardLogger(folder),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **settings,
        )

    plain = SETTINGS["plain"]
    without = {
        network: train(make_trainer, plain, [], network) for network in dict.fromkeys(map(explained_network, names))
    }
    result: dict[str, Any] = {"differences": {}}
    for name in names:
        network = explained_network(name)
        watched = train(make_trainer, plain, watchers_of(name, *LOOKING), network)
        result["differences"][name] = differences(without[network], watched)
    # Every process looks in an evaluator: no process may get away with it.
    polluted = train(make_trainer, plain, [WATCHERS["evaluator"](Polluter("gradients"))])
    result["of a polluter"] = differences(train(make_trainer, plain, []), polluted)
    result["world_size"] = torch.distributed.get_world_size()
    write_result(folder, torch.distributed.get_rank(), result)


if __name__ == "__main__":
    with own_process_group():
        main()
