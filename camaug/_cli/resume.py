"""Resumed training runs: the checkpoint to resume from, and the folder that the run continues in."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_info

from camaug.training.checkpoints import FOLDER as CHECKPOINTS
from camaug.training.checkpoints import LAST, last_checkpoint, run_to_continue
from camaug.utils.atomic_write import write_atomically
from camaug.utils.remote_address import check_local

__all__ = ["check_checkpoint_exists", "continue_run", "evaluated_checkpoint", "is_run_folder", "newest_checkpoint"]

CHOSEN_BY_LIGHTNING = ("best", "last", "hpc", "registry")
SHARDED = ("meta.pt", ".metadata", "latest")  # files of a checkpoint that FSDP or DeepSpeed saves as a folder


def newest_checkpoint(config: Any) -> str | None:
    """Return the last checkpoint of the run whose configuration was given, else of the newest in the loggers' folders.

    Args:
        config: The settings of a command.

    Returns:
        The path, None without any run.

    Raises:
        ValueError: If the folder is in remote storage.
    """
    if (given := _given_run(config)) is not None:
        return str(given / CHECKPOINTS / LAST)
    for logger in _tensorboard_loggers(config):
        address = f"{logger['init_args']['save_dir']}/RUN/checkpoints/last.ckpt"
        check_local(address, "runs that last or best looks for", "give the checkpoint's own address, --ckpt_path")
        if (path := last_checkpoint(_runs_folder(logger))) is not None:
            return str(path)
    return None


def _given_run(config: Any) -> Path | None:
    """Return the folder of the run whose ``config.yaml`` is the last configuration file, None for other files."""
    files = [Path(str(file)).absolute() for file in config.get("config") or []]
    runs = [file.parent for file in files[-1:] if file.name == "config.yaml"]
    return next((run for run in runs if (run / CHECKPOINTS / LAST).exists()), None)


def evaluated_checkpoint(config: Any, keyword: str) -> str:
    """Return the checkpoint that ``last`` or ``best`` means where a model is measured: that of the given or newest run.

    Args:
        config: The settings of a command that trains nothing.
        keyword: The value of ``--ckpt_path``.

    Raises:
        FileNotFoundError: If there is no run, or it has no such checkpoint.
    """
    newest = newest_checkpoint(config)
    path = None if newest is None else Path(newest).with_name(f"{keyword}.ckpt")
    if path is None or not path.exists():
        folders = ", ".join(str(_runs_folder(logger)) for logger in _tensorboard_loggers(config))
        where = f"in the folder of runs {folders}" if folders else "because no TensorBoardLogger says where runs are"
        raise FileNotFoundError(
            f"--ckpt_path {keyword} found no RUN/checkpoints/{keyword}.ckpt {where}: give the checkpoint's file, or "
            "the configuration that the run was trained with (--config FILE)"
        )
    return str(path)


def check_checkpoint_exists(path: str | None) -> None:
    """Raise an error if the path names a local file that does not exist.

    Raises:
        FileNotFoundError: If there is no such file. Lightning's keywords and URLs pass.
    """
    if path and path not in CHOSEN_BY_LIGHTNING and "://" not in str(path) and not Path(path).exists():
        raise FileNotFoundError(
            f"there is no checkpoint {str(path)!r}: give a file, such as RUN/checkpoints/best.ckpt; `fit` also takes "
            "last, for the newest run"
        )


def is_run_folder(path: str | None) -> bool:
    """Return True for a folder that is no sharded checkpoint."""
    return bool(path) and Path(str(path)).is_dir() and not any(Path(str(path), name).exists() for name in SHARDED)


def keep_config(run: Path, step: int) -> None:
    """Keep the configuration that a run had until a step, since the resumed run writes its own.

    Args:
        run: The folder of the run.
        step: The checkpoint's global step.
    """
    config, kept = run / "config.yaml", run / f"config_until_step_{step}.yaml"
    if config.is_file() and not kept.exists():
        write_atomically(kept, config.read_bytes())


def continue_run(config: Any, step: int) -> bool:
    """Let a run that is resumed from its last checkpoint continue in its own folder.

    Args:
        config: The settings of ``fit``, changed in place: its logger's version and purge step.
        step: The checkpoint's global step.

    Returns:
        True if the run continues, False if the checkpoint begins a new one.
    """
    path = Path(config["ckpt_path"] or "")
    continues = False
    for logger in _tensorboard_loggers(config):
        run = run_to_continue(path, _runs_folder(logger)) if path.is_file() else None
        if run is None or str(logger["init_args"]["version"] or run) != run:
            continue
        logger["init_args"]["version"] = run
        # What was logged after the checkpoint will be logged again, so TensorBoard must drop the first.
        logger["dict_kwargs"] = {**logger.get("dict_kwargs", {}), "purge_step": step}
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        keep_config(_runs_folder(logger) / run, step)
        rank_zero_info(f"resuming the run in {_runs_folder(logger) / run} after step {step}")
        continues = True
    return continues


def _tensorboard_loggers(config: Any) -> Iterator[Any]:
    loggers = config["trainer"]["logger"]
    for settings in loggers if isinstance(loggers, list) else [loggers]:
        if str(getattr(settings, "class_path", "")).endswith("TensorBoardLogger"):
            yield settings


def _runs_folder(logger: Any) -> Path:
    return Path(os.path.expanduser(logger["init_args"]["save_dir"]), logger["init_args"]["name"] or "")
