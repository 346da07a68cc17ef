"""Many epochs with everything on: memory, open files, hooks and threads stay as they are."""

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
from tests.toys import ToyClassifier, TransformedBlobs

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident() -> float:
    """The process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


class Gauge(L.Callback):
    """What there is of everything at the end of each epoch."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer, pl_module):
        pl_module.seen.clear()
        pl_module.losses.clear()
        gc.collect()
        hooks = sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in pl_module.modules())
        objects = [each for each in gc.get_objects() if type(each) is torch.Tensor]
        self.seen.append(
            {
                "resident MB": resident(),
                "traced MB": tracemalloc.get_traced_memory()[0] / 1e6,
                "files": len(os.listdir("/proc/self/fd")),
                "threads": threading.active_count(),
                "hooks": hooks,
                "tensors": len(objects),
            }
        )


def explainer() -> GroupCAM:
    return GroupCAM(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)


def run(make_trainer, epochs: int, *callbacks: L.Callback, **settings) -> list[dict[str, float]]:
    gauge = Gauge()
    trainer = make_trainer(*callbacks, gauge, max_epochs=epochs, **settings)
    tracemalloc.start()
    try:
        data = TransformedBlobs()
        trainer.fit(ToyClassifier(), DataLoader(data, batch_size=8, shuffle=True), DataLoader(data, batch_size=8))
    finally:
        tracemalloc.stop()
    return gauge.seen


def is_flat(seen: list[dict[str, float]], warm: int, resident_mb: float) -> None:
    """From the warm epoch on: nothing counted grows, and memory by no more than so much."""
    first, last = seen[warm], seen[-1]
    for what in ("files", "threads", "hooks", "tensors"):
        assert last[what] <= first[what], (what, first, last)
    assert last["traced MB"] - first["traced MB"] < 0.5, (first, last)
    assert last["resident MB"] - first["resident MB"] < resident_mb, (first, last)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
class TestSoak:
    def test_the_logger_alone(self, make_trainer):
        is_flat(run(make_trainer, 12, CamLogger(explainer(), images=4)), warm=6, resident_mb=30)

    @pytest.mark.slow
    def test_a_hundred_epochs_of_the_logger(self, make_trainer):
        seen = run(make_trainer, 100, CamLogger(explainer(), images=4))
        print("after 20 epochs", seen[20], "after 100", seen[-1])
        is_flat(seen, warm=20, resident_mb=30)

    @pytest.mark.slow
    @pytest.mark.timeout(1800)
    def test_two_hundred_epochs_with_everything_on(self, make_trainer, tmp_path):
        augmentation = GroupCamAugmentation(
            explainer(), share=0.5, blur_kernel_size=5, blur_sigma=5.0, refresh_every_n_epochs=5
        )
        callbacks = [
            CamLogger(explainer(), images=4),
            CamEvaluator(["insertion_deletion", "drift", "trust", "energy_in_mask"], explainer(), images=4),
            augmentation,
            RandomStateCheckpoint(),
            L.pytorch.callbacks.ModelCheckpoint(tmp_path / "checkpoints", save_last=True),
        ]
        seen = run(make_trainer, 200, *callbacks, enable_checkpointing=True)
        print("after 40 epochs", seen[40], "after 200", seen[-1])
        is_flat(seen, warm=40, resident_mb=30)
        assert len(list((tmp_path / "run/0/bank").glob("0*"))) <= 2
