"""Long training runs, in which memory, open files, hooks and threads do not grow."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from pathlib import Path

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from camaug import GroupCAM
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation, RandomStateCheckpoint
from tests.small_explainers import SMALL_GROUP_CAM
from tests.toys import ToyClassifier, TransformedBlobs

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_mb() -> float:
    """Return the resident memory of the process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


class ResourceGauge(L.Callback):
    """A record of memory, files, threads, hooks and tensors at the end of each epoch."""

    def __init__(self) -> None:
        self.readings: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer, pl_module):
        pl_module.seen.clear()
        pl_module.losses.clear()
        gc.collect()
        hooks = sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in pl_module.modules())
        tensors = sum(type(each) is torch.Tensor for each in gc.get_objects())
        self.readings.append(
            {
                "resident MB": resident_mb(),
                "traced MB": tracemalloc.get_traced_memory()[0] / 1e6,
                "files": len(os.listdir("/proc/self/fd")),
                "threads": threading.active_count(),
                "hooks": hooks,
                "tensors": tensors,
            }
        )


def explainer() -> GroupCAM:
    return GroupCAM(**SMALL_GROUP_CAM)


def run(make_trainer, epochs: int, *callbacks: L.Callback, **settings) -> list[dict[str, float]]:
    gauge = ResourceGauge()
    trainer = make_trainer(*callbacks, gauge, max_epochs=epochs, **settings)
    tracemalloc.start()
    try:
        data = TransformedBlobs()
        trainer.fit(ToyClassifier(), DataLoader(data, batch_size=8, shuffle=True), DataLoader(data, batch_size=8))
    finally:
        tracemalloc.stop()
    return gauge.readings


def assert_no_growth(readings: list[dict[str, float]], warm_up: int, max_mb: float = 30) -> None:
    """Check that no count grows after the warm-up epochs, and resident memory by less than a limit."""
    first, last = readings[warm_up], readings[-1]
    for name in ("files", "threads", "hooks", "tensors"):
        assert last[name] <= first[name], (name, first, last)
    assert last["traced MB"] - first["traced MB"] < 0.5, (first, last)
    assert last["resident MB"] - first["resident MB"] < max_mb, (first, last)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
class TestSoak:
    def test_twelve_epochs_of_the_logger(self, make_trainer):
        assert_no_growth(run(make_trainer, 12, CamLogger(explainer(), num_images=4)), warm_up=6)

    @pytest.mark.slow
    def test_a_hundred_epochs_of_the_logger(self, make_trainer):
        readings = run(make_trainer, 100, CamLogger(explainer(), num_images=4))
        print("after 20 epochs", readings[20], "after 100", readings[-1])
        assert_no_growth(readings, warm_up=20)

    @pytest.mark.filterwarnings("ignore:CamEvaluator logs no drift")  # of maps that stay constant for an epoch
    @pytest.mark.slow
    @pytest.mark.timeout(1800)
    def test_two_hundred_epochs_with_all_callbacks(self, make_trainer, tmp_path):
        augmentation = GroupCamAugmentation(
            explainer(), share=0.5, blur_kernel_size=5, blur_sigma=5.0, refresh_every_n_epochs=5
        )
        callbacks = [
            CamLogger(explainer(), num_images=4),
            CamEvaluator(["insertion_deletion", "drift", "trust", "energy_in_mask"], explainer(), num_images=4),
            augmentation,
            RandomStateCheckpoint(),
            L.pytorch.callbacks.ModelCheckpoint(tmp_path / "checkpoints", save_last=True),
        ]
        readings = run(make_trainer, 200, *callbacks, enable_checkpointing=True)
        print("after 40 epochs", readings[40], "after 200", readings[-1])
        assert_no_growth(readings, warm_up=40)
        assert len(list((tmp_path / "run/0/bank").glob("0*"))) <= 2
