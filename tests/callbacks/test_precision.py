"""Mixed float16 with a gradient scaler, deterministic algorithms and compiled modules beside the callbacks."""

from __future__ import annotations

from collections.abc import Iterator

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch._dynamo.utils import counters
from torch.utils.data import DataLoader

from camaug import get_explainer, list_explainers
from camaug.augmentation.recipes import list_recipes
from camaug.callbacks import CamEvaluator, CamLogger, CamWriter, GroupCamAugmentation
from camaug.callbacks._logging.snapshot import Snapshot
from camaug.callbacks._logging.snapshot_taker import SnapshotTaker
from tests.small_explainers import SETTINGS
from tests.toys import TinyNet, ToyClassifier, certain_recipe

SMALL = {"blur_kernel_size": 5, "blur_sigma": 5.0}
CALLBACKS = {
    "CamLogger": lambda: CamLogger("group-cam", num_images=4),
    "CamEvaluator": lambda: CamEvaluator(["insertion_deletion", "road"], explainer="grad-cam", num_images=4),
    "augmentation of no image": lambda: GroupCamAugmentation("grad-cam", recipe="hide-salient", share=0.0),
}


def fit_in_float16(make_trainer, loader, *callbacks: L.Callback) -> tuple[ToyClassifier, torch.amp.GradScaler]:
    torch.manual_seed(0)
    module = ToyClassifier()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**18, growth_interval=2)
    make_trainer(*callbacks, plugins=[MixedPrecision("16-mixed", "cpu", scaler=scaler)]).fit(module, loader, loader)
    return module, scaler


@pytest.mark.parametrize("name", CALLBACKS)
def test_the_gradient_scaler_and_the_weights_are_those_of_a_run_without(name, make_trainer, loader):
    expected, scaler = fit_in_float16(make_trainer, loader)
    module, scaler_beside = fit_in_float16(make_trainer, loader, CALLBACKS[name]())
    assert scaler_beside.state_dict() == scaler.state_dict()
    assert scaler.state_dict()["scale"] != 2.0**18  # it was at work
    for alone, beside in zip(expected.parameters(), module.parameters(), strict=True):
        assert torch.equal(alone, beside)


@pytest.mark.parametrize("recipe", ["hide-salient", "paired", "snapmix"])
def test_recipes_train_in_mixed_float16(recipe, make_trainer, loader):
    callback = GroupCamAugmentation(recipe=certain_recipe(recipe), **SMALL)
    module, _ = fit_in_float16(make_trainer, loader, callback)
    assert all(images.isfinite().all() for images in module.seen)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


class Grow(L.Callback):
    """Growth of the logits beyond float16 at the start of the second epoch."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            with torch.no_grad():
                list(pl_module.net.children())[-1].weight.mul_(1e7)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("explainer", ["grad-cam", "hires-cam"])
def test_images_are_changed_where_the_logits_do_not_fit_in_float16(explainer, fast, make_trainer, loader, caplog):
    callback = GroupCamAugmentation(explainer, recipe=certain_recipe("hide-salient"), fast=fast, **SMALL)
    with caplog.at_level("INFO"):
        module, _ = fit_in_float16(make_trainer, loader, Grow(), callback)
    for seen, (images, _) in zip(module.seen[-3:], loader, strict=True):
        assert (seen != images).any()  # empty maps would hide nothing
    assert caplog.text.count("float16 cannot hold this model's values") == 1


def test_the_heatmaps_and_metrics_of_a_model_that_does_not_fit_in_float16(make_trainer, loader, monkeypatch, caplog):
    snapshots: list[Snapshot] = []
    take = SnapshotTaker.take
    monkeypatch.setattr(SnapshotTaker, "take", lambda *given: snapshots.append(take(*given)) or snapshots[-1])
    logger = CamLogger("grad-cam", num_images=4)
    evaluator = CamEvaluator(["insertion_deletion"], explainer="grad-cam", num_images=4)
    with caplog.at_level("INFO"), pytest.warns(UserWarning, match="CamEvaluator: float16 cannot hold"):
        fit_in_float16(make_trainer, loader, Grow(), logger, evaluator)
    assert snapshots[-1].true_maps.amax(dim=(1, 2)).max() == 1
    assert "CamLogger: float16 cannot hold" in caplog.text


def test_the_results_of_a_model_that_does_not_fit_in_float16(make_trainer, tmp_path):
    torch.manual_seed(0)
    module, images = ToyClassifier(), torch.rand(3, 24, 24)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"")  # the result records its size and time
    with torch.no_grad():
        list(module.net.children())[-1].weight.mul_(1e7)
    writer = CamWriter("grad-cam", directory=tmp_path / "results", raw="npy")
    plugins = [MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu"))]
    with pytest.warns(UserWarning, match="CamWriter: float16 cannot hold"):
        make_trainer(writer, plugins=plugins).predict(module, DataLoader([{"image": images, "path": str(photo)}]))
    (path,) = (tmp_path / "results").rglob("*.npy")
    assert np.load(path).max() == 1


@pytest.fixture
def deterministic() -> Iterator[None]:
    """Make PyTorch raise where it has no deterministic algorithm."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("name", list_explainers())
