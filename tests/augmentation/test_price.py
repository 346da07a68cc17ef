"""Cost of each setting of the augmentation: rows and arithmetic, independent of this machine's speed."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
import yaml

from camaug import GroupCAM
from camaug.augmentation.price import Price, Pricing, price
from camaug.augmentation.price_settings import CONFIGURED, Setting, price_settings
from camaug.callbacks._augmentation.price_advice import price_advice
from camaug.explainers import GradCAM
from tests.processes import run_program

ROOT = Path(__file__).parents[2]
SMALL = GroupCAM(groups=4, theta=None, weighted=False)


class Clock:
    """A clock that the model advances by a second for each image."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self, device):
        return self.seconds

    def forward(self, model):
        def run(images):
            self.seconds += len(images) * images.shape[2] * images.shape[3] / 256
            return model(images)

        return run


@pytest.fixture
def labels():
    return torch.tensor([0, 1, 2, 3])


def test_settings_are_the_choices_and_their_configuration_is_yaml():
    settings = price_settings()
    assert [setting.name for setting in settings] == [
        "grad-cam, without the fast forward", "grad-cam, all images", "grad-cam, half of the images",
        "grad-cam, maps kept for 5 epochs", "group-cam, all images",
    ]  # fmt: skip
    parsed = [yaml.safe_load(setting.configuration)["augmentation"] for setting in settings]
    assert parsed[0] == {"explainer": "grad-cam", "share": 1.0, "fast": False}
    assert parsed[2] == {"explainer": "grad-cam", "share": 0.5}
    assert parsed[3] == {"explainer": "grad-cam", "share": 1.0, "refresh_every_n_epochs": 5}
    assert parsed[4]["explainer"]["init_args"] == {"theta": None, "weighted": False}
    own = price_settings(Setting("mine", GroupCAM(layer="layer3", groups=8), share=0.25))
    assert own[0].explainer == GroupCAM(layer="layer3", groups=8)
    assert "layer: layer3" in own[0].configuration
    assert "query_scale: 0.5" in own[4].configuration
    assert (own[-1].name, own[-1].share) == ("mine", 0.25)


def test_advice_is_from_the_cheapest_and_names_what_changes_the_maps():
    own, plain, whole, half, kept, other = price_settings(Setting(CONFIGURED, GradCAM()))[-1:] + price_settings()
    prices = [
        Price(None),
        Price(plain, seconds=9, overlap=1, correlation=1),
        Price(whole, seconds=4, overlap=1, correlation=1),
        Price(half, seconds=2, overlap=1, correlation=1),
        Price(kept, seconds=1),
        Price(other, seconds=8, overlap=0.5, correlation=0.4),
        Price(own, seconds=3, overlap=1, correlation=1),
    ]
    lines = price_advice(prices)
    assert [line.split("  augmentation")[0].strip() for line in lines if line.startswith("  ")] == [
        "grad-cam, half of the images", "grad-cam, all images",
        "grad-cam, maps kept for 5 epochs", "group-cam, all images",
    ]  # fmt: skip
    assert lines[3].startswith("With other or older maps")


def test_the_arithmetic_of_every_column(net, images, labels):
    clock = Clock()
    settings = [
        Setting("all", SMALL),
        Setting("half", SMALL, share=0.5),
        Setting("bank", SMALL, refresh_epochs=4),
        Setting("small", GroupCAM(groups=4, theta=None, weighted=False, query_scale=0.5)),
    ]

    def step():
        clock.seconds += 12

    rows, pricing = price(
        net, step, images, labels, settings=settings, seconds=1000, forward=clock.forward(net), clock=clock
    )
    assert pricing.count == 4
    assert pricing.rounds > 2
    assert pricing.took <= 1000
    none, whole, half, bank, small = rows
    assert (none.setting, none.passes, none.seconds, none.steps) == (None, 0, 0, 0)
    assert pricing.step_seconds == 12
    assert whole.seconds == pytest.approx(4 * whole.passes)  # a second for each question about 16 × 16 pixels
    assert 2 < whole.passes <= 6
    assert whole.steps == pytest.approx(whole.seconds / 12)
    assert half.seconds == pytest.approx(4 * half.passes)
    assert bank.seconds == pytest.approx(whole.seconds / 4)
    assert bank.passes == pytest.approx(whole.passes / 4)
    assert small.seconds < whole.seconds
    assert (whole.overlap, whole.correlation) == (1, 1)
    assert (half.overlap, half.correlation) == (1, 1)
    assert (bank.overlap, bank.correlation) == (None, None)
    assert 0 <= small.overlap <= 1


