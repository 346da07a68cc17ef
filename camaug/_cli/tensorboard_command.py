"""The command ``camaug tensorboard``, and the command line of TensorBoard that runs print."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from camaug.utils.command_parser import CommandParser
from camaug.utils.remote_address import is_remote

__all__ = ["tensorboard_arguments", "tensorboard_command", "tensorboard_line"]

EVENTS = "*tfevents*"


def tensorboard_command(arguments: Sequence[str]) -> Path | str:
    """Run the command ``camaug tensorboard``: TensorBoard of this environment on a run.

    Args:
        arguments: Command-line arguments after ``tensorboard``. Those that are none of its own are TensorBoard's.

    Returns:
        The folder, or its address, when TensorBoard has ended.

    Raises:
        SystemExit: With TensorBoard's status if it fails.
    """
    parser = CommandParser(
        "tensorboard",
        "Open TensorBoard with the camaug tab on one run, or on all runs in a folder. Further arguments are "
        "TensorBoard's, such as --port 6007 or --bind_all.",
        "runs/camaug/version_0",
    )
    parser.add_argument("run", help="folder of one or several runs, or an event file; also an address, s3://BUCKET/RUN")
    options, rest = parser.parse_known_args(list(arguments))
    folder = _remote_folder(parser, options.run) if is_remote(options.run) else _folder(parser, Path(options.run))
    rest = [each for each in rest if each != "--"]
    status = subprocess.call([sys.executable, "-m", "tensorboard.main", *tensorboard_arguments(folder), *rest])
    if status:
        raise SystemExit(status)
    return folder


def _folder(parser: CommandParser, run: Path) -> Path:
    folder = run.parent if run.is_file() else run
    if not folder.is_dir():
        parser.error(f"{run.absolute()} does not exist: give a run's folder, such as runs/demo/version_0")
    if next(folder.rglob(EVENTS), None) is None:
        parser.error(f"no run in {folder.absolute()} or the folders below it has event files of TensorBoard")
    return folder


def _remote_folder(parser: CommandParser, address: str) -> str:
    from camaug.tensorboard.log_directory import find_runs  # loads TensorBoard

    try:
        runs = find_runs(address)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if not runs:
        parser.error(f"no run in {address} or the folders below it has event files of TensorBoard")
    is_file = list(runs.values()) == [address.rstrip("/")] and "tfevents" in address.rpartition("/")[2]
    return address.rpartition("/")[0] if is_file else address


def tensorboard_arguments(folder: Path | str) -> list[str]:
    """Return TensorBoard's arguments for a run, with every epoch on the slider, which keeps ten by default."""
    return ["--samples_per_plugin", "images=1000", "--logdir", str(folder)]


def tensorboard_line(folder: Path | str) -> str:
    """Return the command line that opens TensorBoard of this environment on a run, ready to be pasted into a shell.

    Where the ``tensorboard`` on the path is none or of another environment, it is the program beside Python.
    """
    own = Path(sys.executable).with_name("tensorboard" + Path(sys.executable).suffix)
    found = shutil.which("tensorboard")
    if found is not None and Path(found).parent.resolve() == own.parent.resolve():
        program = ["tensorboard"]
    elif own.is_file():
        program = [_shortest(own)]
    else:
        program = [sys.executable, "-m", "tensorboard.main"]
    words = [*program, *tensorboard_arguments(folder)]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _shortest(path: Path) -> str:
    """Return a path relative to the current folder if it is inside, else the absolute path."""
    inside = Path.cwd() in path.absolute().parents
    return os.path.relpath(path) if inside else str(path)
