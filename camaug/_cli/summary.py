"""Summaries printed when a subcommand ends: results and where they are."""

from __future__ import annotations

from collections.abc import Mapping

import lightning as L
from rich.console import Console

from camaug._cli.tensorboard_command import tensorboard_line
from camaug.callbacks import CamWriter
from camaug.utils.printable import printable

__all__ = ["photo_summary", "print_summary", "training_summary"]


def print_summary(facts: Mapping[str, str]) -> None:
    """Print names and values, one a line, under a rule with the program's name."""
    console = Console()
    console.rule("camaug", align="left")
    for name, value in facts.items():
        # Soft wrapping leaves the lines whole, so that paths and commands can be copied.
        console.print(f"{name:<18} {printable(value)}", soft_wrap=True, highlight=False, markup=False)


def training_summary(trainer: L.Trainer, directory: str | None) -> dict[str, str]:
    """Return the last accuracies of a training run, its best checkpoint, its folder and how to view it."""
    facts = {name: f"{float(value):.1%}" for name, value in trainer.callback_metrics.items() if "accuracy" in name}
    facts |= _best_value(trainer, facts) | _heatmap_facts(trainer)
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if best:
        facts["best checkpoint"] = best
    if directory is not None:
        facts["run"] = directory
        facts["view with"] = tensorboard_line(directory)
    return facts


def _best_value(trainer: L.Trainer, last: Mapping[str, str]) -> dict[str, str]:
    """Return the monitored accuracy of the last epoch and of the best checkpoint, if they differ."""
    name: str = getattr(trainer.checkpoint_callback, "monitor", None) or ""
    score = getattr(trainer.checkpoint_callback, "best_model_score", None)
    if name not in last or score is None or f"{float(score):.1%}" == last[name]:
        return {}
    return {name: f"{last[name]} in the last epoch, {float(score):.1%} in the best checkpoint"}


def _heatmap_facts(trainer: L.Trainer) -> dict[str, str]:
    """Return a line about constant heatmaps of the last snapshot, if there are any."""
    share = float(trainer.callback_metrics.get("cam/constant_maps", 0))
    if not share > 0:
        return {}
    advice = "Train longer, or try another method"
    return {"heatmaps": f"{share:.0%} are constant: no evidence for the class was found. {advice}"}


def photo_summary(writer: CamWriter) -> dict[str, str]:
    """Return the numbers of explained, skipped and failed photos, the failed ones' paths, and the results' folder."""
    failed = {"failed": ", ".join(writer.failed)} if writer.failed else {}
    counts = f"{writer.written} explained, {writer.skipped} done before, {len(writer.failed)} failed"
    return {"photos": counts, **failed, "results": str(writer.directory)}
