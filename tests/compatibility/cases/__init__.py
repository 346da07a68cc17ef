"""The cases of docs/compatibility.md by heading."""

from __future__ import annotations

from tests.compatibility.case import Case
from tests.compatibility.cases import batches, labels, loaders, loops, modules, outputs, steps

__all__ = ["GROUPS"]

GROUPS: dict[str, list[Case]] = {
    "Batches": batches.CASES,
    "Labels": labels.CASES,
    "Outputs of `forward`": outputs.CASES,
    "Modules": modules.CASES,
    "Training steps": steps.CASES,
    "Data loaders": loaders.CASES,
    "Loops and precision": loops.CASES,
}
