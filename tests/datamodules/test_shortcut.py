from __future__ import annotations

import shutil

import pytest
import torch

from camaug.cli import main
from camaug.datamodules import ShortcutDataModule

CLASSES = ["ant", "bee", "fly"]
PLAIN = {"image_size": 32, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "crop_pct": 1.0}


@pytest.fixture
def data(make_folder):
    return shortcut(make_folder("train", CLASSES, count=40) and make_folder("val", CLASSES, count=3))


def shortcut(root, **settings) -> ShortcutDataModule:
    data = ShortcutDataModule(str(root), **{"num_workers": 0, "batch_size": 4, **PLAIN, **settings})
    data.setup("fit")
    return data


def images(data: ShortcutDataModule, name: str) -> torch.Tensor:
    return torch.cat([batch[0] for batch in data.val_dataloader()[name]])


def test_most_training_images_have_the_mark_of_their_class(data):
    dataset = data.dataset("train")
    marked = [mark for mark in dataset.marks if mark is not None]
    assert 0.85 * len(dataset) < len(marked) < len(dataset)
    assert all(mark in (None, label) for mark, label in zip(dataset.marks, dataset.targets, strict=True))
    assert shortcut(data.root, rho=0.0).dataset("train").marks == [None] * 120
    assert shortcut(data.root, rho=1.0).dataset("train").marks == dataset.targets


def test_marks_depend_on_the_seed_and_not_on_the_place_of_the_folder(data, tmp_path_factory):
    root = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(data.root, root)
    again, other = shortcut(root, position="random"), shortcut(root, seed=1, position="random")
    assert again.dataset("train").marks == data.dataset("train").marks != other.dataset("train").marks
    first, second, third = (each.marked_dataset("val", "wrong_mark") for each in (again, shortcut(root), other))
    assert first.marks == second.marks
    masks = [torch.stack([each.object_mask(index) for index in range(9)]) for each in (first, third)]
    assert not torch.equal(*masks)


def test_training_marks_are_part_of_the_photo_in_every_epoch(data):
    dataset = shortcut(data.root, rho=1.0, size=0.5, crop_scale=(1.0, 1.0)).dataset("train")
    red = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
    for _ in range(3):
        image, label = dataset[0]
        assert label == 0
        assert ((image - red).abs().amax(dim=0) < 0.05).float().mean() > 0.1


def test_loaders_have_the_same_images_without_and_with_marks(data):
    assert tuple(data.val_dataloader()) == data.loader_names == ("unmarked", "right_mark", "wrong_mark")
    unmarked = images(data, "unmarked")
    for name in ("right_mark", "wrong_mark"):
        dataset = data.marked_dataset("val", name)
        masks = torch.stack([dataset.object_mask(index) for index in range(len(dataset))])
        assert masks.dtype == torch.bool
        assert masks.shape == (9, 32, 32)
        difference = (images(data, name) - unmarked).abs().amax(dim=1)
        # Resizing blends the pixels at the edge of a mark, beside the mask.
        assert difference[~masks.amax(0).expand_as(masks)].mean() < 0.02 < 0.2 < difference[masks].mean()
        assert (masks.float().mean(dim=(1, 2)) > 0.02).all()
        right = [mark == label for mark, label in zip(dataset.marks, dataset.targets, strict=True)]
        assert set(right) == {name == "right_mark"}
    assert not hasattr(data.marked_dataset("val", "unmarked"), "object_mask")


def test_testing_has_the_same_three_loaders(data):
    data.setup("test")
    assert [len(loader.dataset) for loader in data.test_dataloader().values()] == [9, 9, 9]


def test_the_command_line_logs_the_worst_group_and_the_energy_on_the_mark(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py"])
    small = ["--trainer.limit_train_batches=1", "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false"]
    small += ["--trainer.max_epochs=1", "--data.image_size=32", "--data.num_workers=0", "--model.name=timm/test_resnet"]
    folder = ["--data=ShortcutDataModule", f"--data.root={data.root}", "--data.mark=frame"]
    logged = ["--cam.loader=wrong_mark", "--cam.explainer=grad-cam", "--augmentation.recipe=null"]
    cli = main(["fit", *folder, *small, *logged])
    metrics = cli.trainer.callback_metrics
    names = {f"val/accuracy/{name}" for name in data.loader_names}
    assert names | {"val/accuracy", "val/loss", "val/worst_group_accuracy", "cam/object_energy"} <= set(metrics)
    assert metrics["cam/object_area"] > 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rho": 1.5}, "`rho` is a probability, between 0 and 1, got 1.5"),
        ({"size": 0.0}, "`size` is a share of the image's side, above 0 and at most 1, got 0.0"),
        ({"mark": "star"}, "`mark` is one of 'patch', 'frame', 'text', got 'star'"),
        ({"position": "left"}, "`position` is one of 'top-left', .*, got 'left'"),
        ({"crop_pct": 2.0}, "`crop_pct` is the share"),
    ],
)
def test_impossible_settings_are_errors(data, settings, message):
    with pytest.raises(ValueError, match=message):
        shortcut(data.root, **settings)
