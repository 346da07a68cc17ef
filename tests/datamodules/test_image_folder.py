from __future__ import annotations

from collections import Counter
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image

from camaug.datamodules import ImageFolderDataModule
from camaug.datamodules._folders.bad_images import find_bad_images, report_bad
from camaug.datamodules._folders.stratified_split import stratified_split
from camaug.images.loading import load_image


def noise(seed: int = 0, size: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


def cut_off(path: Path, share: float = 0.6) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def module(root: Path, **settings) -> ImageFolderDataModule:
    return ImageFolderDataModule(str(root), **{"batch_size": 4, "image_size": 32, "num_workers": 0, **settings})


def paths(data: ImageFolderDataModule, split: str) -> list[str]:
    return [path for path, _ in data.dataset(split).samples]


# Layouts


@pytest.mark.parametrize("val", ["val", "validation", "valid", "test"])
def test_divided_folder(make_folder, val):
    make_folder("train", count=5)
    root = make_folder(val, count=2)
    data = module(root)
    assert data.classes == ["ant", "bee"]
    assert data.num_classes == 2
    data.setup()
    assert len(data.dataset("train")) == 10
    assert len(data.dataset("val")) == 4
    assert all(f"/{val}/" in path for path in paths(data, "val"))
    assert paths(data, "test") == paths(data, "val")


def test_test_folder_beside_val(make_folder):
    make_folder("train")
    make_folder("val", count=2)
    data = module(make_folder("test", count=3))
    data.setup()
    assert len(data.dataset("val")) == 4
    assert len(data.dataset("test")) == 6
    assert all("/test/" in path for path in paths(data, "test"))


def test_unlabelled_test_folder_matters_only_to_testing(make_folder):
    make_folder("train")
    make_folder("val", count=2)
    data = module(make_folder("test", classes=["unknown"]))
    data.setup("fit")
    with pytest.raises(ValueError, match=r"Only in train: ant, bee. Only in test: unknown"):
        data.setup("test")


@pytest.mark.parametrize("name", [".", "train"])
def test_one_folder_is_split(make_folder, name):
    data = module(make_folder(name, count=10))
    data.setup()
    train, val = data.dataset("train"), data.dataset("val")
    assert Counter(train.targets) == {0: 8, 1: 8}
    assert Counter(val.targets) == {0: 2, 1: 2}
    assert not set(paths(data, "train")) & set(paths(data, "val"))
    assert paths(data, "test") == paths(data, "val")


def test_split_is_the_same_every_time_and_follows_its_seed(make_folder):
    root = make_folder(count=10)
    first, again, other = module(root), module(root), module(root, split_seed=1)
    for data in (first, again, other):
        data.setup("fit")
    assert paths(first, "val") == paths(again, "val")
    assert paths(first, "val") != paths(other, "val")


def test_stratified_split():
    targets = [0] * 50 + [1] * 2 + [2]
    train, val = stratified_split(targets, 0.2, seed=0)
    assert sorted(train + val) == list(range(53))
    assert Counter(targets[index] for index in train) == {0: 40, 1: 1, 2: 1}
    assert Counter(targets[index] for index in val) == {0: 10, 1: 1}
    assert stratified_split(targets, 0.99, seed=0)[0], "even then something is left to train on"
    with pytest.raises(ValueError, match=r"above 0 and below 1, got 1.5"):
        stratified_split(targets, 1.5, seed=0)


def test_nested_and_hidden_files(make_folder):
    root = make_folder(count=3)
    nested = root / "ant" / "deeper" / "x.PNG"
    nested.parent.mkdir()
    noise().save(nested)
    for hidden in (root / ".cache" / "x.jpg", root / "ant" / ".thumbs" / "x.jpg", root / "bee" / "._000.jpg"):
        hidden.parent.mkdir(exist_ok=True)
        hidden.write_bytes(b"")
    (root / "ant" / "notes.txt").write_text("not an image")
    data = module(root)
    assert data.classes == ["ant", "bee"]
    data.setup("fit")
    found = paths(data, "train") + paths(data, "val")
    assert len(found) == 7
    assert str(nested) in found


# Loaders


def test_batches(make_folder):
    data = module(make_folder(count=6), val_fraction=0.4)
    data.setup()
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (4, 3, 32, 32)
    assert images.dtype == torch.float32
    assert type(images) is torch.Tensor
    assert labels.dtype == torch.int64
    assert images.min() < 0 < images.max()
    assert sum(len(labels) for _, labels in data.val_dataloader()) == 4
    assert sum(len(labels) for _, labels in data.predict_dataloader()) == 4
    assert sum(len(labels) for _, labels in data.test_dataloader()) == 4


def test_a_small_last_batch_is_not_trained_on_unless_it_is_all_there_is(make_folder):
    data = module(make_folder(count=6), val_fraction=0.2)
    data.setup("fit")
    assert [len(labels) for _, labels in data.train_dataloader()] == [4, 4]
    data.batch_size = 50
    assert [len(labels) for _, labels in data.train_dataloader()] == [10]


def test_normalisation_is_that_of_mean_and_std(make_folder):
    data = module(make_folder(), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    data.setup("validate")
    image = data.dataset("val")[0][0] * torch.tensor(data.std).view(3, 1, 1) + torch.tensor(data.mean).view(3, 1, 1)
    plain = module(data.root, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    plain.setup("validate")
    torch.testing.assert_close(image, plain.dataset("val")[0][0])
    assert 0 <= image.min() <= image.max() <= 1


def test_asking_before_setup_is_an_error(make_folder):
    with pytest.raises(RuntimeError, match=r"has not set up its 'train' split: call `setup\(\)` first"):
        module(make_folder()).train_dataloader()


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # Lightning 2.6 with torch 2.15
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_trainer_fits_it_and_workers_repeat_with_the_seed(make_folder, tmp_path):
    class Recorder(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(3, 2)
            self.seen = []

        def training_step(self, batch, _):
            self.seen.append(batch[0].mean().item())
            return torch.nn.functional.cross_entropy(self.head(batch[0].mean((2, 3))), batch[1])

        def validation_step(self, batch, _):
            assert batch[0].shape[1:] == (3, 32, 32)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    root = make_folder("images", count=6) / "images"
    runs = []
    for _ in range(2):
        L.seed_everything(3, workers=True, verbose=False)
        model = Recorder()
        trainer = L.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(model, module(root, num_workers=1))
        runs.append(model.seen)
    assert len(runs[0]) == 2
    assert runs[0] == runs[1]


# Folders that cannot be used


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist. Expected a folder with train/ and val/"):
        module(tmp_path / "nowhere")


def test_root_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="file is a file"):
        module(tmp_path / "file")


def test_empty_folder(tmp_path):
    with pytest.raises(ValueError, match=r"no class folders in .*: found an empty folder. .*\.jpg, .*\.png"):
        module(tmp_path)


def test_images_without_class_folders(tmp_path):
    noise().save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="found 1 images that are in no class folder"):
        module(tmp_path)


def test_class_folder_without_images(make_folder):
    root = make_folder()
    (root / "wasp").mkdir()
    (root / "wasp" / "a.heic").write_text("")
    with pytest.raises(
        ValueError, match=r"no images in 1 of 3 class folders .*: wasp. Expected files that end in \.jpg"
    ):
        module(root)


def test_one_class(make_folder):
    with pytest.raises(ValueError, match=r"only one class in .*: 'ant'"):
        module(make_folder(classes=["ant"]))


def test_different_classes(make_folder):
    make_folder("train", classes=["ant", "bee", "wasp"])
    with pytest.raises(ValueError, match=r"Only in train: bee, wasp. Only in val: fly"):
        module(make_folder("val", classes=["ant", "fly"]))


def test_one_image_a_class_leaves_nothing_to_validate_on(make_folder):
    data = module(make_folder(count=1))
    with pytest.raises(ValueError, match=r"no readable image to val with .*: ant, bee. Give every class at least two"):
        data.setup("fit")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "`batch_size` .* at least 1, got 0"),
        ({"num_workers": -1}, "`num_workers` .* 0 or more, got -1"),
        ({"image_size": 0}, "`image_size` .* at least 1, got 0"),
        ({"val_fraction": 0.0}, "`val_fraction` .* got 0.0"),
        ({"split_seed": -1}, "`split_seed` must be 0 or more, got -1"),
        ({"on_bad_image": "ignore"}, "`on_bad_image` is 'error' or 'skip', got 'ignore'"),
        ({"crop_scale": (0.9, 0.5)}, r"`crop_scale` .* got \(0.9, 0.5\)"),
        ({"crop_pct": 1.2}, "`crop_pct` .* got 1.2"),
        ({"hflip": 2.0}, "`hflip` is a probability, between 0 and 1, got 2.0"),
        ({"std": (1.0, 1.0, 0.0)}, "`std` above 0, got"),
    ],
)
def test_impossible_settings(make_folder, settings, message):
    with pytest.raises(ValueError, match=message):
        module(make_folder(), **settings)


