"""Training runs under DDP without and with callbacks that explain, which test_neutral.py starts as two ranks."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch

from camaug.training.process_group import own_process_group
from tests.callbacks.neutrality import (
    EXPLAINING,
    SETTINGS,
    Polluter,
    create_callback,
    create_callbacks,
    differences,
    network_for,
    train,
)
from tests.processes import write_result
from tests.toys import quiet_trainer


def main() -> None:
    torch.set_num_threads(1)
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    make_trainer = partial(quiet_trainer, folder, devices=2, strategy="ddp")
    plain = SETTINGS["plain"]
    networks = dict.fromkeys(map(network_for, names))
    without = {network: train(make_trainer, plain, [], network) for network in networks}
    result: dict[str, Any] = {"differences": {}}
    for name in names:
        network = network_for(name)
        beside = train(make_trainer, plain, create_callbacks(name, EXPLAINING), network)
        result["differences"][name] = differences(without[network], beside)
    # An evaluator explains on every rank, so that the test sees a polluter on every rank.
    polluted = train(make_trainer, plain, [create_callback("evaluator", Polluter("gradients"))])
    result["differences of a polluter"] = differences(train(make_trainer, plain, []), polluted)
    result["world_size"] = torch.distributed.get_world_size()
    write_result(folder, torch.distributed.get_rank(), result)


if __name__ == "__main__":
    with own_process_group():
        main()
