"""Augmentation settings whose price is compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from camaug.augmentation.augmentation_explainer import augmentation_explainer
from camaug.augmentation.cheap_explainer import cheap_explainer
from camaug.explainers import Explainer
from camaug.explainers.methods.group_cam import PAPER_GROUPS, GroupCAM

__all__ = ["CONFIGURED", "PLAIN", "Setting", "price_settings"]

PLAIN = "without the fast forward"
CONFIGURED = "your configuration"
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
        fields = {"explainer": _explainer_yaml(self.explainer), "share": str(self.share)}
        if not self.fast:
            fields["fast"] = "false"
        if self.refresh_epochs is not None:
            fields["refresh_every_n_epochs"] = str(self.refresh_epochs)
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
    """Return the settings to compare: the explainer in use, made cheaper in each way, and another method.

    Args:
        configured: The user's setting, which becomes the last one, and whose explainer the others use. None for the
            default explainer of the augmentation.

    Returns:
        The settings. The first one has the maps that the others should have.
    """
    exact = cheap_explainer() if configured is None else configured.explainer
    other = augmentation_explainer() if not isinstance(exact, GroupCAM) else cheap_explainer()
    name = exact.name
    settings = [
        Setting(f"{name}, {PLAIN}", exact),
        Setting(f"{name}, all images", exact, fast=True),
        Setting(f"{name}, half of the images", exact, fast=True, share=0.5),
        Setting(f"{name}, maps kept for {REFRESH_EPOCHS} epochs", exact, fast=True, refresh_epochs=REFRESH_EPOCHS),
    ]
    if isinstance(exact, GroupCAM):
        half = dataclasses.replace(exact, query_scale=0.5)
        settings.append(Setting(f"{name}, queries of half the size", half, fast=True))
    settings.append(Setting(f"{other.name}, all images", other, fast=True))
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
