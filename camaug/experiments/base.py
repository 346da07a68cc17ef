"""What every experiment is: settings, and a way from a model and images to a report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

from torch import Tensor, nn

from camaug.experiments.report import Report
from camaug.inspection.neutral import neutral
from camaug.inspection.unwrap import unwrap
from camaug.utils.optional import import_extra

__all__ = ["Experiment", "ImageBatch", "TargetKind", "Track", "require_extras", "target_classes", "untracked"]

T = TypeVar("T")
Track = Callable[[Sequence[Any], str], Iterable[Any]]
"""Hands on the items of a sequence and shows how far it is; the second argument says what is going on."""
TargetKind = Literal["predicted", "label"]


class ImageBatch(NamedTuple):
    """Images that an experiment is made on.

    Attributes:
        images: (N, C, H, W), on the model's device, as the model expects them.
        labels: The true classes (N,), int64, as the model counts them; None where they are not known.
        names: What each image is called, its file for example; None where they have no names.
        pictures: The images as people see them, (N, 3, H, W) in [0, 1] on the CPU; None where that is not known.
        class_names: Names of the model's classes; None where they are not known.
        given: The batch as the data module made it, for what an experiment needs beyond these: boxes, for example.
    """

    images: Tensor
    labels: Tensor | None = None
    names: Sequence[str] | None = None
    pictures: Tensor | None = None
    class_names: Sequence[str] | None = None
    given: Any = None


def untracked(items: Sequence[T], what: str) -> Iterator[T]:
    """Hands on the items and shows nothing."""
    yield from items


@dataclass(frozen=True)
class Experiment(ABC):
    """A question about a classifier's explanations, with its settings; the answer is a report.

    An experiment holds no model and no images. A subclass says in :meth:`measure` how they become a report.
    """

    name: ClassVar[str] = "experiment"
    """What its files are called, by default."""

    @abstractmethod
    def measure(self, model: nn.Module, batches: Sequence[ImageBatch], track: Track) -> Report:
        """The report; ``batches`` has at least one image."""

    def run(self, model: nn.Module, batches: Iterable[ImageBatch], track: Track = untracked) -> Report:
        """Do the experiment.

        Args:
            model: The classifier; it is left as it was.
            batches: The images.
            track: Shows how far it is; nothing by default.

        Returns:
            The report.

        Raises:
            ValueError: If there are no images, or a setting does not fit the model or the images.
            ImportError: If a package that the report needs is not installed: before any work is done.
        """
        require_extras()
        batches = [batch for batch in batches if len(batch.images)]
        if not batches:
            raise ValueError(f"the experiment {self.name!r} was given no images: there is nothing to measure")
        return self.measure(model, batches, track)


def require_extras() -> None:
    """Raise an ImportError, which says what to install, unless all is there that a report needs."""
    for module, package in (("scipy.stats", "scipy"), ("matplotlib.figure", "matplotlib")):
        import_extra(module, package=package, extra="experiments", reason="the experiments need")


def target_classes(model: nn.Module, batch: ImageBatch, target: TargetKind) -> Tensor:
    """The classes that are explained, (N,): the predicted ones or the true ones.

    Raises:
        ValueError: If the true ones are asked for and not known, or not among the model's classes.
    """
    if target not in ("predicted", "label"):
        raise ValueError(f"`target` must be 'predicted' or 'label', got {target!r}")
    with neutral(unwrap(model)):
        logits: Tensor = model(batch.images)
    if target == "predicted":
        return logits.argmax(dim=1)
    if batch.labels is None:
        raise ValueError(
            "the classes to explain are to be the images' labels, and no labels of the model's classes are known: "
            "set target='predicted'"
        )
    wrong = sorted({label for label in batch.labels.tolist() if not 0 <= label < logits.shape[1]})
    if wrong:
        raise ValueError(
            f"the labels {', '.join(map(str, wrong))} are not among the model's {logits.shape[1]} classes: "
            "set target='predicted', or give the model that was trained on these classes"
        )
    return batch.labels.to(logits.device)
