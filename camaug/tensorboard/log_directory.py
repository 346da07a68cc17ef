"""Runs in a log directory, on this machine or in remote storage."""

from __future__ import annotations

import os
from pathlib import Path

from tensorboard.backend.event_processing import io_wrapper
from tensorboard.compat import tf

from camaug.utils.remote_address import is_remote

__all__ = ["find_runs"]


def find_runs(logdir: str) -> dict[str, str]:
    """Return the runs of a log directory, found as TensorBoard finds them.

    Args:
        logdir: Folder of one or several runs, or an event file; a path, or an address that TensorBoard can read, such
            as ``s3://bucket/runs``.

    Returns:
        The folder of each run, or the event file, by the run's name, which begins with the last two folders of
        ``logdir``.

    Raises:
        FileNotFoundError: If the folder or file does not exist.
        ValueError: If the address cannot be read.
    """
    if not is_remote(logdir):
        return _runs_of(str(Path(logdir)), Path(logdir).resolve().parts[-2:], os.sep)
    try:
        return _runs_of(logdir.rstrip("/"), tuple(logdir.rpartition("://")[2].strip("/").split("/")[-2:]), "/")
    except FileNotFoundError:
        raise
    except Exception as error:  # each kind of storage has its own, and a missing package is one too
        raise ValueError(f"TensorBoard cannot read {logdir} ({type(error).__name__}: {error})") from error


def _runs_of(logdir: str, last_parts: tuple[str, ...], separator: str) -> dict[str, str]:
    if tf.io.gfile.isdir(logdir):
        folders = list(io_wrapper.GetLogdirSubdirectories(logdir))
    elif tf.io.gfile.exists(logdir):
        folders = [logdir]
    else:
        where = logdir if is_remote(logdir) else Path(logdir).absolute()
        raise FileNotFoundError(f"{where} does not exist: give a run's folder, such as runs/demo/version_0")
    names = [folder.removeprefix(logdir).strip(separator).replace(separator, "/") for folder in folders]
    return {"/".join(filter(None, (*last_parts, name))): folder for name, folder in zip(names, folders, strict=True)}
