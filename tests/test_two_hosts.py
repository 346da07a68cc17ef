"""One training run on two hosts, which are two network namespaces with a torchrun in each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from camaug.saliency_bank.saliency_bank import SaliencyBank
from tests.events import read_only_writer
from tests.processes import default_signals, read_results

SCRIPT = Path(__file__).with_name("two_hosts.sh")


def missing_requirement() -> str:
    """Return why this machine cannot create network namespaces, or an empty string."""
    if shutil.which("ip") is None:
        return "there is no `ip`: apt-get install iproute2"
    name = "camaug-trial"
    created = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)
    return created.stderr.strip()


def test_two_hosts_train_one_model_with_one_writer(tmp_path):
    if reason := missing_requirement():
        pytest.skip(f"network namespaces cannot be created: {reason}")
    with default_signals():
        done = subprocess.run(
            [SCRIPT, sys.executable, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240
        )
    assert done.returncode == 0, done.stdout[-4000:]
    first, second = read_results(tmp_path)
    assert first["host"] != second["host"]
    assert [(result["node"], result["world_size"]) for result in (first, second)] == [(0, 2), (1, 2)]
    assert first["weights"] == second["weights"]
    assert first["seen"] != second["seen"]
    events = read_only_writer(tmp_path / "run/0")
    assert [event.step for event in events.Images("cam/overview")] == [2, 5]
    bank = SaliencyBank(tmp_path / "bank")
    (number,) = bank.generations()
    assert bank.is_whole(number)
    assert bank.record(number).world_size == 2
