"""The command `camaug explain` on a checkpoint of a run, in this process."""

from __future__ import annotations

import json

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image

from camaug import cli
from camaug.training.image_classifier import ImageClassifier
from tests.datamodules.conftest import save_image

PREPROCESSING = {"image_size": 24, "mean": (0.0,) * 3, "std": (1.0,) * 3, "crop_pct": 1.0}
CHECKPOINT = "runs/camaug/version_0/checkpoints/best.ckpt"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Return a checkpoint of a run with names and preprocessing of its own."""
    torch.manual_seed(0)
    module = ImageClassifier("squeezenet1_1", num_classes=3)
    module.class_names, module.preprocessing = ["ant", "bee", "red fox"], PREPROCESSING
    trainer = L.Trainer(logger=False, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
    trainer.strategy.connect(module)
    path = tmp_path_factory.mktemp("model") / "model.ckpt"
    trainer.save_checkpoint(path)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch, checkpoint):
    """Enter a folder with a run and photos, and return it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / CHECKPOINT).parent.mkdir(parents=True)
    (tmp_path / CHECKPOINT).write_bytes(checkpoint.read_bytes())
    for number, name in enumerate(("cat.jpg", "my dogs/rex.png", "my dogs/old/rex.png")):
        save_image(tmp_path / name, number)
    return tmp_path


def explain(*arguments: str, explainer: str = "grad-cam") -> None:
    cli.main(["explain", *arguments, "--explainer", explainer, "--device", "cpu"])


@pytest.mark.parametrize("given", [CHECKPOINT, "runs/camaug/version_0", "runs", "best"])
def test_a_photo_by_a_runs_checkpoint(given, folder, capsys):
    explain("cat.jpg", "--checkpoint", given)
    output = capsys.readouterr().out
    assert f"squeezenet1_1 of {CHECKPOINT}: 3 classes (ant, bee, red fox), images of 24 pixels, explained by" in output
    assert "1 explained, 0 failed" in output
    line = next(line for line in output.splitlines() if line.startswith("cat.jpg: "))
    assert line.endswith("%: explained/cat_overlay.png")
    assert any(name in line for name in ("ant", "bee", "red fox"))
    with Image.open(folder / "explained/cat_overlay.png") as overlay:
        assert overlay.size == (24, 24)
    record = json.loads((folder / "explained/cat.json").read_text())
    assert record["transform"]["image_size"] == 24
    assert record["target"]["name"] in ("ant", "bee", "red fox")


