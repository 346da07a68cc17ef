"""Named settings of the augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from camaug.augmentation.recipes import Recipe, as_recipe
from camaug.utils.check_fraction import check_fraction
from camaug.utils.check_types import check_types

__all__ = ["PRESETS", "Preset", "PresetSettings", "apply_preset"]

Preset = Literal["default", "paper"]


class PresetSettings(NamedTuple):
    """Settings that a preset decides.

    Attributes:
        recipe: The recipe or its name.
        share: Share of the images of each batch that are changed; None for the recipe's usual one.
        strength: Strength of the change.
    """

    recipe: str | Recipe
    share: float | None
    strength: float


PRESETS: Mapping[str, PresetSettings] = {
    "default": PresetSettings("hide-salient", share=None, strength=1.0),
    "paper": PresetSettings("keep-salient", share=1.0, strength=1.0),
}


def apply_preset(
    preset: Preset, recipe: str | Recipe | None, share: float | None, strength: float | None
) -> tuple[Recipe, float, float]:
    """Return recipe, share and strength, taken from the preset for arguments that are None.

    Raises:
        ValueError: If a name is unknown, or ``share`` or ``strength`` is outside [0, 1].
    """
    check_types(apply_preset, {"preset": preset})
    defaults = PRESETS[preset]
    chosen = as_recipe(defaults.recipe if recipe is None else recipe)
    if share is None:
        share = chosen.usual_share if defaults.share is None else defaults.share
    strength = defaults.strength if strength is None else strength
    check_fraction("share", share)
    check_fraction("strength", strength)
    return chosen, share, strength
