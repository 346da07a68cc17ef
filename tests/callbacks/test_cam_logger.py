from __future__ import annotations

import io
import os
import re
import signal
import warnings

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from PIL import Image
from torch.utils.data import DataLoader

from camaug import GradCAM, GroupCAM
from camaug.callbacks import CamLogger, GroupCamAugmentation
from camaug.explainers import Explainer
from camaug.explainers.base import Explanation
from tests.toys import Stream

EXPLAINER = GroupCAM(groups=4, theta=None, blur_kernel_size=5, blur_sigma=5.0)


def pixels(event) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))


class Batches:
    """A loader that is no ``DataLoader``."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)

    def __len__(self):
        return len(self.batches)


class Broken(Explainer):
    """An explainer that fails from its second call on."""

    calls = 0

    def saliency(self, evidence):
        raise NotImplementedError

    def __call__(self, model, images, targets=None, *, forward=None) -> Explanation:
        type(self).calls += 1
        if type(self).calls > 1:
            raise RuntimeError("no heat today")
        return GradCAM()(model, images, targets, forward=forward)


class Terminated(Broken):
    """An explainer whose process gets a SIGTERM during the first snapshot."""

    calls = 0

    def __call__(self, model, images, targets=None, *, forward=None) -> Explanation:
        if type(self).calls > 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__call__(model, images, targets, forward=forward)


def test_each_image_has_one_tag_and_each_epoch_one_step(module, loader, make_trainer, read_events):
    trainer = make_trainer(CamLogger(EXPLAINER, num_images=6), max_epochs=3)
    trainer.fit(module, loader, loader)
    events = read_events()
    tags = events.Tags()["images"]
    named = {"left": (0, 12), "middle": (1, 13), "right": (2, 14)}
    expected = [f"cam/{name}/{index}" for name, indices in named.items() for index in indices]
    assert sorted(tags) == sorted([*expected, "cam/overview", "cam/mistakes"])
    for tag in tags:
        images = [pixels(event) for event in events.Images(tag)]
        assert [event.step for event in events.Images(tag)] == [2, 5, 8]
        assert len({image.shape for image in images}) == 1
        assert not np.array_equal(images[0], images[2])
    panels = pixels(events.Images("cam/left/0")[0])
    assert panels.shape[1] == 3 * 192 + 2 * 4
    of_the_object = {"cam/object_area", "cam/object_energy"}
    of_trust = {"cam/centre_bias", "cam/class_similarity", "cam/constant_maps", "cam/head_similarity"}
    others = {"cam/border_energy", "cam/confidence", "cam/drift", "cam/forgotten", "cam/overlap", "cam/position_bias"}
    logged = {name for name in events.Tags()["scalars"] if name.startswith("cam/")}
    assert logged == of_the_object | of_trust | others
    assert len(events.Scalars("cam/head_similarity")) == 1  # every fifth epoch
    assert events.Scalars("cam/object_area")[0].value == pytest.approx(1 / 9, abs=1e-6)
    assert [event.step for event in events.Scalars("cam/drift")] == [2, 5, 8]  # the first since the start


def test_a_panel_shows_the_image_and_the_heatmap(module, loader, dataset, make_trainer, read_events):
    trainer = make_trainer(CamLogger("grad-cam", num_images=3, strength=0.5, colormap="gray"), max_epochs=1)
    trainer.fit(module, loader, loader)
    panel = pixels(read_events().Images("cam/left/0")[0])[:192].astype(float) / 255  # a JPEG: close, not equal
    image = torch.nn.functional.interpolate(dataset.images[:1], scale_factor=8, mode="bicubic").clamp(0, 1)[0]
    assert np.abs(panel[:, :192].transpose(2, 0, 1) - image.numpy()).mean() < 0.01
    explanation = GradCAM()(module, dataset.images[:1])
    heatmap = torch.nn.functional.interpolate(explanation.maps[:, None], (192, 192), mode="bilinear")[0, 0]
    assert np.abs(panel[:, 196:388, 0] - (0.5 * image[0] + 0.5 * heatmap).numpy()).mean() < 0.02


def test_the_true_class_is_shown_only_where_it_differs(module, loader, make_trainer, read_events):
    with torch.no_grad():
        module.net[-1].bias.copy_(torch.tensor([100.0, 0.0, 0.0]))  # always predicts the first class
    trainer = make_trainer(CamLogger("grad-cam", num_images=3), max_epochs=1, limit_train_batches=1)
    module.configure_optimizers = lambda: torch.optim.SGD(module.parameters(), lr=0.0)
    trainer.fit(module, loader, loader)
    events = read_events()
    right, wrong = (pixels(events.Images(tag)[0])[:192, 392:] for tag in ("cam/left/0", "cam/right/2"))
    assert right.std() < 1  # nothing but what JPEG makes of it
    assert wrong.std() > 10


def test_panels_may_be_rarer_than_snapshots(module, loader, make_trainer, read_events):
    trainer = make_trainer(CamLogger("grad-cam", num_images=3, images_every_n_snapshots=3), max_epochs=4)
    trainer.fit(module, loader, loader)
    trainer.test(module, loader, verbose=False)
    events = read_events()
    assert [event.step for event in events.Images("cam/overview")] == [8]
    assert len(events.Images("cam_test/overview")) == 1
    assert len(events.Scalars("cam/confidence")) == 4


def test_a_long_run_has_as_many_panels_as_tensorboard_shows(module, loader, make_trainer, read_events, tmp_path):
    loggers = [TensorBoardLogger(tmp_path, "run", version="0"), CSVLogger(tmp_path, "csv", version="")]
    trainer = make_trainer(CamLogger("grad-cam", num_images=1), max_epochs=24, logger=loggers, limit_train_batches=1)
    trainer.fit(module, loader, loader)
    events = read_events()
    assert [event.step for event in events.Images("cam/overview")] == [0, 2, 5, 8, 11, 14, 17, 20, 23]
    assert [event.step for event in events.Scalars("cam/confidence")][-1] == 23
    assert len(list((tmp_path / "csv/cam/overview").iterdir())) == 24


def test_validate_and_test_log_under_their_own_names(module, loader, make_trainer, read_events):
    trainer = make_trainer(CamLogger(EXPLAINER, num_images=3))
    trainer.validate(module, loader, verbose=False)
    trainer.test(module, loader, verbose=False)
    tags = read_events().Tags()["images"]
    assert {"cam_validate/overview", "cam_validate/left/0", "cam_test/overview", "cam_test/right/2"} <= set(tags)


def test_training_images_are_logged_without_validation_data(module, loader, make_trainer, read_events):
    make_trainer(CamLogger("grad-cam", num_images=3)).fit(module, loader)
    assert len(read_events().Images("cam/overview")) == 2


def test_the_model_stays_in_training_mode_without_hooks(module, loader, make_trainer):
    make_trainer(CamLogger(EXPLAINER, num_images=3)).fit(module, loader, loader)
    assert all(not part._forward_hooks for part in module.modules())
    assert all(part.training for part in module.modules())


def test_a_failure_is_one_warning_with_its_cause_and_training_goes_on(module, loader, make_trainer):
    Broken.calls = 0
    trainer = make_trainer(CamLogger(Broken(), num_images=3), max_epochs=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(module, loader, loader)
    messages = [str(warning.message) for warning in caught if "CamLogger" in str(warning.message)]
    assert len(messages) == 1
    assert "could not explain its images" in messages[0]
    assert len(messages[0].splitlines()) <= 3
    assert "no heat today" in messages[0]
    assert trainer.current_epoch == 3
    assert Broken.calls == 8  # twice at the start, and in every epoch for the probe images and for the mistakes


def test_random_transforms_on_the_device_see_the_validation_stage(module, loader, make_trainer, dataset):
    stages = []

    def on_after_batch_transfer(batch, dataloader_idx):
        stages.append((module.trainer.training, len(batch[0])))
        return batch

    module.on_after_batch_transfer = on_after_batch_transfer
    make_trainer(CamLogger("grad-cam", num_images=3), max_epochs=1).fit(module, loader, loader)
    assert (False, 3) in stages
    assert (True, 3) not in stages
    assert module.trainer.state.stage is None or not module.trainer.validating


def with_forward(module, change):
    """Return the module with a forward that returns ``change(logits)``, and is trained without it."""
    logits = module.net.forward
    module.forward = lambda images: change(logits(images))
    module.training_step = lambda batch, batch_idx: torch.nn.functional.cross_entropy(module.net(batch[0]), batch[1])
    return module


def test_a_module_whose_forward_returns_a_dictionary(module, loader, make_trainer, read_events):
    module = with_forward(module, lambda logits: {"logits": logits, "loss": None})
    make_trainer(CamLogger("grad-cam", num_images=3)).fit(module, loader)
    assert len(read_events().Images("cam/overview")) == 2


def test_a_module_whose_forward_returns_several_tensors_needs_a_function(module, loader, make_trainer, read_events):
    module = with_forward(module, lambda logits: {"a": logits, "b": logits[:, :2]})
    message = r"several tensors that could be the logits[^\n]*forward="
    with pytest.warns(UserWarning, match=message):
        make_trainer(CamLogger("grad-cam", num_images=3), max_epochs=1, version="1").fit(module, loader)
    callback = CamLogger("grad-cam", num_images=3, forward=lambda module, images: module(images)["a"])
    make_trainer(callback, max_epochs=1).fit(module, loader)
    assert len(read_events().Images("cam/overview")) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"explainer": "group_cam"}, "unknown explainer 'group_cam'.*did you mean 'group-cam'"),
        ({"num_images": 0}, "`num_images` must be at least 1, got 0"),
        ({"every_n_epochs": 0}, "`every_n_epochs` must be at least 1"),
        ({"strength": 1.5}, "`strength` must be between 0 and 1, got 1.5"),
        ({"colormap": "rainbow"}, "unknown colour map 'rainbow', "),
    ],
)
def test_wrong_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        CamLogger(**settings)


@pytest.mark.parametrize("tags", [("cam", "cam"), ("cam_test", "cam")])
@pytest.mark.parametrize("second", ["grad-cam", "eigen-cam"])
def test_two_loggers_under_one_tag_are_refused(module, loader, make_trainer, tags, second):
    loggers = [CamLogger(name, num_images=3, tag=tag) for name, tag in zip(("grad-cam", second), tags, strict=True)]
    with pytest.raises(ValueError, match=r"CamLogger\(tag='cam.*would log under 'cam.*give one of them another tag"):
        make_trainer(*loggers).fit(module, loader, loader)
    assert module.seen == []


@pytest.mark.parametrize("tag", ["", "a/b", "../up", "a b"])
def test_tags_with_special_characters_are_refused(tag):
    with pytest.raises(ValueError, match="`tag` must be of letters, digits"):
        CamLogger(tag=tag)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (CamLogger(GradCAM(layer="net.44"), num_images=3), "has no layer 'net.44', did you mean 'net.4'"),
        (CamLogger(GroupCAM(groups=9), num_images=3), "`groups` must be between 1 and the layer's 8 channels, got 9"),
        (CamLogger("grad-cam", num_images=3, images="photo"), "the batch, a list, has no part 'photo'; it has"),
        (CamLogger("grad-cam", num_images=3, loader=1), r"loader=1 is not among the data loaders"),
    ],
)
def test_settings_that_do_not_fit_are_one_warning_and_training_goes_on(callback, message, module, loader, make_trainer):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_trainer(callback).fit(module, loader, loader)
    texts = [str(warning.message) for warning in caught if "CamLogger" in str(warning.message)]
    assert len(texts) == 1
    assert re.search(message, texts[0])
    assert "training goes on" in texts[0]
    assert len(module.seen) == 6


def test_a_snapshot_that_fails_after_a_sigterm_ends_the_run_without_a_warning(module, loader, make_trainer):
    trainer = make_trainer(CamLogger(Terminated(), num_images=3, fast=False), max_epochs=3)
    with pytest.raises(SIGTERMException):
        trainer.fit(module, loader, loader)
    assert trainer.current_epoch == 0


def test_without_a_logger_nothing_is_explained(module, loader, make_trainer):
    Broken.calls = 0
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="CamLogger")
        make_trainer(CamLogger(Broken(), num_images=3), logger=False).fit(module, loader)
    assert len(module.seen) == 6
    assert Broken.calls == 0


def test_a_smaller_data_set_is_logged_whole_by_default(module, dataset, make_trainer, read_events):
    loader = DataLoader(torch.utils.data.Subset(dataset, range(5)), batch_size=5)
    make_trainer(CamLogger("grad-cam"), max_epochs=1).fit(module, loader, loader)
    assert len(read_events().Tags()["images"]) == 5 + 2  # the overviews of the images and of the mistakes


def test_a_stream_of_validation_images(module, dataset, loader, make_trainer, read_events):
    stream = Stream([dataset[index] for index in range(8)])
    make_trainer(CamLogger("grad-cam", num_images=3), max_epochs=1).fit(
        module, loader, DataLoader(stream, batch_size=4)
    )
    assert len(read_events().Images("cam/overview")) == 1


def test_the_defaults_work_on_a_network_with_fewer_channels_than_groups(module, loader, make_trainer, read_events):
    make_trainer(CamLogger(), GroupCamAugmentation(), max_epochs=1).fit(module, loader, loader)
    assert {"cam/overview", "augmentation/first_batch"} <= set(read_events().Tags()["images"])


def test_a_loader_of_any_class_yields_its_first_images(module, dataset, make_trainer, read_events):
    batches = [[dataset.images[:8], torch.tensor(dataset.targets[:8])]]
    make_trainer(CamLogger("grad-cam"), max_epochs=1).fit(module, Batches(batches))
    assert len(module.seen) == 1
    assert "cam/class 1/7" in read_events().Tags()["images"]


def test_hooks_that_draw_random_numbers_do_not_change_the_training_run(module, loader, make_trainer):
    def noisy(batch, dataloader_idx):
        return [batch[0] + torch.rand(1) * 0.01, batch[1]]

    results = []
    for callbacks in ([], [CamLogger("grad-cam", num_images=3)]):
        L.seed_everything(3, verbose=False)
        again = type(module)()
        again.on_after_batch_transfer = noisy
        make_trainer(*callbacks).fit(again, loader, loader)
        results.append(again.losses)
    assert results[0] == results[1]


def test_fast_dev_run_is_quiet(module, loader, make_trainer):
    make_trainer(CamLogger("grad-cam"), fast_dev_run=True).fit(module, loader, loader)
    assert len(module.seen) == 1


def test_hostile_class_names_stay_inside_their_tag(module, loader, dataset, make_trainer, read_events):
    names = ["../../etc/passwd", "<img onerror=x>\n", "\x1b[31mred"]
    make_trainer(CamLogger("grad-cam", num_images=3, class_names=names), max_epochs=1).fit(module, loader, loader)
    tags = [tag for tag in read_events().Tags()["images"] if tag not in ("cam/overview", "cam/mistakes")]
    assert sorted(tags) == ["cam/.._.._etc_passwd/0", "cam/_31mred/2", "cam/_img onerror_x_/1"]


def test_images_are_denormalised_as_the_data_were_normalised(module, dataset, make_trainer, read_events):
    from torchvision.transforms import v2

    class Normalised(type(dataset)):
        transform = v2.Compose([v2.Normalize([0.5] * 3, [0.25] * 3)])

        def __getitem__(self, index):
            return self.transform(self.images[index]), self.targets[index]

    loader = DataLoader(Normalised(), batch_size=8)
    make_trainer(CamLogger("grad-cam", num_images=3), max_epochs=1).fit(module, loader, loader)
    image = pixels(read_events().Images("cam/left/0")[0])[:192, :192].astype(float) / 255
    assert image.mean() == pytest.approx(dataset.images[0].mean().item(), abs=0.01)


def test_lightning_is_the_same_package() -> None:
    assert issubclass(CamLogger, L.Callback)


def test_class_names_of_another_number_are_a_warning(module, loader, make_trainer):
    callback = CamLogger("grad-cam", num_images=2, class_names=["only one"])
    with pytest.warns(
        UserWarning, match="1 class_names were given, and the model has 3 classes: classes without a name"
    ):
        make_trainer(callback, max_epochs=1).fit(module, loader, loader)
