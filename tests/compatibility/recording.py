"""An explainer and a logger that record what they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from torch import Tensor, nn

from camaug.explainers.base import Evidence, Targets
from camaug.explainers.wrapper import WrappingExplainer


@dataclass(frozen=True)
class RecordingExplainer(WrappingExplainer):
    """An explainer that records the images and targets of each explanation of another one."""

    name = "recording"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "calls", [])

    def gather(
        self, model: nn.Module, forward: Callable[[Tensor], Tensor], images: Tensor, targets: Targets
    ) -> Evidence:
        self.calls.append((images.detach().clone(), targets))
        return super().gather(model, forward, images, targets)

    def saliency(self, evidence: Evidence) -> Tensor:
        return self.inner.saliency(evidence)


class MemoryLogger(Logger):
    """A logger that keeps images and metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.images: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}

    name = "memory"
    version = "0"

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.metrics.update(metrics)

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        self.images[key] = images
