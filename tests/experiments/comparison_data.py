"""Arms of a comparison, and training runs with known results."""

from __future__ import annotations

from camaug.experiments.training_run import RunResult, TrainingRun

ARMS = {"usual": {"model": {"lr": 0.1}}, "none": {}, "costly": {"augmentation": {"recipe": "snapmix"}}}


ACCURACIES = {
    ("none", None): (0.70, 0.72, 0.74),
    ("usual", None): (0.71, 0.75, 0.75),
    ("costly", None): (0.74, 0.73, 0.78),
    ("none", 12): (0.75, 0.75, 0.78),
}


SECONDS = {"none": 10.0, "usual": 11.0, "costly": 28.0}


def trained(run: TrainingRun) -> RunResult:
    """Return the result of a run: four epochs of five steps, or as many epochs as the run asks for."""
    epochs = run.epochs or 4
    accuracy = ACCURACIES[run.arm, run.epochs][run.seed]
    history = {"val/accuracy": [0.5] * (epochs - 2) + [accuracy + 0.01, accuracy]}
    final = {"val/accuracy": accuracy, "cam_eval/over_all": accuracy / 2}
    return RunResult(run, epochs, 5 * epochs, SECONDS[run.arm] * epochs / 4, history, final)
