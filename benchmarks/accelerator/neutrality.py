"""Weights and random numbers of training runs with the watching callbacks, compared bit for bit with those without."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import lightning as L
import torch
from torch import Tensor

from benchmarks.accelerator.section import Section, Sizes, attempt
from benchmarks.accelerator.training import Classifier, make_loader, make_small_network, make_trainer
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from camaug.experiments.table import Cell
from camaug.utils.preserved_random_state import accelerator_random_state

__all__ = ["NEUTRALITY"]

CALLBACKS: dict[str, Callable[[], list[L.Callback]]] = {
    "nothing": list,
    "CamLogger, group-cam": lambda: [CamLogger("group-cam", num_images=4)],
    "CamLogger, grad-cam": lambda: [CamLogger("grad-cam", num_images=4)],
    "CamEvaluator": lambda: [CamEvaluator(["insertion_deletion", "drift", "average_drop"], "grad-cam", 8)],
    "augmentation from epoch 9 on": lambda: [GroupCamAugmentation(start_epoch=9)],
}


def _rows(sizes: Sizes) -> Iterator[list[Cell]]:
    expected = _train(sizes)
    for name, make in CALLBACKS.items():
        yield [name, *attempt(lambda: _compare(expected, _train(sizes, *make())), columns=2)]  # noqa: B023


def _compare(expected: tuple[list[Tensor], list[Tensor]], trained: tuple[list[Tensor], list[Tensor]]) -> list[Cell]:
    pairs = zip(expected, trained, strict=True)
    return ["equal" if all(map(torch.equal, before, after)) else "DIFFERENT" for before, after in pairs]


def _train(sizes: Sizes, *callbacks: L.Callback) -> tuple[list[Tensor], list[Tensor]]:
    """Return the trained weights with all buffers, and the states of the random-number generators."""
    L.seed_everything(1, verbose=False)
    module = Classifier(make_small_network())
    with make_trainer(sizes, *callbacks, max_epochs=3, deterministic=True) as trainer:
        try:
            trainer.fit(module, make_loader(64, 32, 16), make_loader(32, 32, 16))
        finally:
            torch.use_deterministic_algorithms(False)
    weights = [value.detach().cpu().clone() for value in module.state_dict().values()]
    return weights, [torch.get_rng_state(), accelerator_random_state()]


NEUTRALITY = Section("neutrality", ("callback", "weights", "random numbers", "error"), _rows, budget=25)
