"""Names under which configurations and tests know the recipes."""

from __future__ import annotations

from camaug.augmentation.recipe import Recipe
from camaug.utils.check_types import given
from camaug.utils.registry import Registry

__all__ = ["as_recipe", "list_recipes", "register_recipe"]

_registry: Registry[Recipe] = Registry("recipe")
register_recipe = _registry.register


def list_recipes() -> list[str]:
    """Return the names of all recipes in alphabetical order.

    Example:
        >>> from camaug.augmentation.recipes import list_recipes
        >>> list_recipes()
        ['avoid-crop', ..., 'snapmix']
    """
    return _registry.names()


def as_recipe(recipe: str | Recipe) -> Recipe:
    """Return the recipe itself, or the recipe of a name with its default settings.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If the argument is neither a recipe nor a name.
    """
    if isinstance(recipe, str):
        return _registry[recipe]()
    if not isinstance(recipe, Recipe):
        raise TypeError(f"expected a recipe or its name, for example 'paired' or Paired(), got {given(recipe)}")
    return recipe
