"""Line of a configuration file that an error is about."""

from __future__ import annotations

import pytest

from camaug._cli.config_line import config_files, config_line

FIT = """model:
  name: resnet18
data:
  class_path: ImageFolderDataModule
  init_args:
    root: images
    batch_size: many
trainer:
  callbacks:
    - class_path: EarlyStoping
      init_args: {monitor: x}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit.yaml").write_text(FIT)
    return str(tmp_path / "fit.yaml")


@pytest.mark.parametrize(
    ("key", "word", "line"),
    [
        ("model.name", "", 2),
        ("data.batch_size", "many", 7),
        ("data", "ImageFolderDataModule", 4),
        ("data", "root", 6),
        ("data", "absent", 3),
        ("trainer.callbacks", "EarlyStoping", 10),
        ("trainer.callbacks.monitor", "", 11),
    ],
)
def test_a_setting_is_found_inside_classes_and_lists(key, word, line, file):
    assert config_line([file], key, word) == f"{file}, line {line}"


def test_the_last_file_counts_and_an_unknown_setting_has_no_line(file, tmp_path):
    (tmp_path / "later.yaml").write_text("\nmodel: {name: x}\n")
    (tmp_path / "empty.yaml").write_text("")
    assert config_line([file, "later.yaml", "empty.yaml"], "model.name") == f"{tmp_path / 'later.yaml'}, line 2"
    assert config_line([file], "model.lr") is None


def test_the_files_of_a_command_line_are_those_that_exist(file):
    arguments = ["fit", "--config", "fit.yaml", "-c", "absent.yaml", f"--config={file}", "--config={model: {lr: 1}}"]
    assert config_files(arguments) == ["fit.yaml", file]
    assert config_files([f"--config={'x' * 5000}"]) == []
