"""Explanations of photos in files: their content, resumed runs and failures."""

from __future__ import annotations

import json
import signal
import warnings
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from camaug import GradCAM, GroupCAM
from camaug.callbacks import CamWriter
from camaug.datamodules import PhotoFolder
from camaug.images.denormalise import denormalise
from camaug.images.preprocessing import model_preprocessing
from camaug.images.render import overlay
from tests.processes import run_program, run_program_as_ranks

SIDE = 32


class Watcher(L.LightningModule):
    """A small network that counts its images."""

    preprocessing = {"image_size": SIDE, "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4), "crop_pct": 1.0}  # noqa: RUF012
    class_names = ("ant", "bee", "cat")

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(3, 6, 3, 2, 1)
        self.head = nn.Linear(6, 3)
        self.seen = 0
        self.fails_at: int | None = None

    def forward(self, images):
        return self.head(self.conv(images).relu().mean(dim=(2, 3)))

    def predict_step(self, batch, batch_idx):
        if batch_idx == self.fails_at:
            raise RuntimeError("power cut")
        images = batch["image"] if isinstance(batch, dict) else batch[0]
        self.seen += len(images)
        return self(images)


def photo(path: Path, seed: int, size: tuple[int, int] = (40, 36)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size).save(path)


@pytest.fixture
def photos(tmp_path):
    for index, name in enumerate(("a.png", "b.png", "c.png", "trip/a.png", "trip/deep/a.png")):
        photo(tmp_path / "photos" / name, index)
    return tmp_path / "photos"


@pytest.fixture
def write(photos, tmp_path, make_trainer):
    """Explain the photos into ``out`` and return the callback and the module."""

    def run(explainer=None, module=None, data=None, **settings):
        writer = CamWriter(explainer or GradCAM(layer="conv"), directory=str(tmp_path / "out"), **settings)
        module = module or Watcher()
        data = data or PhotoFolder(str(photos), batch_size=2, num_workers=0)
        trainer = make_trainer(writer, logger=False)
        trainer.predict(module, datamodule=data, return_predictions=False)
        return writer, module

    return run


def counts(writer: CamWriter) -> tuple[int, int, int]:
    return writer.written, writer.skipped, len(writer.failed)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_photos_with_nan_are_left_out_and_named(write, photos):
    def transform(image):
        pixels = model_preprocessing(Watcher()).transform(image)
        return pixels * float("nan") if torch.equal(pixels, second) else pixels

    second = model_preprocessing(Watcher()).transform(Image.open(photos / "b.png"))
    with pytest.warns(UserWarning, match=r"leaves out one image and goes on: .*b.png' has values that are NaN"):
        writer, _ = write(data=PhotoFolder(str(photos), num_workers=0, transform=transform))
    assert counts(writer) == (4, 0, 1)
    assert list(writer.failed) == [str(photos / "b.png")]


class TwoViews(L.LightningDataModule):
    """Batches of two views, two labels and paths."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__()
        self.paths = paths

    def predict_dataloader(self):
        near, far = torch.rand(2, 3, SIDE, SIDE), torch.zeros(2, 3, SIDE, SIDE)
        batch = {"far": far, "near": near, "a": torch.tensor([0, 1]), "b": torch.tensor([1, 0]), "path": self.paths}
        return DataLoader([batch], batch_size=None)


def test_a_selector_says_where_the_images_are(write, photos, tmp_path):
    module = Watcher()
    module.predict_step = L.LightningModule.predict_step.__get__(module)
    writer, _ = write(module=module, data=TwoViews([str(photos / "a.png"), str(photos / "b.png")]), images="near")
    assert counts(writer) == (2, 0, 0)
    assert np.asarray(Image.open(next((tmp_path / "out").rglob("a*_overlay.png")))).std() > 10


def test_chosen_bands_are_drawn(write, tmp_path):
    write(strength=0.0)
    colours = np.asarray(Image.open(tmp_path / "out/a_overlay.png"))
    write(strength=0.0, bands=(2, 0, 0))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/a_overlay.png")), colours[..., [2, 0, 0]])


@pytest.mark.parametrize("explainer", [GradCAM(layer="conv"), GroupCAM(layer="conv", groups=2, blur_kernel_size=5)])
def test_the_files_hold_the_explanations(write, photos, tmp_path, explainer):
    writer, module = write(explainer)
    assert counts(writer) == (5, 0, 0)
    names = ("a", "b", "c", "trip/a", "trip/deep/a")
    ends = ("_overlay.png", "_map.png", ".json")
    assert set(files(tmp_path / "out")) == {f"{name}{end}" for name in names for end in ends}
    pixels = set()
    for name in names:
        ready = model_preprocessing(module).transform(Image.open(photos / f"{name}.png"))[None]
        explanation = explainer(module, ready)
        grey = np.asarray(Image.open(tmp_path / f"out/{name}_map.png"))
        assert grey.dtype == np.uint16 or grey.dtype == np.int32
        # Batches of another size add up in another order.
        assert np.abs(grey.astype(int) - (explanation.maps[0].double().numpy() * 65535).round()).max() <= 2
        seen = denormalise(ready, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
        painted = overlay(seen, torch.from_numpy(grey.astype(np.float32) / 65535)[None])[0]
        written = v2.functional.pil_to_tensor(Image.open(tmp_path / f"out/{name}_overlay.png"))
        assert (written.float() - painted * 255).abs().max() <= 1
        record = json.loads((tmp_path / f"out/{name}.json").read_text())
        assert record["target"]["index"] == int(explanation.targets[0])
        assert record["target"]["name"] == module.class_names[int(explanation.targets[0])]
        confidence = float(explanation.logits.softmax(1).max())
        assert record["target"]["confidence"] == pytest.approx(confidence, abs=1e-5)
        assert record["photo"]["path"] == f"{name}.png"
        assert record["layers"] == ["conv"]
        assert record["explainer"]["name"] == explainer.name
        assert record["transform"]["image_size"] == SIDE
        pixels.add(grey.tobytes())
    assert len(pixels) == 5


def test_explained_photos_are_neither_read_nor_explained_again(write, photos, tmp_path, monkeypatch):
    write()
    before = files(tmp_path / "out")
    monkeypatch.setattr(
        "camaug.datamodules._folders.photo_dataset.load_image", lambda path: pytest.fail(f"{path} was read")
    )
    writer, module = write()
    assert counts(writer) == (0, 5, 0)
    assert module.seen == 0
    assert files(tmp_path / "out") == before


def test_the_numbers_of_images_are_reported(write, photos, tmp_path, caplog):
    write()
    photo(photos / "new.png", 9)
    (photos / "b.png").write_text("broken")
    caplog.clear()
    with pytest.warns(UserWarning, match=r"leaves out one image and goes on: cannot read image '.*b\.png'"):
        write()
    assert f"1 image written to {tmp_path / 'out'}, 4 skipped because they were done, 1 failed" in caplog.text


@pytest.mark.parametrize(
    "changed",
    [
        {"explainer": GradCAM(layer="conv", fuse="max")},
        {"explainer": GroupCAM(layer="conv", groups=2, blur_kernel_size=5)},
        {"target": 1},
        {"target": "cat"},
        {"raw": "npy"},
        {"colormap": "turbo"},
        {"strength": 0.25},
        {"module": Watcher(seed=1)},
        {"resume": False},
        {"class_names": ["x", "y", "z"]},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_changed_settings_are_explained_again(write, changed):
    write()
    writer, _ = write(**changed)
    assert counts(writer) == (5, 0, 0)
    again, _ = write(**{**changed, "resume": True})
    assert counts(again) == (0, 5, 0)


def test_changed_photos_and_missing_or_damaged_results_are_explained_again(write, photos, tmp_path):
    write()
    photo(photos / "a.png", seed=77)
    photo(photos / "new.png", seed=78)
    (tmp_path / "out/b_overlay.png").unlink()
    (tmp_path / "out/trip/a.json").write_text('{"half":')
    writer, module = write()
    assert counts(writer) == (4, 2, 0)
    assert module.seen == 4


def test_another_transform_is_explained_again(write, photos):
    write()
    transform = v2.Compose([v2.Resize((20, 20)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)])
    data = PhotoFolder(str(photos), batch_size=2, num_workers=0, transform=transform)
    assert counts(write(data=data)[0]) == (5, 0, 0)


def test_broken_photos_among_good_ones(write, photos, tmp_path):
    whole = (photos / "b.png").read_bytes()
    (photos / "b.png").write_bytes(whole[: len(whole) // 2])
    (photos / "c.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="leaves out one image") as warned:
        writer, _ = write()
    messages = [str(warning.message) for warning in warned if "leaves out" in str(warning.message)]
    assert len(messages) == 2
    assert "b.png" in messages[0]
    assert "c.png" in messages[1]
    assert counts(writer) == (3, 0, 2)
    assert set(writer.failed) == {str(photos / "b.png"), str(photos / "c.png")}
    assert {name for name in files(tmp_path / "out") if name.endswith(".json")} == {
        "a.json", "trip/a.json", "trip/deep/a.json",
    }  # fmt: skip
    (photos / "b.png").write_bytes(whole)
    (photos / "c.png").unlink()
    assert counts(write()[0]) == (1, 3, 0)


def test_a_failure_in_the_middle_keeps_what_was_done(write, tmp_path):
    module = Watcher()
    module.fails_at = 1
    with pytest.raises(RuntimeError, match="power cut"):
        write(module=module)
    assert {name for name in files(tmp_path / "out") if name.endswith(".json")} == {"a.json", "b.json"}
    assert counts(write()[0]) == (3, 2, 0)


KILLED = """
import os, signal, sys
from camaug.single_image import explained_image
from tests.callbacks.test_cam_writer import *

original, calls = explained_image.write_atomically, []

def write_or_die(path, content):
    calls.append(path)
    if len(calls) == 8:  # the second file of the third photo
        path.with_name("." + path.name + ".1.tmp").write_bytes(content[:10])
        os.kill(os.getpid(), signal.SIGKILL)
    original(path, content)

explained_image.write_atomically = write_or_die
writer = CamWriter(GradCAM(layer="conv"), directory=sys.argv[2])
trainer = L.Trainer(accelerator="cpu", logger=False, callbacks=[writer], enable_progress_bar=False)
trainer.predict(Watcher(), datamodule=PhotoFolder(sys.argv[1], batch_size=2, num_workers=0))
"""


def test_a_killed_run_continues_where_it_stopped(write, photos, tmp_path):
    killed = run_program("-c", KILLED, photos, tmp_path / "out")
    assert killed.returncode == -signal.SIGKILL, killed.stdout
    left = files(tmp_path / "out")
    assert {name for name in left if name.endswith(".json")} == {"a.json", "b.json"}
    assert "c_overlay.png" in left  # half done, and does not count
    writer, module = write()
    assert counts(writer) == (3, 2, 0)
    assert module.seen == 3
    after = files(tmp_path / "out")
    assert all(after[name] == left[name] for name in ("a.json", "a_map.png", "b_overlay.png"))
    assert len([name for name in after if name.endswith(".json")]) == 5


def test_results_inside_the_folder_of_photos_are_not_explained(photos, make_trainer):
    for expected in ((5, 0), (0, 5)):
        writer = CamWriter(GradCAM(layer="conv"), directory=str(photos / "results"))
        make_trainer(writer, logger=False).predict(Watcher(), datamodule=PhotoFolder(str(photos), num_workers=0))
        assert (writer.written, writer.skipped) == expected
    assert len(PhotoFolder(str(photos)).photos) == 15


def test_photos_that_differ_only_in_their_suffix(write, photos, tmp_path):
    photo(photos / "a.jpg", 9)
    photo(photos / "trip/B.png", 10)
    writer, _ = write()
    assert counts(writer) == (7, 0, 0)
    records = {name for name in files(tmp_path / "out") if name.endswith(".json")}
    assert records == {
        "a.png.json", "a.jpg.json", "b.json", "c.json", "trip/a.json", "trip/B.json", "trip/deep/a.json",
    }  # fmt: skip


def test_names_that_collide_or_are_too_long_have_results_of_their_own(write, photos, tmp_path):
    for number, name in enumerate(["a.jpg", "a.png.jpg", "A.png", f"{'long' * 62}.png", "what?.png"]):
        photo(photos / name, 20 + number)
    writer, _ = write()
    assert counts(writer) == (10, 0, 0)
    names = [name for name in files(tmp_path / "out") if name.endswith(".json")]
    records = [json.loads((tmp_path / "out" / name).read_text(encoding="utf-8")) for name in names]
    assert len({record["photo"]["path"] for record in records}) == 10
    assert len({name.casefold() for name in names}) == 10
    assert "what_.json" in names
    assert counts(write()[0]) == (0, 10, 0)  # and they are found again


def test_a_class_name_that_no_file_can_have(tmp_path):
    writer = CamWriter(targets=["a/b", "a:b", "n" * 300])
    assert len({target.suffix for target in writer.targets}) == 3
    assert all(len(target.suffix) <= 61 for target in writer.targets)
    assert not any(set(target.suffix) & set("/:") for target in writer.targets)


def test_a_target_class_by_name(write, tmp_path):
    write(target="Bee")
    record = json.loads((tmp_path / "out/a.json").read_text())
    assert (record["target"]["index"], record["requested"]) == (1, "Bee")
    with pytest.raises(ValueError, match=r"no class 'be', did you mean 'bee'.* expected one of"):
        write(target="be")


def test_any_data_set_whose_batches_have_paths(photos, tmp_path, make_trainer):
    paths = sorted(str(path) for path in photos.rglob("a.png"))
    items = [{"image": torch.rand(3, 16, 16), "path": path} for path in paths]

    writer = CamWriter(
        GradCAM(layer="conv"), directory=str(tmp_path / "out"), raw="npy",
        forward=lambda module, images: module(images) * 2,
    )  # fmt: skip
    make_trainer(writer, logger=False).predict(Watcher(), DataLoader(items, batch_size=2))
    assert writer.written == 3
    written = [tmp_path / "out" / f"{Path(path).relative_to('/').as_posix()}_map.npy" for path in paths]
    assert [np.load(path).shape for path in written] == [(16, 16)] * 3


class WithoutPredictStep(Watcher):
    predict_step = L.LightningModule.predict_step

    def forward(self, images):
        if self.fails_at is not None:
            raise RuntimeError("power cut")
        return super().forward(images)


@pytest.mark.parametrize("fails", [False, True])
def test_a_module_without_a_predict_step_of_its_own(write, photos, fails):
    module, data = WithoutPredictStep(), PhotoFolder(str(photos), batch_size=2, num_workers=0)
    if fails:
        module.fails_at = 0
        with pytest.raises(RuntimeError, match="power cut"):
            write(module=module, data=data)
    else:
        assert counts(write(module=module, data=data)[0]) == (5, 0, 0)
    assert "predict_step" not in vars(module)
    assert data._choose is None


def test_a_predict_step_of_the_instance_is_used_and_stays(write):
    module, calls = WithoutPredictStep(), []

    def predict_step(batch, *_):
        calls.append(len(batch.images))
        return module(batch.images)

    module.predict_step = predict_step
    assert counts(write(module=module)[0]) == (5, 0, 0)
    assert vars(module)["predict_step"] is predict_step
    assert calls == [2, 2, 1]


def test_warning_filters_are_restored(write):
    write()
    before = list(warnings.filters)
    assert counts(write()[0]) == (0, 5, 0)
    assert warnings.filters == before


def test_batches_without_paths_are_refused(tmp_path, make_trainer, photos):
    writer = CamWriter(GradCAM(layer="conv"), directory=str(tmp_path / "out"))
    loader = DataLoader([(torch.rand(3, 16, 16), 0)] * 2, batch_size=2)
    with pytest.raises(ValueError, match="a list, carries no paths: use the data module PhotoFolder"):
        make_trainer(writer, logger=False).predict(Watcher(), loader)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"raw": "tif"}, "`raw` must be 'png' or 'npy', got 'tif'"),
        ({"strength": 2}, "`strength` must be between 0 and 1, got 2"),
        ({"colormap": "rainbow"}, "unknown colour map 'rainbow'"),
        ({"explainer": "grad-kam"}, "unknown explainer 'grad-kam'"),
    ],
)
def test_wrong_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        CamWriter(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"directory": "photos"}, "`directory` .*photos holds the photos themselves"),
        ({"directory": "."}, "holds the photos themselves"),
        ({"directory": "photos/a.png"}, "a.png is a file: give a folder"),
        ({"class_names": ["x"]}, "must name the model's 3 classes, got 1 names"),
    ],
)
def test_wrong_settings_for_these_photos(settings, message, photos, tmp_path, make_trainer):
    settings = {"directory": "out", **settings}
    settings["directory"] = str(tmp_path / settings["directory"])
    data = PhotoFolder(str(photos), num_workers=0)
    with pytest.raises(ValueError, match=message):
        make_trainer(CamWriter(GradCAM(layer="conv"), **settings), logger=False).predict(Watcher(), datamodule=data)


TWO = """
import json, os, sys
from camaug.training.process_group import own_process_group
from tests.callbacks.test_cam_writer import *

torch.set_num_threads(1)
writer = CamWriter(GradCAM(layer="conv"), directory=sys.argv[2])
trainer = L.Trainer(
    accelerator="cpu", devices=2, strategy="ddp", logger=False, callbacks=[writer], enable_progress_bar=False,
)
module = Watcher()
data = PhotoFolder(sys.argv[1], batch_size=2, num_workers=0)
with own_process_group():
    trainer.predict(module, datamodule=data, return_predictions=False)
result = {"world": trainer.world_size, "seen": module.seen, "counts": counts(writer), "failed": list(writer.failed)}
open(sys.argv[2] + f"/rank{trainer.global_rank}", "w").write(json.dumps(result))
"""


def test_each_of_two_processes_writes_its_own_images(photos, tmp_path):
    (photos / "b.png").write_text("broken")
    script = tmp_path / "two.py"
    script.write_text(TWO)

    def run() -> list[dict]:
        run_program_as_ranks(script, photos, tmp_path / "out")
        return [json.loads((tmp_path / f"out/rank{rank}").read_text()) for rank in range(2)]

    ranks = run()
    assert [rank["world"] for rank in ranks] == [2, 2]
    assert sorted(rank["seen"] for rank in ranks) == [2, 3]  # five photos, none twice
    assert [rank["counts"] for rank in ranks] == [[4, 0, 1]] * 2
    assert ranks[0]["failed"] == ranks[1]["failed"] == [str(photos / "b.png")]
    assert len(list((tmp_path / "out").rglob("*.json"))) == 4
    (tmp_path / "out/trip/a.json").unlink()
    assert [rank["counts"] for rank in run()] == [[1, 3, 1]] * 2


def test_several_targets_have_files_of_their_own(write, tmp_path):
    assert counts(write(targets=[1, 0])[0]) == (5, 0, 0)
    out = tmp_path / "out"
    assert len(list(out.rglob("a_class1*"))) == len(list(out.rglob("a_class0*"))) == 9
    records = [json.loads((out / f"b_class{target}.json").read_text(encoding="utf-8")) for target in (0, 1)]
    assert [(record["target"]["index"], record["requested"]) for record in records] == [(0, 0), (1, 1)]
    (out / "b_class0_map.png").unlink()
    assert counts(write(targets=[1, 0])[0]) == (1, 4, 0)
    write(target=1)
    several, single = (np.asarray(Image.open(out / f"{name}_map.png"), float) for name in ("b_class1", "b"))
    assert np.abs(several - single).max() <= 2  # of 65535


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": 1, "targets": [0]}, "give one class by `target`, or a list of classes by `targets`"),
        ({"targets": []}, "give one class by `target`, or a list"),
        ({"targets": [1, 1]}, "`targets` must be different classes"),
    ],
)
def test_wrong_targets(settings, message):
    with pytest.raises(ValueError, match=message):
        CamWriter(**settings)
