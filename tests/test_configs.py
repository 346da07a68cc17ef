"""Every shipped configuration runs. A new file in ``configs/`` is tested without a change here."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import timm
import torch
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from camaug import explain
from camaug.callbacks import CamWriter
from camaug.cli import CamaugCLI, main
from camaug.images.class_names import known_class_names
from camaug.images.preprocessing import IMAGENET_STD

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
EXPLAINING = [path for path in CONFIGS if "explainer" in yaml.safe_load(path.read_text())]
EXPERIMENTS = [path for path in CONFIGS if "experiment" in yaml.safe_load(path.read_text())]
COMPARING = [path for path in CONFIGS if "compare" in yaml.safe_load(path.read_text())]
BESIDE_COMPARISONS = [ROOT / "configs/experiments/finetune_cpu.yaml"]
FITTING = [path for path in CONFIGS if path not in EXPLAINING + EXPERIMENTS + COMPARING + BESIDE_COMPARISONS]


@pytest.fixture
def folder_of_images(tmp_path):
    """Return a folder of two classes of two-coloured images, in train/ and val/."""
    for split, count in (("train", 6), ("val", 4)):
        for name, colour in (("ants", (200, 60, 40)), ("bees", (40, 90, 210))):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                image = Image.effect_noise((80, 72), 60).convert("RGB")
                image.paste(colour, (10 + index, 12, 40 + index, 44))
                image.save(folder / f"{index}.jpg")
    return tmp_path / "images"


@pytest.fixture
def boxed_images(tmp_path):
    """Return a folder of eight photos of a dog, a cat or both, with boxes in YOLO's format."""
    folder = tmp_path / "boxed"
    folder.mkdir()
    for index in range(8):
        Image.effect_noise((80, 72), 60).convert("RGB").save(folder / f"{index}.jpg")
        boxes = ["0 0.3 0.3 0.4 0.5", "1 0.7 0.6 0.3 0.4"][index % 2 : 2 if index % 3 else 1 + index % 2]
        (folder / f"{index}.txt").write_text("\n".join(boxes))
    return folder


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """Replace the data set that a configuration names by random images."""
    import torchvision

    class RandomCIFAR10(torchvision.datasets.FakeData):
        classes = tuple("abcdefghij")

        def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
            super().__init__(size=12, image_size=(3, 32, 32), num_classes=10, transform=transform)
            self.targets = [int(self[index][1]) for index in range(12)]

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", RandomCIFAR10)


def tiny(path: Path, images: Path) -> list[str]:
    """Return arguments that make a configuration small: a tiny backbone, two batches, one process."""
    config = yaml.safe_load(path.read_text())
    arguments = [
        "--trainer.accelerator=cpu",
        "--trainer.devices=1",
        "--trainer.strategy=auto",
        "--trainer.max_epochs=1",
        "--trainer.limit_train_batches=2",
        "--trainer.limit_val_batches=1",
        "--trainer.enable_progress_bar=false",
        "--trainer.enable_model_summary=false",
        "--cam.num_images=2",
        "--augmentation.start_epoch=0",
        "--augmentation.share=0.5",
    ]
    data = config.get("data", {"class_path": "ImageFolderDataModule"})
    if "data" not in config:
        arguments += [f"--data={data['class_path']}", "--model.name=resnet18"]
    if data["class_path"] == "ImageFolderDataModule":
        arguments += [f"--data.root={images}", "--data.image_size=64"]
    if data["class_path"] == "ShapesDataModule":
        arguments += ["--data.train_size=8", "--data.val_size=8"]
    if config.get("model", {}).get("pretrained") or config.get("model", {}).get("checkpoint"):
        arguments += ["--model.pretrained=false", "--model.checkpoint=null", "--model.name=timm/test_resnet"]
        arguments += ["--model.optimizer=adamw"]
    return [*arguments, "--data.batch_size=4", "--data.num_workers=0"]


