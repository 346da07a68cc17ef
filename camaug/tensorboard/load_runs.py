"""Runs of a log directory, read without a server."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from camaug.tensorboard.blobs import PLUGIN
from camaug.tensorboard.data_source import DataSource
from camaug.tensorboard.log_directory import find_runs
from camaug.tensorboard.multiplexer_reader import MultiplexerReader
from camaug.utils.remote_address import is_remote

__all__ = ["folder_of_run", "load_runs"]


def load_runs(run: str | Path) -> DataSource:
    """Read the event files of one or several runs, with every snapshot.

    Args:
        run: Folder of one or several runs, or an event file; a path, or an address that TensorBoard can read, such as
            ``s3://bucket/runs/version_0``.

    Returns:
        Data source of the runs.

    Raises:
        FileNotFoundError: If the folder or file does not exist.
        ValueError: If it has no data of ``CamLogger``, or the address cannot be read.
    """
    multiplexer = EventMultiplexer(size_guidance={"tensors": 1}, tensor_size_guidance={PLUGIN: 0})
    for name, path in find_runs(str(run)).items():
        multiplexer.AddRun(path, name)
    multiplexer.Reload()
    reader = MultiplexerReader(multiplexer)
    if not reader.tags():
        raise ValueError(
            f"{run} has no data of the camaug tab: give the folder of a run that was trained with CamLogger and a "
            "TensorBoardLogger"
        )
    return DataSource(reader)


def folder_of_run(run: str) -> Path:
    """Return the folder for files about a run: its own, or the current one if the run is in remote storage."""
    if is_remote(run):
        return Path()
    return Path(run) if Path(run).is_dir() else Path(run).parent
