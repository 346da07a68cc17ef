"""Augmentation settings whose price is compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.explainers import Explainer, as_explainer
from camaug.explainers.methods.group_cam import PAPER_GROUPS, GroupCAM

__all__ = ["CONFIGURED", "EXACT", "Setting", "price_settings"]

EXACT = "exact, plain"
CONFIGURED = "as configured"
REFRESH_EPOCHS = 5


@dataclass(frozen=True)
class Setting:
    """An augmentation setting.

    Attributes:
        name: Its name in the table of prices.
        explainer: The explainer that finds the saliency.
        fast: True if the explainer calls the model through :class:`camaug.FastForward`.
        share: Share of the images that are augmented.
        refresh_epochs: Number of epochs between refreshes of the saliency bank; None to explain in every step.
    """

    name: str
    explainer: Explainer
    fast: bool = False
    share: float = 1.0
    refresh_epochs: int | None = None

    @property
    def configuration(self) -> str:
        """Return the setting as a line of YAML for a configuration."""
        fields = {"share": str(self.share), "fast": str(self.fast).lower()}
        if self.refresh_epochs is not None:
            fields["refresh_every_n_epochs"] = str(self.refresh_epochs)
        if self.explainer != augmentation_explainer():
            fields["explainer"] = _explainer_yaml(self.explainer)
        return f"augmentation: {{{', '.join(f'{name}: {value}' for name, value in fields.items())}}}"

    @property
    def expected_passes(self) -> float:
        """Return an estimate of the forward passes for each image of a batch."""
        explainer = self.explainer
        if not isinstance(explainer, GroupCAM):
            return 2.0 * self.share
        groups = explainer.groups or PAPER_GROUPS[explainer.weighted]
        return (1 + (1 + groups) * explainer.query_scale**2) * self.share


def price_settings(configured: Setting | None = None) -> list[Setting]:
    """Return the settings to compare.

    Args:
        configured: The user's setting, which becomes the last one. If its explainer is a Group-CAM, the others use it
            too. Otherwise they use the paper's choice for augmentation.
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


def _explainer_yaml(explainer: Explainer) -> str:
    """Return an explainer as YAML: its name, or its class with the fields that differ from their defaults."""
    changed = {
        each.name: getattr(explainer, each.name)
        for each in dataclasses.fields(explainer)
        if getattr(explainer, each.name) != each.default
    }
    if not changed:
        return explainer.name
    arguments = ", ".join(f"{name}: {_yaml(value)}" for name, value in changed.items())
    return f"{{class_path: {type(explainer).__name__}, init_args: {{{arguments}}}}}"


def _yaml(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
