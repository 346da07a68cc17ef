"""The trainings of a comparison: which there are, and running one of them to its record."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Record", "Training", "TrainingFailedError", "check_arguments", "finished", "train"]

RESULT = "result.json"
SETTINGS = "settings.json"


class TrainingFailedError(RuntimeError):
    """A training ended without a result."""


@dataclass(frozen=True)
class Training:
    """One training: an arm of a comparison with one seed.

    Attributes:
        arm: The arm's name.
        seed: What is seeded: the fresh weights, the order of the data, every random choice.
        settings: What differs from the common configuration, as the sections of a configuration of ``fit``.
        epochs: Epochs to train; None for the configuration's own.
    """

    arm: str
    seed: int
    settings: Mapping[str, Any]
    epochs: int | None = None

    @property
    def folder(self) -> str:
        """The name of the arm's folder, which is also the name of its runs in TensorBoard."""
        return self.arm if self.epochs is None else f"{self.arm}-{self.epochs}-epochs"


@dataclass(frozen=True)
class Record:
    """What came of a training.

    Attributes:
        training: Which.
        epochs: Epochs that were trained.
        steps: Optimiser steps.
        seconds: Wall-clock time of the training epochs, without validation.
        history: Every logged metric after each epoch.
        final: Their last values.
    """

    training: Training
    epochs: int
    steps: int
    seconds: float
    history: Mapping[str, Sequence[float]]
    final: Mapping[str, float]


def finished(training: Training, directory: Path, base: Path, arguments: Sequence[str] = ()) -> Record | None:
    """The record of a training that was done before with the very same settings; None where there is none."""
    folder = _folder(training, directory)
    try:
        settings = json.loads((folder / SETTINGS).read_text())
        result = json.loads((folder / RESULT).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if settings != _fingerprint(training, base, arguments):
        return None
    return Record(
        training, result["epochs"], result["steps"], result["train_seconds"], result["history"], result["final"]
    )


def train(training: Training, directory: Path, base: Path, arguments: Sequence[str] = ()) -> Record:
    """Train in a process of its own, and read what came of it.

    What was trained before with other settings is not lost: it goes to the folder ``replaced``.

    Args:
        training: What to train.
        directory: The comparison's folder; the run goes to ``ARM/seed-N`` in it.
        base: The configuration that all trainings share.
        arguments: More arguments of ``fit`` that they share.

    Returns:
        The record.

    Raises:
        TrainingFailedError: If there is none; the message has the end of what the process wrote.
        FileExistsError: If the run's folder is there and no comparison made it.
    """
    folder = _folder(training, directory)
    if folder.exists() and not (folder / SETTINGS).exists():
        raise FileExistsError(f"{folder} exists and is not of a comparison: choose another output, or move it away")
    _put_aside(folder, directory)
    folder.mkdir(parents=True)
    (folder / SETTINGS).write_text(json.dumps(_fingerprint(training, base, arguments), indent=1))
    own = folder / "arm.yaml"
    own.write_text(yaml.safe_dump(_own_settings(training, directory)))
    command = [*_fit(base, arguments), "--config", str(own), "--trainer.callbacks+=camaug.callbacks.RunRecorder"]
    log = folder / "log.txt"
    with log.open("w") as stream:
        code = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False).returncode
    record = finished(training, directory, base, arguments)
    if record is None:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise TrainingFailedError(
            f"{training.folder}, seed {training.seed}, ended with exit code {code} and no result. The whole output is "
            f"in {log}; its end:\n{end}"
        )
    return record


def check_arguments(base: Path, arguments: Sequence[str]) -> None:
    """Let ``fit`` read what all trainings share, before anything is trained.

    Raises:
        ValueError: If it cannot.
    """
    asked = [*_fit(base, arguments), "--print_config"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    if answer.returncode:
        reason = answer.stderr[answer.stderr.rfind("error:") :].strip()
        raise ValueError(
            f"`fit` does not understand what the trainings share, so nothing was trained. It was given "
            f"{' '.join(arguments) or 'the configuration alone'}, and said: {reason}"
        )


def _fit(base: Path, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "camaug", "fit", "--config", str(base), *arguments]


def _put_aside(folder: Path, directory: Path) -> None:
    """Keep a finished training that is to be replaced; what never ended is not worth it."""
    if (folder / RESULT).exists():
        kept = directory / "replaced" / folder.relative_to(directory)
        number = sum(1 for _ in kept.parent.glob(f"{kept.name}*"))
        kept.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(kept.with_name(f"{kept.name}-{number}"))
    shutil.rmtree(folder, ignore_errors=True)


def _folder(training: Training, directory: Path) -> Path:
    return directory / training.folder / f"seed-{training.seed}"


def _own_settings(training: Training, directory: Path) -> dict[str, Any]:
    logger = {"save_dir": str(directory), "name": training.folder, "version": f"seed-{training.seed}"}
    trainer = {
        "logger": {
            "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
            "init_args": {**logger, "default_hp_metric": False},
        },
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    if training.epochs is not None:
        trainer["max_epochs"] = training.epochs
    own = {name: value for name, value in training.settings.items() if name != "trainer"}
    return {
        "seed_everything": training.seed,
        "checkpoint": {"save_top_k": 0, "save_last": False, "save_on_exception": False},
        **own,
        "trainer": {**trainer, **training.settings.get("trainer", {})},
    }


def _fingerprint(training: Training, base: Path, arguments: Sequence[str]) -> dict[str, Any]:
    """All that the result depends on, as far as it is written down."""
    return {
        "arm": training.arm,
        "seed": training.seed,
        "epochs": training.epochs,
        "settings": json.loads(json.dumps(training.settings)),
        "arguments": list(arguments),
        "base": hashlib.sha256(base.read_bytes()).hexdigest(),
    }
