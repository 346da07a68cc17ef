"""Rows of docs/compatibility.md as runnable cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import lightning as L
import torch

from tests.compatibility.classifiers import Classifier
from tests.compatibility.sources import loader_of

__all__ = ["SAME_CLASS", "Case", "LeftOut", "Refused", "Works"]

SAME_CLASS: Mapping[int, tuple[int, ...]] = {0: (0,), 1: (1,), 2: (2,)}


@dataclass(frozen=True)
class Works:
    """Outcome of a callback that does its work.

    Attributes:
        arguments: The arguments that the callback needs, as Python code, which is run.
        without: Part of the message if these arguments are missing, and the callback does nothing or raises.
        warned: Part of the warning if these arguments are missing, and the callback works nonetheless.
        note: What the page adds.
        warning: Part of a warning that the callback gives nonetheless.
    """

    arguments: str = ""
    without: str = ""
    note: str = ""
    warning: str = ""
    warned: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments as a dict."""
        settings: dict[str, Any] = eval(f"dict({self.arguments})", {"torch": torch})
        return settings

    def __str__(self) -> str:
        """Return the cell of the page."""
        cell = f"works with `{self.arguments}`" if self.arguments else "works"
        cell += f"; without it: “{self.without}”" if self.without else ""
        cell += f"; without it one warning: “{self.warned}”" if self.warned else ""
        cell += f"; one warning: “{self.warning}”" if self.warning else ""
        return f"{cell}; {self.note}" if self.note else cell


@dataclass(frozen=True)
class LeftOut:
    """Outcome of a callback that does nothing, with one warning, while training goes on.

    Attributes:
        says: Part of the warning.
    """

    says: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    without: str = ""
    warned: str = ""

    @property
    def warning(self) -> str:
        """Part of the warning."""
        return self.says

    def __str__(self) -> str:
        """Return the cell of the page."""
        return f"left out with one warning: “{self.says}”"


@dataclass(frozen=True)
class Refused:
    """Outcome of a callback that raises before the first training step.

    Attributes:
        says: Part of the error's message.
    """

    says: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    warning: str = ""
    without: str = ""
    warned: str = ""

    def __str__(self) -> str:
        """Return the cell of the page."""
        return f"error before the first step: “{self.says}”"


@dataclass(frozen=True)
class Case:
    """A kind of module, batch or loop, and the outcome for both callbacks.

    Attributes:
        name: The kind, a cell of the page.
        module: Function that returns the module.
        loader: Function that returns the training loader, or loaders.
        logger: Outcome for ``CamLogger``.
        augmentation: Outcome for ``GroupCamAugmentation``.
        validation: Function that returns the validation loader; None for the training loader.
        classes: The classes that the labels give to an image, by the position of its bright square: 0 left, 1 in the
            middle, 2 right.
        shown: The same for CamLogger, if it differs.
        callbacks: Function that returns further callbacks.
        trainer: Further arguments of the Trainer.
    """

    name: str
    module: Callable[[], L.LightningModule] = Classifier
    loader: Callable[[], Any] = loader_of
    logger: Works | LeftOut = Works()
    augmentation: Works | LeftOut | Refused = Works()
    validation: Callable[[], Any] | None = None
    classes: Mapping[int, tuple[int, ...]] = field(default_factory=lambda: SAME_CLASS)
    shown: Mapping[int, tuple[int, ...]] | None = None
    callbacks: Callable[[], list[L.Callback]] = list
    trainer: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the name."""
        return self.name