def test_explainers_under_deterministic_algorithms(name, net, images):
    if name == "legrad":
        pytest.skip("it reads attention, which the tests of transformers have")
    explainer = get_explainer(name, **SETTINGS.get(name, {}))
    assert torch.equal(explainer(net, images, 1).maps, explainer(net, images, 1).maps)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("recipe", list_recipes())
def test_recipes_under_deterministic_algorithms(recipe, make_trainer, loader):
    make_trainer(GroupCamAugmentation("grad-cam", recipe=certain_recipe(recipe), **SMALL), max_epochs=1).fit(
        ToyClassifier(), loader
    )


@pytest.mark.usefixtures("deterministic")
def test_heatmaps_and_their_metrics_under_deterministic_algorithms(make_trainer, loader):
    with pytest.warns() as caught:
        fit_in_float16(make_trainer, loader, CALLBACKS["CamLogger"](), CALLBACKS["CamEvaluator"]())
    assert not [each for each in caught if str(each.message).startswith(("CamLogger", "CamEvaluator"))]


class Compiled(L.LightningModule):
    """Classifier whose network is compiled for the shapes that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.compile(TinyNet(), backend="eager", dynamic=False)
        self.compiled: list[int] = []

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.compiled.append(counters["stats"]["unique_graphs"])
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


@pytest.mark.parametrize("recipe", ["hide-salient", "paired", "snapmix"])
def test_a_compiled_network_is_compiled_for_one_shape(recipe, make_trainer):
    torch._dynamo.reset()
    batches = [(torch.rand(6, 3, 16, 16), torch.arange(6) % 5) for _ in range(10)]
    module = Compiled()
    make_trainer(GroupCamAugmentation("grad-cam", recipe=recipe, share=0.5, **SMALL)).fit(
        module, DataLoader(batches, batch_size=None)
    )
    assert len(module.compiled) == 20
    assert module.compiled[0] == module.compiled[-1] > 0


@pytest.fixture
def medium() -> Iterator[None]:
    """Let float32 matrices be multiplied in a lower precision."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.usefixtures("medium")
@pytest.mark.parametrize("name", ["grad-cam", "group-cam", "verified-cam"])
def test_the_users_precision_of_float32_is_kept(name, net, images):
    explainer = get_explainer(name, **SETTINGS.get(name, {}))
    maps = explainer(net, images, 1).maps
    assert torch.get_float32_matmul_precision() == "medium"
    torch.set_float32_matmul_precision("highest")
    torch.testing.assert_close(maps, explainer(net, images, 1).maps, rtol=0, atol=0.05)


@pytest.mark.usefixtures("medium")
def test_a_run_keeps_it_too(make_trainer, loader):
    callbacks = CALLBACKS["CamLogger"](), GroupCamAugmentation("grad-cam", **SMALL)
    make_trainer(*callbacks, max_epochs=1).fit(ToyClassifier(), loader, loader)
    assert torch.get_float32_matmul_precision() == "medium"
