"""Files of unknown origin: no code in them runs, and their names control neither the terminal nor a page."""

from __future__ import annotations

import functools
import io
import json
import pickle
import re
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from camaug import explain
from camaug.cli import main
from camaug.datamodules import ImageFolderDataModule, PhotoFolder
from camaug.experiments.print_report import print_report
from camaug.experiments.report import Report
from camaug.experiments.table import Table
from camaug.experiments.table_text import to_markdown
from camaug.experiments.write_report import write_report
from camaug.training.checkpoints import read_checkpoint
from camaug.training.image_classifier import ImageClassifier
from camaug.training.load_weights import load_weights
from camaug.utils.printable import printable
from tests.processes import ROOT, run_program

SMALL = [
    "--model.name=timm/test_resnet", "--model.pretrained=false", "--trainer.accelerator=cpu", "--trainer.logger=false",
    "--trainer.enable_checkpointing=false", "--data=ShapesDataModule", "--data.train_size=8", "--data.val_size=8",
    "--data.num_workers=0",
]  # fmt: skip
HOSTILE = [
    "\x1b]0;owned\x07\x1b[31mred", "new\nline", "[bold]rich[/bold]", "<script>alert(1)</script>", "a|b", "tab\tbed",
    "](https", "\u202egpj.exe", "..", "percent%s{}", "back\\slash", "\udcff",
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_arguments(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])


