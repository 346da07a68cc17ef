"""`Experiment`, the base class of the experiments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from torch import nn

from camaug.experiments.image_batch import ImageBatch
from camaug.experiments.report import Report
from camaug.utils.optional import import_extra

__all__ = ["Experiment", "Track", "require_extras", "untracked"]

T = TypeVar("T")
Track = Callable[[Sequence[Any], str], Iterable[Any]]
"""Yields the items of a sequence and shows the progress; the second argument describes the work."""


def untracked(items: Sequence[T], description: str) -> Iterator[T]:
    """Yield the items without showing progress."""
    yield from items


@dataclass(frozen=True)
class Experiment(ABC):
    """Settings of a measurement of a classifier's explanations, which results in a report.

    An experiment holds no model and no images. Subclasses implement :meth:`measure`.
    """

    name: ClassVar[str] = "experiment"
    """Default name of the experiment's files."""

    @abstractmethod
    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """Measure at least one image and return the report."""

    def run(self, model: nn.Module, batches: Iterable[ImageBatch], track: Track = untracked) -> Report:
        """Run the experiment.

        Args:
            model: The classifier; it is left unchanged.
            batches: The images.
            track: Shows the progress; nothing by default.

        Returns:
            The report.

        Raises:
            ValueError: If there are no images, or a setting does not fit the model or the images.
            ImportError: If a package that the report needs is not installed, before any work is done.
        """
        require_extras()
        batches = [batch for batch in batches if len(batch.images)]
        if not batches:
            raise ValueError(f"the experiment {self.name!r} was given no images: there is nothing to measure")
        return self.measure(model, batches, track)


def require_extras() -> None:
    """Raise an ImportError, with the command that installs them, unless the packages of a report are installed."""
    for module, package in (("scipy.stats", "scipy"), ("matplotlib.figure", "matplotlib")):
        import_extra(module, package=package, extra="experiments", reason="the experiments need")
