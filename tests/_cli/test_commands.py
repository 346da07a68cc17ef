"""Table of all commands, and the help that lists them."""

from __future__ import annotations

import pytest

from camaug import cli
from camaug._cli.commands import COMMANDS, help_text
from camaug.version import __version__

PROGRAMS = {
    "/usr/bin/camaug": "camaug",
    "/home/me/camaug/__main__.py": "python -m camaug",
    "train.py": "python train.py",
}


@pytest.fixture(params=PROGRAMS)
def program(request, monkeypatch):
    monkeypatch.setattr("sys.argv", [request.param])
    return PROGRAMS[request.param]


@pytest.fixture
def printed(capsys):
    """Return a function that runs a command that ends with status 0, and returns what it prints."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 0
        return capsys.readouterr().out

    return run


def test_the_help_lists_every_command_with_a_line(printed, program):
    text = printed("--help")
    assert text == help_text() == printed("-h")
    assert text.startswith(f"usage: {program} COMMAND")
    assert f"\n  {program} fit --data" in text
    lines = text.splitlines()
    assert all(sum(line.startswith(f"  {name} ") for line in lines) == 1 for name in COMMANDS)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_names_it_and_has_an_example(command, printed, monkeypatch):
    monkeypatch.setattr("sys.argv", ["camaug"])
    text = printed(command, "--help")
    assert text.startswith(f"usage: camaug {command} ")
    assert f"example: camaug {command} {COMMANDS[command].example}" in " ".join(text.split())
    assert not any(each in text for each in ("[options]", "cli.py", "__main__.py", "train.py"))


@pytest.mark.parametrize("command", ["fit", "report"])
def test_the_help_of_a_command_names_the_program(command, printed, program):
    assert printed(command, "--help").startswith(f"usage: {program} {command} ")


def test_the_version(printed):
    assert printed("--version") == f"camaug {__version__}\n"