class Payload:
    """An object that creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path) -> Path:
    return tmp_path / "it ran"


@pytest.fixture(params=["torch", "pickle"])
def malicious(request, mark, tmp_path) -> Path:
    """Return a checkpoint that runs code if it is unpickled."""
    path = tmp_path / "malicious.ckpt"
    content = {"state_dict": {}, "hyper_parameters": {}, "pytorch-lightning_version": "2.6.0", "more": Payload(mark)}
    path.write_bytes(pickle.dumps(content)) if request.param == "pickle" else torch.save(content, path)
    pickle.loads(pickle.dumps(Payload(mark)))
    mark.unlink()  # raises if the payload did not run
    return path


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict", "experiment"])
def test_no_checkpoint_of_the_command_line_runs_code(command, malicious, mark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    own = ["--experiment=InsertionDeletionExperiment"] if command == "experiment" else []
    with pytest.raises(ValueError, match=r"malicious\.ckpt' cannot be loaded weights-only"):
        main([command, *SMALL, *own, f"--ckpt_path={malicious}"])
    assert not mark.exists()


def test_checkpoints_from_any_place_are_loaded_weights_only(monkeypatch, tmp_path):
    # Lightning alone would unpickle a file from a web address.
    import lightning as L

    calls = []
    monkeypatch.chdir(tmp_path)
    fit = functools.wraps(L.Trainer.fit)(lambda self, *_, **settings: calls.append(settings))
    monkeypatch.setattr(L.Trainer, "fit", fit)
    main(["fit", *SMALL, "--trainer.enable_checkpointing=true", "--ckpt_path=https://example.org/last.ckpt"])
    assert calls[0]["weights_only"] is True
    with pytest.raises(SystemExit):
        main(["fit", *SMALL, "--weights_only=false"])


@pytest.mark.parametrize("load", [load_weights, lambda model, path: read_checkpoint(path)])
def test_no_file_of_weights_runs_code(load, malicious, mark):
    with pytest.raises(ValueError, match="cannot be loaded weights-only"):
        load(torch.nn.Linear(2, 2), malicious)
    assert not mark.exists()


def test_load_from_checkpoint_runs_no_code(malicious, mark):
    with pytest.raises(Exception, match=r"(?i)weights|unsupported|pickle"):
        ImageClassifier.load_from_checkpoint(malicious)
    assert not mark.exists()


def test_the_files_of_a_bank_run_no_code(mark, tmp_path):
    from camaug.saliency_bank.record import BankRecord
    from camaug.saliency_bank.saliency_bank import SaliencyBank

    bank = SaliencyBank(tmp_path / "bank")
    number = bank.begin(BankRecord(2, (1, 3), 10, 1, "a1", {"explainer": "grad-cam"}))
    bank.shard(number, 0).write(0, np.zeros((2, 1, 3), dtype=np.uint8))
    bank.shard(number, 0).seal()
    for path in bank.folder(number).iterdir():
        path.write_bytes(pickle.dumps(Payload(mark)))
    assert bank.generations() == []
    assert not mark.exists()


@pytest.mark.parametrize("damage", [lambda b: b[:500], lambda b: b"", lambda b: b"no checkpoint", lambda b: b[300:]])
def test_a_damaged_checkpoint_is_one_clear_error(damage, tmp_path):
    whole = io.BytesIO()
    torch.save({"state_dict": {"weight": torch.rand(50, 50)}}, whole)
    (tmp_path / "last.ckpt").write_bytes(damage(whole.getvalue()))
    done = run_program(ROOT / "train.py", "fit", *SMALL, "--ckpt_path=last.ckpt", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    lines = done.stdout.strip().splitlines()
    assert lines[-2].startswith("error: the checkpoint 'last.ckpt' cannot be loaded weights-only")
    assert lines[-1] == "(--traceback shows where it comes from)"


def test_an_environment_variable_shows_the_traceback(tmp_path):
    arguments = ["fit", *SMALL, "--ckpt_path=absent.ckpt"]
    done = run_program(ROOT / "train.py", *arguments, cwd=tmp_path, CAMAUG_TRACEBACK="1")
    assert "Traceback" in done.stdout
    assert "FileNotFoundError: there is no checkpoint 'absent.ckpt'" in done.stdout
    assert done.stdout.strip().splitlines()[-2].startswith("error: there is no checkpoint 'absent.ckpt'")


def test_yaml_tags_create_no_objects(tmp_path, mark):
    # A configuration names classes only under class_path.
    (tmp_path / "bad.yaml").write_text(f"model:\n  name: !!python/object/apply:os.mkdir ['{mark}']\n")
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(tmp_path / "bad.yaml")])
    with pytest.raises(Exception, match="could not determine a constructor"):
        main(["compare", "--config", str(tmp_path / "bad.yaml")])
    assert not mark.exists()


# Names


def is_printable(text: str) -> bool:
    """Return True if the text has no control character but line breaks."""
    return all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("name", HOSTILE)
def test_control_characters_of_names_are_escaped(name):
    assert printable(name).isprintable()
    assert printable("Käfer 虫 [1]") == "Käfer 虫 [1]"


def test_photos_with_hostile_names(tmp_path, capfd):
    # Each is explained into its own files, and the message about a broken one is escaped.
    photos = tmp_path / "photos"
    photos.mkdir()
    names = [name for name in HOSTILE if "/" not in name and name != ".."]
    for name in names:
        (photos / f"{name}.png").write_bytes(noise())
    (photos / "broken\x1b[31m.png").write_bytes(b"no image")
    with (
        pytest.warns(UserWarning, match="leaves out one image"),
        pytest.warns(UserWarning, match="random weights"),
    ):
        main(
            ["predict", *SMALL[:3], "--data=PhotoFolder", f"--data.root={photos}", "--data.num_workers=0",
             "--explainer=grad-cam", f"--output={tmp_path / 'out'}", "--trainer.enable_progress_bar=false"]
        )  # fmt: skip
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*_overlay.png")}
    assert len(written) == len(names)
    assert all(json.loads(path.read_bytes()) for path in (tmp_path / "out").rglob("*.json"))
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "out"}
    output = "".join(capfd.readouterr())
    assert r"broken\x1b[31m.png" in output
    assert "\x1b[31m" not in output
    assert "\x07" not in output


def noise() -> bytes:
    content = io.BytesIO()
    Image.effect_noise((40, 40), 60).convert("RGB").save(content, "PNG")
    return content.getvalue()


def test_names_in_reports_are_no_markup(tmp_path):
    table = Table("of names", ["image", "%"], [[name, 1.0] for name in HOSTILE], notes=HOSTILE)
    file = io.StringIO()
    report = Report("names", [table], notes=tuple(HOSTILE))
    print_report(report, Console(file=file, width=100, force_terminal=False))
    assert is_printable(file.getvalue())
    assert "[bold]rich[/bold]" in file.getvalue()
    text = to_markdown(table)
    assert is_printable(text)
    rows = text.splitlines()[2 : 2 + len(HOSTILE)]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)
    write_report(Report("names", [table], notes=tuple(HOSTILE)), tmp_path, console=Console(file=io.StringIO()))
    page = (tmp_path / "report.md").read_text()
    assert "<script" not in page
    assert "](http" not in page


def test_messages_escape_hostile_names_of_class_folders(tmp_path):
    for name in ("\x1b[31mred", "new\nline"):
        (tmp_path / name).mkdir()
        for index in range(3):
            (tmp_path / name / f"{index}.png").write_bytes(b"no image")
    module = ImageFolderDataModule(str(tmp_path), num_workers=0)
    with pytest.raises(ValueError, match="cannot be read") as raised:
        module.setup("fit")
    assert is_printable(str(raised.value))


# Huge images


def png(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose header claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


SIZES = {
    (100_000, 100_000): "exceeds limit|decompression bomb",
    (1_000_000, 10): "1000000 × 10 pixels, expected one side",
}


@pytest.fixture(params=SIZES, ids=str)
def bomb(request, tmp_path, monkeypatch) -> tuple[Path, str]:
    """Return a folder with a class of huge images and one of good images, and the message that refuses the former.

    Decoding a huge image is an error.
    """
    for name, content in (("bombs", png(*request.param)), ("good", b"")):
        (tmp_path / name).mkdir()
        for index in range(3):
            if content:
                (tmp_path / name / f"{index}.png").write_bytes(content)
            else:
                Image.effect_noise((40, 40), 60).save(tmp_path / name / f"{index}.png")
    load = Image.Image.load

    def refuse(image):
        assert image.width * image.height < 10**6, "decoded"
        return load(image)

    monkeypatch.setattr(Image.Image, "load", refuse)
    return tmp_path, SIZES[request.param]


def test_huge_images_are_refused_before_decoding(bomb):
    folder, message = bomb
    module = ImageFolderDataModule(str(folder), num_workers=0)
    with pytest.raises(ValueError, match=message):
        module.setup("fit")
    unchecked = ImageFolderDataModule(str(folder), num_workers=0, check_images=False)
    unchecked.setup("fit")
    with pytest.raises(OSError, match=message):
        list(unchecked.train_dataloader())
    photos = PhotoFolder(str(folder), num_workers=0)
    errors = [error for batch in photos.predict_dataloader() for error in batch.errors]
    assert sum(bool(re.search(message, error)) for error in errors) == 3
    assert errors.count("") == 3
    with pytest.raises(OSError, match=message):
        explain(torch.nn.Linear(2, 2), folder / "bombs/0.png")


def test_huge_images_with_boxes(bomb):
    from camaug.datamodules import BoxesDataModule

    folder, message = bomb
    coco = {
        "images": [{"id": 1, "file_name": "bombs/0.png", "width": 40, "height": 40},
                   {"id": 2, "file_name": "good/0.png", "width": 40, "height": 40}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 9, 9], "iscrowd": 0} for i in (1, 2)],
    }  # fmt: skip
    (folder / "instances.json").write_text(json.dumps(coco))
    module = BoxesDataModule(str(folder), str(folder / "instances.json"), num_workers=0)
    with pytest.raises((ValueError, OSError), match=f"{message}|annotation is of an image of 40"):
        module.setup("validate")
