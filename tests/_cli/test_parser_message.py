"""Errors of the argument parser, in plain sentences.

tests/test_cli.py has those of the real parser.
"""

from __future__ import annotations

import pytest

from camaug._cli.commands import COMMANDS
from camaug._cli.parser_message import parser_message

OPTIONS = ["config", "cam.explainer", "cam.num_images", "model.name", "trainer.max_epochs"]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            "the following arguments are required: experiment.experiment, experiment.data",
            "experiment needs experiment and data, in a file (--config FILE) or as arguments: "
            f"python train.py experiment {COMMANDS['experiment'].example}",
        ),
        ("Parser key \"config\": File does not exist: '/a/b.yaml'", "there is no configuration file '/a/b.yaml'"),
        (
            "Subcommand 'fit' does not accept option 'fit.model.name'",
            "unknown key 'fit.model.name' in the configuration, did you mean 'model.name'?",
        ),
        ("unrecognized arguments: --zzz=1 --b", "unknown argument '--zzz'"),
        (
            "argument subcommand: invalid choice: 'compar' (choose from 'fit', 'test')",
            f"unknown command 'compar', did you mean 'compare'? expected one of {', '.join(COMMANDS)}",
        ),
        (
            "Parser key \"config\": Path is not a file: '/a/b'",
            "--config takes a YAML file, and /a/b is a folder",
        ),
        (
            'Parser key "config": while parsing a flow mapping\n  in "<unicode string>", line 1, column 9',
            "--config takes a YAML file, or settings such as '{model: {lr: 0.1}}': while parsing a flow mapping",
        ),
        ("Unexpected config: hello", "--config takes a YAML file, or settings such as '{model: {lr: 0.1}}': hello"),
        (
            "Option 'cam.x' is not accepted before subcommand 'fit'",
            "the settings of fit, such as cam.x, come after it: python train.py fit --config FILE",
        ),
        ("argument --model.lr: expected one argument", "--model.lr needs a value: --model.lr VALUE"),
        ("something else", "something else"),
    ],
)
def test_each_kind_is_one_sentence(message, sentence, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py"])
    assert parser_message(message, OPTIONS) == sentence


def test_the_installed_command_needs_no_python(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/camaug"])
    message = "the following arguments are required: fit.data"
    assert parser_message(message, OPTIONS).endswith(": camaug fit --data ImageFolderDataModule --data.root PATH")
