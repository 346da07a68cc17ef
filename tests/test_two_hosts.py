"""Two hosts, as two network namespaces: torchrun in each, one training."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from camaug.saliency_bank.saliency_bank import SaliencyBank
from tests.processes import results

SCRIPT = Path(__file__).with_name("two_hosts.sh")


def why_not() -> str:
    """Why namespaces cannot be made here; empty where they can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (iproute2)"
    name = "camaug-trial"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)
    return tried.stderr.strip()


def test_two_hosts_train_one_model_with_one_writer(tmp_path):
    if reason := why_not():
        pytest.skip(f"network namespaces cannot be made: {reason}")
    done = subprocess.run(
        [SCRIPT, sys.executable, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-4000:]
    first, second = results(tmp_path)
    assert first["host"] != second["host"]
    assert [(each["node"], each["world_size"]) for each in (first, second)] == [(0, 2), (1, 2)]
    assert first["weights"] == second["weights"]
    assert first["seen"] != second["seen"]

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = (tmp_path / "run" / "0").glob("events*")  # one writer
    written = EventAccumulator(str(file), size_guidance={"images": 0}).Reload()
    assert [event.step for event in written.Images("cam/overview")] == [0, 1]
    bank = SaliencyBank(tmp_path / "bank")
    (number,) = bank.generations()
    assert bank.is_whole(number)
    assert bank.record(number).world_size == 2