@pytest.mark.parametrize("path", FITTING, ids=lambda path: path.stem)
def test_config_fits_two_batches_and_its_saved_copy_loads_again(path, folder_of_images, cifar10, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])  # LightningCLI warns if it has arguments and sys.argv too
    cli = main(["fit", f"--config={path}", *tiny(path, folder_of_images)])
    assert cli.trainer.global_step == 2
    run = Path(cli.trainer.log_dir)
    assert (run / "config.yaml").is_file()
    assert list(run.glob("events*"))
    assert all(torch.isfinite(p).all() for p in cli.model.parameters())

    images = read_images(run)
    assert "cam/overview" in images
    assert "augmentation/first_batch" in images

    reloaded = main(["fit", f"--config={run / 'config.yaml'}", "--trainer.limit_train_batches=1"])
    assert reloaded.trainer.global_step == 1
    assert reloaded.config["fit"]["model"]["name"] == cli.config["fit"]["model"]["name"]


def fine_tuned(folder_of_images, *arguments) -> CamaugCLI:
    finetune = ROOT / "configs/finetune.yaml"
    return main(
        ["fit", f"--config={finetune}", *tiny(finetune, folder_of_images), "--cam.explainer=grad-cam", *arguments]
    )


def test_an_experiment_on_a_fine_tuned_checkpoint_knows_its_classes(folder_of_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    checkpoint = fine_tuned(folder_of_images).trainer.checkpoint_callback.last_model_path
    config = f"--config={ROOT / 'configs/experiments/insertion_deletion.yaml'}"
    small = ["--experiment.methods=[random,grad-cam]", "--experiment.reference=random", "--experiment.step=0.5"]
    labelled = ["--data=ImageFolderDataModule", f"--data.root={folder_of_images}", "--data.image_size=64", *QUIET]
    small += ["--experiment.target=label", "--images=4", f"--ckpt_path={checkpoint}"]
    main(["experiment", config, *labelled, *small])
    report = (tmp_path / "experiments/insertion_deletion/report.md").read_text()
    assert "| grad-cam | " in report
    assert "Images: 4 of 8 from images." in report
    assert "labels are not used" not in report


@pytest.fixture
def weights(tmp_path):
    """Return the file that a pretrained model would be downloaded as."""
    model = timm.create_model("test_resnet", num_classes=1000)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


QUIET = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--data.num_workers=0"]


@pytest.mark.parametrize("path", EXPLAINING, ids=lambda path: path.stem)
def test_config_explains_photos_once(path, folder_of_images, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    config = yaml.safe_load(path.read_text())
    assert config["model"]["pretrained"] is True
    arguments = ["predict", f"--config={path}", f"--data.root={folder_of_images / 'val'}", *QUIET]
    arguments += ["--model.name=timm/test_resnet", "--model.pretrained=false", f"--model.checkpoint={weights}"]
    before = {file.name for file in tmp_path.iterdir()}
    cli = main([*arguments, "--explainer=GradCAM", "--explainer.fuse=max", "--output=there", "--writer.raw=npy"])
    assert {file.name for file in tmp_path.iterdir()} - before == {"there"}  # no log, no configuration, no checkpoint
    writer = writer_of(cli)
    assert (writer.written, writer.skipped, writer.failed) == (8, 0, {})
    record = json.loads((tmp_path / "there/ants/0.json").read_text())
    assert record["explainer"]["settings"]["fuse"] == "max"
    assert record["model"]["name"] == "timm/test_resnet"
    assert record["transform"]["input_size"] == [3, 160, 160]
    assert record["predicted"]["name"] in known_class_names(torch.nn.Identity(), 1000)
    assert len(list((tmp_path / "there").rglob("*_map.npy"))) == 8
    again = main([*arguments, "--explainer=GradCAM", "--explainer.fuse=max", "--output=there", "--writer.raw=npy"])
    assert (writer_of(again).written, writer_of(again).skipped) == (0, 8)
    other = main([*arguments, "--explainer=grad-cam", "--output=there", "--writer.raw=npy"])
    assert (writer_of(other).written, writer_of(other).skipped) == (8, 0)


def test_a_fine_tuned_checkpoint_explains_with_its_own_classes_and_crop(folder_of_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    fitted = fine_tuned(folder_of_images, "--data.mean=[0.4,0.5,0.6]")
    assert fitted.model.class_names == ["ants", "bees"]
    checkpoint = fitted.trainer.checkpoint_callback.last_model_path
    arguments = [f"--config={ROOT / 'configs/explain.yaml'}", f"--data.root={folder_of_images / 'val'}", *QUIET]
    arguments += ["--explainer=grad-cam", "--writer.target=bees"]
    cli = main(["predict", *arguments, f"--ckpt_path={checkpoint}"])
    assert writer_of(cli).written == 8
    record = json.loads((tmp_path / "explained/bees/1.json").read_text())
    assert record["target"]["name"] == "bees"
    assert {entry["name"] for entry in record["top"]} == {"ants", "bees"}
    assert record["transform"] == {
        "image_size": 64,
        "mean": [0.4, 0.5, 0.6],
        "std": list(IMAGENET_STD),
        "crop_pct": 0.875,
    }
    fitted.model.eval()
    expected = explain(fitted.model, folder_of_images / "val/bees/1.jpg", "grad-cam", "bees")
    assert record["target"]["confidence"] == pytest.approx(expected.confidence, abs=1e-4)


# For each experiment: arguments that make it small, its tables, its plots and images.
SMALL = {
    "insertion_deletion": (
        ["--experiment.methods=[random,grad-cam,legrad,group-cam]", "--experiment.step=0.25"],
        {"insertion_and_deletion", "paired_differences"},
        {"insertion_curves", "deletion_curves"},
    ),
    "ablation": (
        ["--experiment.sweeps={theta: [null, 50, 70], groups: [2, 4]}", "--experiment.step=0.25"],
        {"theta", "groups"},
        {"ablation_of_theta", "ablation_of_groups"},
    ),
    "run_time": (
        ["--experiment.methods=[grad-cam,legrad]", "--experiment.rounds=1"],
        {"run_time"},
        set(),
    ),
    "pointing_game": (
        ["--experiment.methods=[random,grad-cam,legrad]"],
        {"pointing_game", "accuracy_by_category"},
        set(),
    ),
    "sanity_check": (
        ["--experiment.methods=[grad-cam,legrad]", "--experiment.layers=2"],
        {"cascading_randomisation", "independent_randomisation"},
        {"cascading_randomisation", *(f"{order}_randomisation_of_grad-cam" for order in ("cascading", "independent"))},
    ),
    "class_maps": (
        ["--experiment.methods=[eigen-cam,grad-cam]"],
        {"class_maps"},
        {"class_maps_of_eigen-cam", "class_maps_of_grad-cam"},
    ),
}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_config_runs_its_experiment_and_its_saved_copy_runs_it_again(
    path, folder_of_images, boxed_images, weights, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    small, tables, images = SMALL[path.stem]
    config = yaml.safe_load(path.read_text())
    assert config["output"] == f"experiments/{path.stem}"
    model = ["--model.name=timm/test_resnet", "--model.pretrained=false", f"--model.checkpoint={weights}"]
    data = [f"--data.root={folder_of_images / 'val'}"]
    if path.stem == "pointing_game":
        data = [f"--data.images={boxed_images}", f"--data.annotations={boxed_images}", "--data.format=yolo"]
        data += ["--data.names=[dog,cat,person]", "--data.class_indices={dog: 151-268, cat: [281, 282]}"]
    data += ["--data.batch_size=3", *QUIET]
    before = {file.name for file in tmp_path.iterdir()}
    cli = main(["experiment", f"--config={path}", *data, *model, *small, "--images=4", "--output=there"])
    assert {file.name for file in tmp_path.iterdir()} - before == {"there"}
    there = tmp_path / "there"
    assert {file.stem for file in there.glob("*.csv")} == tables
    assert {file.stem for file in there.glob("*.png")} == images
    report = (there / "report.md").read_text()
    assert "Images: 4 of 8" in report
    if any("legrad" in argument for argument in small):
        assert "left out: legrad, which does not support this model" in report
    events = EventAccumulator(str(there)).Reload().Tags()
    assert {f"{name}/text_summary" for name in tables} <= set(events["tensors"])
    assert set(events["images"]) == images
    assert cli.model.predict_step.__self__ is cli.model  # restored

    first = next(there.glob("*.csv")).name
    main(["experiment", f"--config={there / 'config.yaml'}", "--output=again"])
    heads = [(tmp_path / folder / first).read_text().splitlines()[0] for folder in ("there", "again")]
    assert heads[0] == heads[1]
    if path.stem == "insertion_deletion":
        assert (there / first).read_text() == (tmp_path / "again" / first).read_text()


def test_every_experiment_has_a_config_of_its_name():
    assert {path.stem for path in EXPERIMENTS} == set(SMALL)
    for path in EXPERIMENTS:
        assert f"--config configs/experiments/{path.name}" in path.read_text()


def writer_of(cli) -> CamWriter:
    (writer,) = [callback for callback in cli.trainer.callbacks if isinstance(callback, CamWriter)]
    return writer


def read_images(run: Path) -> list[str]:
    return EventAccumulator(str(run)).Reload().Tags()["images"]


def test_every_workflow_has_a_config():
    names = {path.stem for path in CONFIGS}
    assert {"demo", "explain", "finetune", "imagenet_resnet50", "ddp", "cifar10"} <= names


def test_the_papers_run_has_the_papers_settings():
    config = yaml.safe_load((ROOT / "configs/imagenet_resnet50.yaml").read_text())
    model, trainer, data = config["model"], config["trainer"], config["data"]["init_args"]
    assert (model["lr"], model["step_epochs"], model["step_gamma"]) == (1e-3, 15, 0.1)
    assert (model["optimizer"], model["momentum"], model["weight_decay"]) == ("sgd", 0.9, 1e-4)
    assert trainer["devices"] * data["batch_size"] == 256
    assert trainer["max_epochs"] == 20
    assert config["augmentation"] == {"preset": "paper"}


def small_comparison(path: Path, images: Path) -> list[str]:
    small = ["--trainer.max_epochs=2", "--trainer.limit_train_batches=1", "--trainer.limit_val_batches=1"]
    small += ["--data.batch_size=4", "--data.num_workers=0", "--trainer.accelerator=cpu"]
    if path.stem == "shapes_bias":
        return [*small, "--data.train_size=8", "--data.val_size=24"]
    model = ["--model.pretrained=false", "--model.name=timm/test_resnet"]
    return [*small, *model, f"--data.root={images}", "--data.image_size=64"]


@pytest.mark.usefixtures("forked_runs")
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.slow if path.stem == "shapes_bias" else (), id=path.stem)
        for path in COMPARING
    ],
)
def test_comparison_trains_and_its_arms_are_valid_configurations(path, folder_of_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    more = ["--config", str(BESIDE_COMPARISONS[0])] if path.stem == "finetune" else []
    if path.stem == "finetune":
        for name in ("ants", "bees"):
            for index in range(4, 8):
                shutil.copy(folder_of_images / "val" / name / "0.jpg", folder_of_images / "val" / name / f"{index}.jpg")
    small = small_comparison(path, folder_of_images)
    report = main(["compare", "--config", str(path), *more, "--seeds=3", "--arms=hide-salient", "--output=out", *small])
    assert report.table("equal epochs").column("arm") == ["none", "hide-salient"]
    assert {"insertion", "over_all"} <= set(report.table("attention").columns)
    for name, settings in yaml.safe_load(path.read_text())["compare"]["arms"].items():
        (tmp_path / "arm.yaml").write_text(yaml.safe_dump(settings))
        with pytest.raises(SystemExit) as ended:
            main(["fit", "--config=out/common.yaml", *small, "--config=arm.yaml", "--print_config"])
        assert ended.value.code == 0, name
