"""Every block of code on a page of the documentation: Python runs, commands are parsed, the tutorial is carried out."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import pytest
import yaml

from camaug.cli import main
from camaug.explainers import explainer_class, list_explainers
from camaug.utils.command_parser import CommandParser
from tests.pages import PAGES, ROOT, blocks, commands, make_photos, missing_packages, run_page
from tests.test_configs import read_images

LANGUAGES = {"": "commands", "bash": "commands", "python": "run", "yaml": "parsed", "text": "not code"}
PLACEHOLDERS = {
    "CONFIG": "configs/finetune.yaml",
    "SHARE": "0.5",
    "FILE_OR_FOLDER": "boxes.json",
    "runs/…/checkpoints/best.ckpt": "null",
    "runs/finetune/version_0/checkpoints/best.ckpt": "null",
    "runs/finetune/version_0/config.yaml": "configs/finetune.yaml",
}
OF_OTHERS = {"tensorboard", "mlflow", "ssh"}


class ParsedError(Exception):
    """Raised in place of running a command whose arguments are valid."""


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page):
    assert {block.language for block in blocks(page)} <= set(LANGUAGES)


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.language == "python" for b in blocks(page))])
def test_python_blocks_run(page, tmp_path, monkeypatch):
    if missing := missing_packages(page):
        pytest.skip(f"{', '.join(missing)} not installed: make test-ecosystem runs this page")
    from camaug.explainers import registry

    monkeypatch.setattr(registry._registry, "_classes", dict(registry._registry._classes))
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path)
    run_page(page)
    if ".fit(" in "".join(block.code for block in blocks(page)):
        (file,) = tmp_path.rglob("events*")
        assert "cam/overview" in read_images(file.parent)


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.language == "yaml" for b in blocks(page))])
def test_yaml_blocks_are_valid_configurations(page, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py"])
    for language, code in blocks(page):
        if language == "yaml":
            assert isinstance(yaml.safe_load(code), dict)
            (tmp_path / "block.yaml").write_text(code)
            with pytest.raises(SystemExit) as ended:
                main(["fit", "--config=configs/demo.yaml", f"--config={tmp_path / 'block.yaml'}", "--print_config"])
            assert ended.value.code in (None, 0)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_commands_are_valid(page, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    stop_after_parsing(monkeypatch)
    for words in commands(page):
        check_command([PLACEHOLDERS.get(word, word) for word in words])


def check_command(words: list[str]) -> None:
    """Check one command: its program exists, and has its arguments."""
    program, *rest = words
    if program == "camaug":
        check_arguments(rest)
    elif "train.py" in words:  # of python, torchrun and srun
        check_arguments(words[words.index("train.py") + 1 :])
    elif program == "python":
        assert (ROOT / rest[0]).is_file(), words
        options = [word for word in rest[1:] if word.startswith("--")]
        folder = "".join(path.read_text() for path in (ROOT / rest[0]).parent.glob("*.py"))
        assert all(f'"{option}"' in folder for option in options), words
    elif program == "pip":
        assert rest[0] == "install"
        section = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1].split("\n[")[0]
        extras = ",".join(re.findall(r"\[(.+)\]", rest[-1]))
        assert set(filter(None, extras.split(","))) <= set(re.findall(r"^(\w+) = ", section, flags=re.MULTILINE)), words
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE), words
    else:
        assert program in OF_OTHERS, words


def check_arguments(arguments: list[str]) -> None:
    """Check the arguments of a command of camaug by parsing them."""
    if arguments[0] in ("explain", "tensorboard", "report", "film", "compare", "advise"):
        with pytest.raises(ParsedError) as parsed:
            main(arguments)
        if arguments[0] in ("compare", "advise"):
            # The rest are arguments of fit, whose data module is in the configuration.
            check_arguments(["fit", "--data=ImageFolderDataModule", *parsed.value.args[0]])
        return
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--print_config"])
    assert ended.value.code in (None, 0), arguments


def stop_after_parsing(monkeypatch) -> None:
    """Replace the parsing of commands that are no subcommands of LightningCLI by one that ends in ParsedError."""
    parse = argparse.ArgumentParser.parse_known_args

    def parse_and_stop(self, *args, **kwargs):
        _, rest = parse(self, *args, **kwargs)
        raise ParsedError(rest)

    def parse_all_and_stop(self, args):
        _, rest = parse(self, args)
        assert not rest, f"unknown arguments {rest}"
        raise ParsedError(rest)

    monkeypatch.setattr(CommandParser, "parse_known_args", parse_and_stop)
    monkeypatch.setattr(CommandParser, "parse_with_rest", parse_and_stop)
    monkeypatch.setattr(CommandParser, "parse_args", parse_all_and_stop)


def test_an_unknown_argument_is_found(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py"])
    stop_after_parsing(monkeypatch)
    for words in (["fit", "--model.learning_rate=1"], ["compare", "--model.learning_rate=1"]):
        with pytest.raises((SystemExit, AssertionError)) as ended:
            check_arguments(words)
        assert getattr(ended.value, "code", 1) != 0
    with pytest.raises(AssertionError):
        check_arguments(["explain", "cat.jpg", "--methods", "grad-cam"])


def test_the_tutorial_can_be_carried_out(tmp_path, monkeypatch):
    make_photos(tmp_path, splits=("train", "test"))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["camaug"])
    small = ["--model.pretrained=false", "--model.name=timm/test_resnet", "--data.image_size=64", "--data.batch_size=4"]
    small += ["--data.num_workers=0", "--trainer.accelerator=cpu", "--trainer.max_epochs=1", "--cam.num_images=2"]
    small += ["--trainer.enable_progress_bar=false", "--trainer.limit_train_batches=2"]
    ours = [words[1:] for words in commands("docs/tutorial.md") if words[0] == "camaug"]
    assert [words[0] for words in ours] == ["fit", "fit", "tensorboard", "report", "test", "explain", "fit", "advise"]
    for words in ours[1:]:
        if words[0] not in ("tensorboard", "advise"):
            main([*words, *(small if words[0] == "fit" else [])])
    assert Path("runs/finetune/version_0/camaug.html").is_file()
    assert Path("explained/ants/0_overlay.png").is_file()
    assert "cam_test/overview" in read_images(tmp_path / "runs/finetune/version_1")
    assert "cam/overview" in read_images(tmp_path / "runs/finetune/version_2")


def test_the_gallery_shows_an_image_of_each_kind_of_methods():
    page = (ROOT / "docs/gallery.md").read_text()
    shown = set(re.findall(r"gallery_(\w+)\.webp", page))
    sections = {explainer_class(name).info.section for name in list_explainers() if explainer_class(name).info}
    assert shown == sections - {"transformers"}
    assert all((ROOT / f"docs/images/gallery_{section}.webp").is_file() for section in shown)


def test_the_values_of_the_page_on_evidence_are_those_of_the_results():
    evidence, results = (plain((ROOT / f"docs/{name}.md").read_text()) for name in ("evidence", "results"))
    values = re.findall(r"-?[\d.]+ \[[-\d., ]+\]", evidence)
    assert len(values) > 10
    assert [value for value in values if value not in results] == []


def plain(text: str) -> str:
    """Return a text whose signs are written in one way."""
    return text.replace("−", "-").replace("+", "")