# Bad images


def truncated_jpeg(path: Path) -> Path:
    noise().save(path.with_suffix(".jpg"))
    return cut_off(path.with_suffix(".jpg"))


def truncated_progressive_jpeg(path: Path) -> Path:
    noise().save(path.with_suffix(".jpg"), progressive=True)
    return cut_off(path.with_suffix(".jpg"))


def truncated_png(path: Path) -> Path:
    noise().save(path.with_suffix(".png"))
    return cut_off(path.with_suffix(".png"))


def zero_bytes(path: Path) -> Path:
    path.with_suffix(".jpg").write_bytes(b"")
    return path.with_suffix(".jpg")


def text_called_jpg(path: Path) -> Path:
    path.with_suffix(".jpg").write_text("<html>404 not found</html>")
    return path.with_suffix(".jpg")


def dangling_link(path: Path) -> Path:
    path.with_suffix(".jpg").symlink_to(path.parent / "moved_away.jpg")
    return path.with_suffix(".jpg")


BREAKAGES = [
    truncated_jpeg,
    truncated_progressive_jpeg,
    truncated_png,
    zero_bytes,
    text_called_jpg,
    dangling_link,
]


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_bad_image_is_an_error_before_training(make_folder, breakage):
    root = make_folder()
    bad = breakage(root / "ant" / "broken")
    data = module(root)
    with pytest.raises(ValueError, match=rf"(?s)1 of \d+ images cannot be read:.*{bad.name}: .*`on_bad_image: skip`"):
        data.setup("fit")


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("check_images", [None, False])
def test_bad_image_is_skipped_with_a_warning(make_folder, breakage, check_images):
    root = make_folder()
    bad = breakage(root / "ant" / "broken")
    data = module(root, on_bad_image="skip", check_images=check_images)
    with pytest.warns(UserWarning, match=rf"(?s)1 of \d+ images cannot be read:.*{bad.name}: .*left out"):
        data.setup("fit")
    assert data.skipped_images == [str(bad)]
    assert len(data.dataset("train")) + len(data.dataset("val")) == 10
    for split in ("train", "val"):
        for index in range(len(data.dataset(split))):
            data.dataset(split)[index]