def test_one_round_is_made_however_long_it_takes(net, images, labels):
    clock = Clock()
    pricing = Pricing(net, images, labels, [Setting("all", SMALL)], seconds=1, forward=clock.forward(net), clock=clock)
    assert pricing.count == 1
    seen = []
    while not pricing.is_finished:
        pricing.explain()
        clock.seconds += 5
        pricing.add_step(5.0)
        seen.append(pricing.rounds)
    assert seen == [1, 2]
    assert pricing.took > 1
    assert pricing.prices()[1].seconds == pytest.approx(4 * pricing.prices()[1].passes)  # of one image, for all four


def test_nothing_of_the_model_is_changed(net, images, labels, unchanged):
    net.train()
    with unchanged(net):
        pricing = Pricing(net, images, labels, seconds=0.01)
        pricing.explain()
        pricing.explain()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"settings": []}, "`settings` is empty"), ({"seconds": 0}, "must be above 0, got 0")],
)
def test_bad_arguments_are_refused(settings, message, net, images, labels):
    with pytest.raises(ValueError, match=message):
        Pricing(net, images, labels, **settings)


@pytest.fixture
def tiny():
    from camaug.datamodules import ShapesDataModule
    from camaug.training.image_classifier import ImageClassifier

    data = ShapesDataModule(train_size=8, val_size=4, image_size=64, batch_size=4, num_workers=0, num_classes=4)
    return ImageClassifier("timm/test_resnet", num_classes=4), data


def test_the_trainer_leaves_weights_and_itself_as_they_were(tiny, tmp_path, capsys):
    from camaug.callbacks import CamLogger, GroupCamAugmentation
    from camaug.training.trainer import CamaugTrainer

    model, data = tiny
    trainer = CamaugTrainer(
        max_epochs=1, accelerator="cpu", default_root_dir=tmp_path, enable_model_summary=False,
        enable_checkpointing=False, callbacks=[CamLogger(), GroupCamAugmentation("grad-cam")], logger=True,
    )  # fmt: skip
    before = copy.deepcopy(model.state_dict())
    callbacks, loggers = list(trainer.callbacks), list(trainer.loggers)
    report = trainer.price(model, data, seconds=0.5)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model._trainer is None
    assert (trainer.callbacks, trainer.loggers) == (callbacks, loggers)
    assert (trainer.max_epochs, trainer.limit_val_batches) == (1, 1.0)
    assert not list(tmp_path.rglob("*"))
    table = report.table("price of a step")
    assert [row[0] for row in table.rows][:2] == ["no augmentation", "your configuration"]
    assert len(table.rows) == 7
    factors, step = table.column("× plain"), table.column("ms")[0]
    assert factors[0] == 1
    assert factors[2:] == sorted(factors[2:])
    assert table.column("ms") == pytest.approx([factor * step for factor in factors], rel=0.1)
    assert dict(zip(table.column("setting"), table.column("mask overlap"), strict=True))[price_settings()[0].name] == 1
    assert "augmentation: {explainer: grad-cam, share: 0.5}" in capsys.readouterr().out


def test_several_processes_are_refused(tiny, tmp_path):
    from camaug.training.trainer import CamaugTrainer

    trainer = CamaugTrainer(accelerator="cpu", devices=2, logger=False, default_root_dir=tmp_path)
    with pytest.raises(ValueError, match=r"measured in one process, and the trainer has 2: set trainer\.devices to 1"):
        trainer.price(*tiny)


def test_the_command_prints_the_table_and_leaves_nothing(tmp_path):
    arguments = ["--data.train_size=16", "--data.batch_size=4", "--data.val_size=4", "--seconds=2"]
    command = [ROOT / "train.py", "price", "--config", ROOT / "configs/demo.yaml"]
    done = run_program(*command, *arguments, cwd=tmp_path, COLUMNS="100")
    assert done.returncode == 0, done.stdout[-3000:]
    own = Setting(CONFIGURED, GroupCAM(theta=None, weighted=False))
    for name in ("no augmentation", *(setting.name for setting in price_settings(own))):
        assert name in done.stdout
    assert "after a warm-up, in " in done.stdout
    assert not list(tmp_path.iterdir())
