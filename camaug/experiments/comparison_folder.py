"""`ComparisonFolder`, which trains the runs of a comparison in processes of their own and keeps their results."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from camaug.experiments.training_run import RunResult, TrainingRun
from camaug.utils.atomic_write import write_atomically

__all__ = ["ComparisonFolder", "TrainingFailedError"]

_RESULT = "result.json"
_SETTINGS = "settings.json"
_LOG_LINES = 15


class TrainingFailedError(RuntimeError):
    """A training run ended without a result."""


@dataclass(frozen=True)
class ComparisonFolder:
    """Folder of a comparison, where each training run has a subfolder ``ARM/seed-N``.

    Attributes:
        path: The folder.
        base: File with the configuration that all runs share.
        arguments: Further arguments of ``fit`` that all runs share.
    """

    path: Path
    base: Path
    arguments: Sequence[str] = ()

    def load(self, run: TrainingRun) -> RunResult | None:
        """Return the result of a run that was finished with exactly these settings, or None."""
        folder = self._subfolder(run)
        try:
            settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
            result = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if settings != self._identity(run):
            return None
        return RunResult(
            run, result["epochs"], result["steps"], result["train_seconds"], result["history"], result["final"]
        )

    def train(self, run: TrainingRun) -> RunResult:
        """Train in a new process and return the result.

        A finished run with other settings is moved to the folder ``replaced``.

        Raises:
            TrainingFailedError: If there is no result; the message has the last lines of the process's output.
            FileExistsError: If the subfolder exists and was not made by a comparison.
        """
        folder = self._subfolder(run)
        if folder.exists() and not (folder / _SETTINGS).exists():
            raise FileExistsError(f"{folder} exists and is not of a comparison: choose another output, or move it away")
        self._back_up(folder)
        folder.mkdir(parents=True)
        write_atomically(folder / _SETTINGS, json.dumps(self._identity(run), indent=1))
        arm_file = folder / "arm.yaml"
        write_atomically(arm_file, yaml.safe_dump(self._run_settings(run)))
        command = [*self._fit_command(), "--config", str(arm_file)]
        command += ["--trainer.callbacks+=camaug.callbacks.RunRecorder"]
        log = folder / "log.txt"
        with log.open("w", encoding="utf-8") as stream:
            code = subprocess.run(
                command, stdout=stream, stderr=subprocess.STDOUT, env=_environment(), check=False
            ).returncode
        result = self.load(run)
        if result is None:
            end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
            raise TrainingFailedError(
                f"{run.group}, seed {run.seed}, ended with exit code {code} and no result. The whole output is in "
                f"{log}; its last lines:\n{end}"
            )
        return result

    def check_arguments(self) -> None:
        """Let ``fit`` parse what all runs share, before anything is trained.

        Raises:
            ValueError: If it cannot.
        """
        command = [*self._fit_command(), "--print_config"]
        process = subprocess.run(
            command, capture_output=True, env=_environment(), encoding="utf-8", errors="replace", check=False
        )
        if process.returncode:
            reason = process.stderr[process.stderr.rfind("error:") :].partition("\n(")[0].strip()
            raise ValueError(
                "`fit` cannot parse the settings that the training runs share, so nothing was trained. It was given "
                f"{' '.join(self.arguments) or 'the configuration alone'} and failed with {reason}"
            )

    def _subfolder(self, run: TrainingRun) -> Path:
        return self.path / run.group / f"seed-{run.seed}"

    def _fit_command(self) -> list[str]:
        return [sys.executable, "-m", "camaug", "fit", "--config", str(self.base), *self.arguments]

    def _back_up(self, folder: Path) -> None:
        """Back up a finished training run before it is replaced. Unfinished runs are deleted."""
        if (folder / _RESULT).exists():
            backup = self.path / "replaced" / folder.relative_to(self.path)
            number = sum(1 for _ in backup.parent.glob(f"{backup.name}*"))
            backup.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(backup.with_name(f"{backup.name}-{number}"))
        shutil.rmtree(folder, ignore_errors=True)

    def _run_settings(self, run: TrainingRun) -> dict[str, Any]:
        """Return the configuration that the run adds to the shared one."""
        logger = {"save_dir": str(self.path), "name": run.group, "version": f"seed-{run.seed}"}
        trainer: dict[str, Any] = {
            "logger": {
                "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
                "init_args": {**logger, "default_hp_metric": False},
            },
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        if run.epochs is not None:
            trainer["max_epochs"] = run.epochs
        return {
            "seed_everything": run.seed,
            "checkpoint": {"save_top_k": 0, "save_last": False, "save_on_exception": False},
            **run.settings,
            "trainer": {**trainer, **run.settings.get("trainer", {})},
        }

    def _identity(self, run: TrainingRun) -> dict[str, Any]:
        """Return everything that determines the result and is known before the run."""
        return {
            "arm": run.arm,
            "seed": run.seed,
            "epochs": run.epochs,
            "settings": json.loads(json.dumps(run.settings)),
            "arguments": list(self.arguments),
            "base": hashlib.sha256(self.base.read_bytes()).hexdigest(),
        }


def _environment() -> dict[str, str]:
    """Return the environment of a training process, whose output is UTF-8 on Windows, too."""
    return {**os.environ, "PYTHONIOENCODING": "utf-8"}
