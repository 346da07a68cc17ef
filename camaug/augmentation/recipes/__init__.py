"""Recipes, one a file. Every module of this folder is imported, so that a new recipe is one new file."""

import importlib
import pkgutil

from camaug.augmentation.recipe import Recipe, RecipeParams, Regions
from camaug.augmentation.recipe_registry import as_recipe, list_recipes, register_recipe

__all__ = ["Recipe", "RecipeParams", "Regions", "as_recipe", "list_recipes", "register_recipe"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
