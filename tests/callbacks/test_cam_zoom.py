from __future__ import annotations

from typing import Any

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from camaug.augmentation.zoom import Zoom
from camaug.callbacks import CamEvaluator, CamZoom
from camaug.training.image_classifier import ImageClassifier
from tests.toys import Blobs, ToyClassifier


class Recorder(ToyClassifier):
    """A classifier that keeps the logits of its evaluation steps."""

    def __init__(self) -> None:
        super().__init__()
        self.logits: list[Tensor] = []

    def validation_step(self, batch, batch_idx):
        self.logits.append(self(batch[0]))
        self.log("val/loss", F.cross_entropy(self.logits[-1], batch[1]))

    def test_step(self, batch, batch_idx):
        self.validation_step(batch, batch_idx)

    def predict_step(self, batch, batch_idx):
        self.logits.append(self(batch[0]))
        return self.logits[-1]


class CallsSubmodule(Recorder):
    """A classifier whose steps call its network rather than itself."""

    def validation_step(self, batch, batch_idx):
        self.logits.append(self.net(batch[0]))


class WithoutForward(L.LightningModule):
    """A module with a network and no forward."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.logits: list[Tensor] = []

    def validation_step(self, batch, batch_idx):
        self.logits.append(self.net(batch[0]))


@pytest.fixture
def recorder() -> Recorder:
    L.seed_everything(0, verbose=False)
    return Recorder().eval()


def expected(module: nn.Module, dataset: Blobs, **settings: Any) -> Tensor:
    return Zoom(**settings)(module, dataset.images)


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
@pytest.mark.parametrize("inference_mode", [True, False])
def test_evaluation_steps_get_averaged_logits(recorder, dataset, loader, make_trainer, stage, inference_mode) -> None:
    averaged = expected(recorder, dataset)
    trainer = make_trainer(CamZoom(), inference_mode=inference_mode)
    getattr(trainer, stage)(recorder, loader, **({} if stage == "predict" else {"verbose": False}))
    torch.testing.assert_close(torch.cat(recorder.logits), averaged)
    assert "forward" not in vars(recorder)
    assert not any(name.endswith("_step") for name in vars(trainer.strategy))


def test_the_loss_is_that_of_the_mean_probabilities(recorder, dataset, loader, make_trainer) -> None:
    (logged,) = make_trainer(CamZoom("flip")).validate(recorder, loader, verbose=False)
    with torch.no_grad():
        mean = (recorder(dataset.images).softmax(1) + recorder(dataset.images.flip(-1)).softmax(1)) / 2
    assert logged["val/loss"] == pytest.approx(F.nll_loss(mean.log(), torch.tensor(dataset.targets)).item(), rel=1e-5)


@pytest.mark.parametrize("view", ["salient", "flip"])
def test_training_is_bit_for_bit_as_without(dataset, make_trainer, view) -> None:
    weights = []
    for callbacks in ([], [CamZoom(view)]):
        L.seed_everything(0, verbose=False)
        module = ToyClassifier()
        loader = DataLoader(dataset, batch_size=8, shuffle=True)
        make_trainer(*callbacks, max_epochs=1).fit(module, loader, DataLoader(dataset, batch_size=8))
        weights.append(torch.cat([value.flatten().float() for value in module.state_dict().values()]))
    assert torch.equal(*weights)


@pytest.mark.parametrize("zoom_first", [True, False])
def test_the_explanations_of_other_callbacks_use_the_plain_forward(recorder, loader, make_trainer, zoom_first) -> None:
    def evaluate(*callbacks: L.Callback) -> dict[str, float]:
        (values,) = make_trainer(*callbacks).validate(recorder, loader, verbose=False)
        return {name: value for name, value in values.items() if name.startswith("cam_eval")}

    def evaluator() -> CamEvaluator:
        return CamEvaluator("average_drop", "grad-cam", num_images=4)

    both = [CamZoom(), evaluator()] if zoom_first else [evaluator(), CamZoom()]
    assert evaluate(*both) == evaluate(evaluator())


def test_a_named_submodule_is_averaged(dataset, loader, make_trainer) -> None:
    module = CallsSubmodule().eval()
    make_trainer(CamZoom(classifier="net")).validate(module, loader, verbose=False)
    torch.testing.assert_close(torch.cat(module.logits), expected(module.net, dataset))
    assert "forward" not in vars(module.net)


def test_the_only_network_of_a_module_without_forward_is_averaged(recorder, dataset, loader, make_trainer) -> None:
    module = WithoutForward(recorder.net).eval()
    make_trainer(CamZoom()).validate(module, loader, verbose=False)
    torch.testing.assert_close(torch.cat(module.logits), expected(recorder.net, dataset))


def test_steps_that_do_not_call_the_classifier_are_reported(loader, make_trainer) -> None:
    with pytest.warns(UserWarning, match="changed no prediction, because no step called CallsSubmodule.*classifier="):
        make_trainer(CamZoom()).validate(CallsSubmodule(), loader, verbose=False)


def test_an_unknown_submodule_is_refused(recorder, loader, make_trainer) -> None:
    with pytest.raises(ValueError, match="has no submodule 'head', it has net"):
        make_trainer(CamZoom(classifier="head")).validate(recorder, loader, verbose=False)


def test_a_module_that_averages_itself_is_refused(loader, make_trainer) -> None:
    module = ImageClassifier("test_resnet", num_classes=3, zoom="flip")
    with pytest.raises(ValueError, match="leave one of them out"):
        make_trainer(CamZoom()).validate(module, loader, verbose=False)


def test_a_failing_step_leaves_nothing_behind(recorder, loader, make_trainer) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("broken step")

    recorder.test_step = fail
    trainer = make_trainer(CamZoom())
    with pytest.raises(RuntimeError, match="broken step"):
        trainer.test(recorder, loader, verbose=False)
    assert "forward" not in vars(recorder)
    assert "test_step" not in vars(trainer.strategy)


def test_the_price_is_printed_once_for_each_run(recorder, loader, make_trainer, caplog) -> None:
    with caplog.at_level("INFO"):
        make_trainer(CamZoom(), num_sanity_val_steps=1).fit(recorder.train(), loader, loader)
    lines = [message for message in caplog.messages if message.startswith("CamZoom: predictions are averaged")]
    assert len(lines) == 1


class Wrapper(nn.Module):
    """A wrapper through which Lightning calls the steps, as DistributedDataParallel is."""

    def __init__(self, module: L.LightningModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any) -> Any:
        return self.module(*args)


class WrapModel(L.Callback):
    """A callback that wraps the module for the validation."""

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.strategy.model = Wrapper(pl_module)


def test_steps_that_are_called_through_a_wrapper_are_averaged(recorder, dataset, loader, make_trainer) -> None:
    averaged = expected(recorder, dataset)
    make_trainer(WrapModel(), CamZoom()).validate(recorder, loader, verbose=False)
    torch.testing.assert_close(torch.cat(recorder.logits), averaged)
    assert "forward" not in vars(recorder)
