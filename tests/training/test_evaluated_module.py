from __future__ import annotations

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from camaug.training.evaluated_module import EvaluatedModule

pytestmark = [
    # Both depend on the machine that the tests run on: its number of cores, and whether it has a GPU.
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:GPU available but not used"),
]

LOGITS = 4 * torch.eye(2)


class Identity(EvaluatedModule):
    """Module whose images are its logits."""

    def __init__(self) -> None:
        super().__init__(2)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images


def loader(predicted: list[int], labels: list[int]) -> DataLoader:
    return DataLoader(TensorDataset(LOGITS[predicted], torch.tensor(labels)), batch_size=3)


CLEAN = loader([0, 0, 1, 1], [0, 0, 1, 1])
MARKED = loader([0, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1])


def trainer() -> L.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return L.Trainer(accelerator="cpu", logger=False, **quiet)


def test_one_loader_has_loss_and_accuracy():
    (values,) = trainer().validate(Identity(), CLEAN, verbose=False)
    assert set(values) == {"val/loss", "val/accuracy"}
    assert values["val/accuracy"] == 1


@pytest.mark.parametrize("stage", ["val", "test"])
def test_several_loaders_have_each_loaders_accuracy_and_the_worst_groups(stage):
    module, fresh = Identity(), trainer()
    evaluate = fresh.validate if stage == "val" else fresh.test
    evaluate(module, {"clean": CLEAN, "marked": MARKED}, verbose=False)
    values = {name: float(value) for name, value in fresh.callback_metrics.items()}
    # Of the marked images one in three is correct, in both classes.
    assert values.pop(f"{stage}/loss") == pytest.approx(0.0181 + 0.4 * 4, abs=1e-3)
    assert values == pytest.approx(
        {
            f"{stage}/accuracy": 0.6,
            f"{stage}/accuracy/clean": 1.0,
            f"{stage}/accuracy/marked": 1 / 3,
            f"{stage}/worst_group_accuracy": 1 / 3,
        }
    )


def test_every_evaluation_starts_at_zero():
    module, fresh = Identity(), trainer()
    fresh.validate(module, [CLEAN, MARKED], verbose=False)
    fresh.validate(module, [MARKED, CLEAN], verbose=False)
    assert fresh.callback_metrics["val/accuracy/0"] == pytest.approx(1 / 3)
    assert fresh.callback_metrics["val/accuracy/1"] == 1
    assert not any("metric" in name for name in module.state_dict())