def test_too_large_an_image_is_bad(make_folder, monkeypatch):
    root = make_folder()
    noise(size=200).save(root / "ant" / "huge.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64)
    with pytest.raises(ValueError, match=r"huge.png: DecompressionBombError"):
        module(root).setup("fit")


def test_an_image_broken_later_is_named(make_folder):
    root = make_folder()
    data = module(root)
    data.setup("fit")
    victim = Path(data.dataset("train").samples[3][0])
    cut_off(victim, share=0.5)
    with pytest.raises(OSError, match=f"cannot read image .*{victim.name}.*truncated"):
        data.dataset("train")[3]


def test_unchecked_images_are_not_decoded(make_folder):
    root = make_folder()
    zero_bytes(root / "ant" / "broken")
    module(root, check_images=False).setup("fit")


def test_a_class_of_bad_images_only_is_an_error_even_when_skipping(make_folder):
    root = make_folder(count=2)
    for path in (root / "ant").iterdir():
        path.write_bytes(b"")
    data = module(root, on_bad_image="skip")
    with (
        pytest.warns(UserWarning, match="images cannot be read"),
        pytest.raises(ValueError, match=r"no readable image to train with .*: ant"),
    ):
        data.setup("fit")


def test_repairing_an_image_does_not_move_the_others_between_the_splits(make_folder):
    root = make_folder(count=10)
    sound = module(root)
    sound.setup("fit")
    Path(sound.dataset("val").samples[0][0]).write_bytes(b"")
    broken = module(root, on_bad_image="skip")
    with pytest.warns(UserWarning, match="1 of 4 images"):
        broken.setup("fit")
    assert paths(broken, "train") == paths(sound, "train")
    assert paths(broken, "val") == paths(sound, "val")[1:]


def test_ten_bad_images_are_named_and_all_counted(tmp_path):
    for index in range(13):
        zero_bytes(tmp_path / f"{index:02d}")
    files = sorted(str(path) for path in tmp_path.iterdir())
    bad = find_bad_images(files)
    with pytest.raises(ValueError, match=r"13 of 20 cannot be read:\n") as raised:
        report_bad(bad, "13 of 20 cannot be read", "on_bad_image", "error")
    assert str(raised.value).count(".jpg: ") == 10
    assert "\n  and 3 more\n" in str(raised.value)


# Modes and orientations


def test_exif_orientation_is_applied(tmp_path):
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :10] = 255  # white to the left of the file, and so on top of the picture
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 90 degrees clockwise
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    upright = np.asarray(load_image(tmp_path / "turned.jpg"))
    assert upright.shape == (40, 20, 3)
    assert upright[:8].mean() > 250
    assert upright[12:].mean() < 5


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("L", ".png"),
        ("LA", ".png"),
        ("P", ".png"),
        ("P", ".gif"),
        ("RGBA", ".png"),
        ("1", ".png"),
        ("CMYK", ".jpg"),
        ("L", ".jpg"),
    ],
)
def test_every_mode_loads_as_rgb(tmp_path, mode, suffix):
    source = Image.new("RGB", (8, 8), (200, 200, 200)).convert(mode)
    source.save(tmp_path / f"image{suffix}")
    image = load_image(tmp_path / f"image{suffix}")
    assert image.mode == "RGB"
    assert np.asarray(image).mean() == pytest.approx(200, abs=3) or mode == "1"


def test_palette_with_transparency(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.save(tmp_path / "image.png", transparency=bytes([0, 128]))
    assert load_image(tmp_path / "image.png").getpixel((0, 0)) == (10, 20, 30)


def test_sixteen_bit_grey_keeps_its_tones(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 16).astype(np.uint16), (16, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    tones = np.asarray(load_image(tmp_path / "ramp.png"))[0, :, 0]
    assert tones.tolist() == [value >> 8 for value in ramp[0].tolist()]
