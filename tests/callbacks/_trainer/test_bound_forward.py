"""The user's ``forward=`` argument."""

from __future__ import annotations

from functools import partial

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from camaug.callbacks import CamEvaluator, CamLogger
from camaug.callbacks._trainer.bound_forward import bind_forward
from camaug.inspection.forward_key import forward_key
from tests.toys import DictOutput, DropoutNet, ToyClassifier


def test_the_module_is_bound_and_no_argument_stays_none():
    module = ToyClassifier()
    forward = bind_forward(lambda module, images: (module, 2 * images), module)
    assert forward(torch.ones(1)) == (module, torch.tensor([2.0]))
    assert bind_forward(None, module) is None


def test_the_only_network_of_a_module_without_forward():
    module = L.LightningModule()
    forward = bind_forward(None, module)
    with pytest.raises(ValueError, match=r"no forward and not exactly one submodule with parameters \(none\)"):
        forward(torch.ones(1))
    module.model, module.loss = torch.nn.Linear(2, 3), torch.nn.CrossEntropyLoss()
    images = torch.rand(4, 2)
    assert torch.equal(forward(images), module.model(images))
    assert forward_key(forward) == forward_key(bind_forward(None, module))
    module.teacher = torch.nn.Linear(2, 3)
    with pytest.raises(ValueError, match=r"\(self.model, self.teacher\): give forward="):
        forward(images)


class WithoutForward(L.LightningModule):
    """A module whose steps call its network with a batch's keywords."""

    def __init__(self) -> None:
        super().__init__()
        self.model = DictOutput(DropoutNet())

    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self.model(images=batch["image"])["logits"], batch["label"])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


@pytest.mark.filterwarnings("error:Cam(Logger|Evaluator) could not")
def test_the_callbacks_explain_a_module_without_forward(dataset, make_trainer, read_events):
    items = [{"image": image, "label": label} for image, label in dataset]
    callbacks = [
        each(num_images=3, explainer="grad-cam") for each in (CamLogger, partial(CamEvaluator, ["average_drop"]))
    ]
    make_trainer(*callbacks, max_epochs=1).fit(WithoutForward(), DataLoader(items, batch_size=8))
    events = read_events()
    assert events.Images("cam/overview")
    assert {"cam/confidence", "cam_eval/average_drop"} <= set(events.Tags()["scalars"])
