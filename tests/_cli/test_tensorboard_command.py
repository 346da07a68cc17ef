"""The command `camaug tensorboard`, and the command line that runs print."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from camaug import cli
from camaug._cli import tensorboard_command
from camaug._cli.tensorboard_command import tensorboard_line


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "my runs" / "version_0"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1.host").write_bytes(b"")
    return folder


@pytest.fixture
def called(monkeypatch):
    """Return the commands that would have been run."""
    commands: list[list[str]] = []
    monkeypatch.setattr(tensorboard_command.subprocess, "call", lambda command: commands.append(command) or 0)
    return commands


@pytest.mark.parametrize("given", ["run", "runs", "event file"])
def test_tensorboard_of_this_environment_is_run(given, run, called):
    path = {"run": run, "runs": run.parent, "event file": run / "events.out.tfevents.1.host"}[given]
    cli.main(["tensorboard", str(path), "--", "--port", "6007"])
    (command,) = called
    assert command[:3] == [sys.executable, "-m", "tensorboard.main"]
    assert command[-2:] == ["--port", "6007"]
    assert command[command.index("--logdir") + 1] == str(run.parent if given == "runs" else run)


def test_its_status_is_that_of_the_command(run, monkeypatch):
    monkeypatch.setattr(tensorboard_command.subprocess, "call", lambda command: 3)
    with pytest.raises(SystemExit) as ended:
        cli.main(["tensorboard", str(run)])
    assert ended.value.code == 3


@pytest.mark.parametrize(
    ("name", "message"), [("none", "does not exist: give a run's folder"), ("empty", "has event files of TensorBoard")]
)
def test_a_folder_without_runs_is_refused(name, message, tmp_path, called, capsys):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        cli.main(["tensorboard", str(tmp_path / name)])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not called


@pytest.fixture
def environments(tmp_path, monkeypatch):
    """Return the folders of this environment's programs and of another's."""
    folders = tmp_path / "own env" / "bin", tmp_path / "other" / "bin"
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "tensorboard").write_text("")
        (folder / "tensorboard").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folders[0] / "python"))
    return folders


def test_the_printed_line_names_the_program_of_this_environment(environments, run, monkeypatch):
    own, other = environments
    monkeypatch.setenv("PATH", str(own))
    assert shlex.split(tensorboard_line(run))[0] == "tensorboard"
    for path in (str(other), "/nowhere"):
        monkeypatch.setenv("PATH", path)
        assert shlex.split(tensorboard_line(run))[0] == str(own / "tensorboard")
    monkeypatch.chdir(own.parent)
    assert shlex.split(tensorboard_line(run))[0] == "bin/tensorboard"
    (own / "tensorboard").unlink()
    assert shlex.split(tensorboard_line(run))[:3] == [str(own / "python"), "-m", "tensorboard.main"]


def test_the_printed_line_can_be_pasted(run):
    line = f"printf '%s\\n' {tensorboard_line(run)}"
    words = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout.splitlines()
    assert words[-2:] == ["--logdir", str(run)]