def test_folders_patterns_and_repeated_photos_are_explained_once_each(folder):
    explain("cat.jpg", "my dogs", "./my dogs/rex.png", "*.jpg", "--checkpoint", "best", "--output", "out")
    written = {path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*_overlay.png")}
    assert written == {"cat_overlay.png", "my dogs/rex_overlay.png", "my dogs/old/rex_overlay.png"}


def test_classes_by_name_and_index(folder, capsys):
    explain("cat.jpg", "--checkpoint", "best", "--target", "Red Fox", "--class", "0")
    records = [json.loads((folder / f"explained/cat_{each}.json").read_text()) for each in ("red fox", "class0")]
    assert [record["target"]["index"] for record in records] == [2, 0]
    assert capsys.readouterr().out.count("(explained: ") >= 1
    first, second = ((folder / f"explained/cat_{each}_map.png").read_bytes() for each in ("red fox", "class0"))
    assert first != second


def test_a_layer_and_a_range_of_values(folder):
    Image.fromarray(np.full((32, 32), 4095, np.uint16)).save(folder / "scan.png")
    with pytest.warns(UserWarning, match="constant"):
        explain("scan.png", "--checkpoint", "best", "--layer", "model.features.3", "--value_range", "0", "4095")
    record = json.loads((folder / "explained/scan.json").read_text())
    assert record["layers"] == ["model.features.3"]
    with Image.open(folder / "explained/scan_overlay.png") as overlay:
        assert np.asarray(overlay).max() > 100


def test_a_photo_that_cannot_be_read_is_named_and_the_others_are_explained(folder, capsys):
    (folder / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(SystemExit) as ended:
        explain("broken.jpg", "cat.jpg", "--checkpoint", "best")
    assert ended.value.code == 1
    output = capsys.readouterr().out
    assert "broken.jpg: failed: cannot read image" in output
    assert "1 explained, 1 failed" in output
    assert (folder / "explained/cat_overlay.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cat.jpg"], "random weights explain nothing: give a model that was fine-tuned here (--checkpoint RUN)"),
        (
            ["none.jpg", "--checkpoint", "best"],
            "none.jpg does not exist: give photos, a folder of photos, or a pattern",
        ),
        (["*.png", "--checkpoint", "best"], "*.png matches no file"),
        (["cat.jpg", "--checkpoint", "best", "--device", "xpu"], "no device 'xpu' here that PyTorch can use"),
        (["cat.jpg", "--checkpoint", "best", "--device", "nonsense"], "no device 'nonsense' here"),
        (["cat.jpg", "--checkpoint", "best", "--target", "be"], "no class 'be', did you mean 'bee'"),
        (["cat.jpg", "--checkpoint", "best", "--target", "3"], "no class 3: the model has 3 classes, 0 to 2"),
        (
            ["cat.jpg", "--checkpoint", "best", "--layer", "features"],
            "the model has no layer 'features', did you mean",
        ),
        (["cat.jpg", "--checkpoint", "best", "--value_range", "5", "5"], "(low, high) with low < high"),
        (["cat.jpg", "--checkpoint", "best", "--model", "resnet18"], "both choose the model: give one of them"),
        ([], "PHOTO is needed; example: camaug explain cat.jpg"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, message, folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["camaug"])
    with pytest.raises(SystemExit) as ended:
        cli.main(["explain", *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not (folder / "explained").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["cat.jpg", "--checkpoint", "none"], FileNotFoundError, r"no checkpoint 'none' \(relative paths start in /"),
        (["cat.jpg", "--checkpoint", "last"], FileNotFoundError, r"no last.ckpt in .*runs or the folders below it"),
        (["cat.jpg", "--checkpoint", "my dogs"], FileNotFoundError, r"no best.ckpt or last.ckpt in .*my dogs"),
        (["cat.jpg", "--checkpoint", "best", "--explainer", "grad"], ValueError, "unknown explainer 'grad', did you"),
        (["cat.jpg", "--checkpoint", "cat.jpg"], ValueError, "the checkpoint 'cat.jpg' cannot be loaded"),
    ],
)
def test_what_cannot_be_found_is_an_error_that_names_it(arguments, error, message, folder):
    with pytest.raises(error, match=message):
        cli.main(["explain", *arguments])
    assert not (folder / "explained").exists()


def test_a_result_never_replaces_a_photo(folder, capsys):
    save_image(folder / "cat_overlay.png", 9)
    before = (folder / "cat_overlay.png").read_bytes()
    with pytest.raises(SystemExit) as ended:
        explain("cat.jpg", "cat_overlay.png", "--checkpoint", "best", "--output", ".")
    assert ended.value.code == 2
    assert "cat_overlay.png would replace a photo of that name: give another folder" in capsys.readouterr().err
    assert (folder / "cat_overlay.png").read_bytes() == before
    explain("cat.jpg", "cat_overlay.png", "--checkpoint", "best", "--output", "other")
    assert (folder / "other/cat_overlay_overlay.png").exists()


def test_weights_in_a_file(folder, checkpoint):
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    torch.save({name.removeprefix("model."): value for name, value in weights.items()}, folder / "weights.pth")
    explain("cat.jpg", "--model", "squeezenet1_1", "--weights", "weights.pth", "--num_classes", "3")
    by_file = json.loads((folder / "explained/cat.json").read_text())
    explain("cat.jpg", "--checkpoint", "best", "--output", "other")
    by_checkpoint = json.loads((folder / "other/cat.json").read_text())
    assert by_file["model"] == by_checkpoint["model"]
