"""Photos without labels are found and transformed for the model, and unreadable ones do not stop the others."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from camaug.datamodules import PhotoFolder
from camaug.images.preprocessing import eval_transform

FORMATS = ("jpg", "jpeg", "png", "webp", "bmp", "tif")


def save(path, colour=(200, 40, 90), size=(50, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    for index, ending in enumerate(FORMATS):
        save(root / f"{index}.{ending}", (10 * index, 100, 200))
    save(root / "trip" / "day 1" / "0.jpg")
    save(root / ".trash" / "old.jpg")
    save(root / ".hidden.jpg")
    (root / "notes.txt").write_text("no photo")
    return root


def batches(data):
    return [(batch.images, list(batch.paths), list(batch.errors)) for batch in data.predict_dataloader()]


def test_every_photo_is_found_in_nested_folders(photos):
    data = PhotoFolder(str(photos), batch_size=4, num_workers=0)
    loaded = batches(data)
    paths = [path for _, paths, _ in loaded for path in paths]
    assert paths == [
        *(str(photos / f"{index}.{ending}") for index, ending in enumerate(FORMATS)),
        str(photos / "trip/day 1/0.jpg"),
    ]
    assert [images.shape for images, _, _ in loaded] == [(4, 3, 224, 224), (3, 3, 224, 224)]
    standard = eval_transform(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert torch.equal(loaded[0][0][2], standard(Image.open(photos / "2.png")))
    assert {error for _, _, errors in loaded for error in errors} == {""}


def test_photos_are_transformed_as_the_trainers_model_expects(photos):
    class Module(L.LightningModule):
        preprocessing = {"image_size": 32, "mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_pct": 1.0}  # noqa: RUF012

        def predict_step(self, batch, batch_idx):
            return batch.images

    data = PhotoFolder(str(photos), num_workers=0)
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    (images,) = trainer.predict(Module(), datamodule=data)
    assert images.shape == (7, 3, 32, 32)
    torch.testing.assert_close(images[2, :, 0, 0], torch.tensor([20, 100, 200]) / 127.5 - 1)


def test_a_user_transform_is_applied(photos):
    transform = v2.Compose([v2.Resize((8, 9)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)])
    data = PhotoFolder(str(photos), num_workers=0, transform=transform)
    assert batches(data)[0][0].shape == (7, 3, 8, 9)
    assert data.preprocessing.mean is None


def test_a_broken_photo_is_black_and_reported_with_the_reason(photos):
    whole = (photos / "2.png").read_bytes()
    (photos / "2.png").write_bytes(whole[: len(whole) // 2])
    (photos / "3.webp").write_text("not at all")
    ((images, _, errors),) = batches(PhotoFolder(str(photos), num_workers=0))
    assert [bool(error) for error in errors] == [False, False, True, True, False, False, False]
    assert "2.png" in errors[2]
    assert "3.webp" in errors[3]
    black = eval_transform(224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(Image.new("RGB", (9, 9)))
    assert torch.equal(images[2], black)


def test_a_function_chooses_the_photos(photos):
    data = PhotoFolder(str(photos), num_workers=0)
    data.choose_by(lambda paths: paths[-1:])
    ((_, paths, _),) = batches(data)
    assert paths == [str(photos / "trip/day 1/0.jpg")]
    data.choose_by(lambda paths: [])
    assert list(data.predict_dataloader()) == []
    data.choose_by(None)
    assert len(batches(data)[0][1]) == 7


@pytest.mark.parametrize(
    ("root", "settings", "error", "message"),
    [
        ("absent", {}, FileNotFoundError, "the folder of photos .*absent does not exist"),
        ("photos/0.jpg", {}, FileNotFoundError, "0.jpg is a file. Expected a folder"),
        ("empty", {}, FileNotFoundError, r"no photos in .*empty or .* Expected files that end in \.jpg"),
        ("photos", {"batch_size": 0}, ValueError, "`batch_size` .* at least 1, got 0"),
        ("photos", {"num_workers": -1}, ValueError, "`num_workers` .* 0 or more, got -1"),
    ],
)
def test_impossible_arguments_are_refused(photos, tmp_path, root, settings, error, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message):
        PhotoFolder(str(tmp_path / root), **settings)


def test_the_standard_transform_is_the_default(photos):
    assert PhotoFolder(str(photos)).preprocessing.settings["image_size"] == 224
