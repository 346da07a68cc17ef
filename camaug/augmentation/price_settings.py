"""The settings of the augmentation that there is a choice of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from camaug.augmentation.group_cam_transform import augmentation_explainer
from camaug.explainers import Explainer, as_explainer
from camaug.explainers.methods.group_cam import PAPER_GROUPS, GroupCAM

__all__ = ["CONFIGURED", "EXACT", "Setting", "price_settings"]

EXACT = "exact, plain"
CONFIGURED = "as configured"
REFRESH_EPOCHS = 5


@dataclass(frozen=True)
class Setting:
    """A way to augment.

    Attributes:
        name: What it is called.
        explainer: What finds the saliency.
        fast: Whether the model is asked by :class:`camaug.FastForward`.
        share: Share of the images that are augmented.
        refresh_epochs: Epochs that the maps of a saliency bank serve; None explains the images of every step.
    """

    name: str
    explainer: Explainer
    fast: bool = False
    share: float = 1.0
    refresh_epochs: int | None = None

    @property
    def configuration(self) -> str:
        """What to write into a configuration, as a line of YAML."""
        given = {"share": str(self.share), "fast": str(self.fast).lower()}
        if self.refresh_epochs is not None:
            given["refresh_every_n_epochs"] = str(self.refresh_epochs)
        if self.explainer != augmentation_explainer():
            given["explainer"] = _configured(self.explainer)
        return f"augmentation: {{{', '.join(f'{name}: {value}' for name, value in given.items())}}}"

    @property
    def expected_passes(self) -> float:
        """About how many forward passes an image of a batch costs, before it was tried."""
        explainer = self.explainer
        if not isinstance(explainer, GroupCAM):
            return 2.0 * self.share
        groups = explainer.groups or PAPER_GROUPS[explainer.weighted]
        return (1 + (1 + groups) * explainer.query_scale**2) * self.share


def price_settings(configured: Setting | None = None) -> list[Setting]:
    """The settings that there is a choice of.

    Args:
        configured: The one that is in use; it is the last of them. The others begin with its explainer, if that is a
            Group-CAM, or with the paper's choice for augmentation.
    """
    explainer = None if configured is None else configured.explainer
    exact = explainer if isinstance(explainer, GroupCAM) else augmentation_explainer()
    half = dataclasses.replace(exact, query_scale=0.5)
    settings = [
        Setting(EXACT, exact),
        Setting("exact, fast", exact, fast=True),
        Setting("fast, half resolution", half, fast=True),
        Setting("fast, share 0.5", exact, fast=True, share=0.5),
        Setting(f"fast, bank of {REFRESH_EPOCHS} epochs", exact, fast=True, refresh_epochs=REFRESH_EPOCHS),
        Setting("Grad-CAM", as_explainer("grad-cam")),
    ]
    return settings if configured is None else [*settings, configured]


def _configured(explainer: Explainer) -> str:
    """An explainer as a configuration names it: by its name, or by its class and what differs from its defaults."""
    changed = {
        each.name: getattr(explainer, each.name)
        for each in dataclasses.fields(explainer)
        if getattr(explainer, each.name) != each.default
    }
    if not changed:
        return explainer.name
    shown = ", ".join(f"{name}: {_yaml(value)}" for name, value in changed.items())
    return f"{{class_path: {type(explainer).__name__}, init_args: {{{shown}}}}}"


def _yaml(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
