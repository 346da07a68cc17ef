from __future__ import annotations

import pkgutil
from dataclasses import dataclass

import pytest
import torch

from camaug import GroupCamTransform
from camaug.augmentation import recipes
from camaug.augmentation.recipe import Recipe
from camaug.augmentation.recipe_registry import as_recipe, list_recipes, register_recipe
from camaug.augmentation.recipes.paired import Paired


def test_every_file_of_the_folder_is_registered_under_its_name():
    files = [module.name for module in pkgutil.iter_modules(recipes.__path__)]
    assert sorted(file.replace("_", "-") for file in files) == list_recipes()


def test_names_and_recipes():
    assert as_recipe("paired") == Paired()
    recipe = Paired()
    assert as_recipe(recipe) is recipe


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ("pared", ValueError, "unknown recipe 'pared', did you mean 'paired' or 'paired-random'"),
        ("zzz", ValueError, "unknown recipe 'zzz', expected one of avoid-crop, .*, snapmix"),
        (Paired, TypeError, r"expected a recipe or its name, for example 'paired' or Paired\(\), got the class Paired"),
        (3, TypeError, r"got 3 \(int\)"),
    ],
)
def test_wrong_recipes(recipe, error, message):
    with pytest.raises(error, match=message):
        as_recipe(recipe)


def test_a_taken_name_is_refused():
    with pytest.raises(ValueError, match="the recipe name 'paired' is taken by Paired: choose another"):
        register_recipe("paired")(Paired)


@dataclass(frozen=True)
class Blacken(Recipe):
    """A recipe with a replacement of its own, which is not registered."""

    value: float = 0.0

    def masks(self, maps):
        return maps > 0.5

    def replacement(self, images, params):
        return torch.full_like(images, self.value)


def test_a_recipe_of_the_users_own(images):
    maps = torch.zeros(4, 16, 16)
    maps[:, :8] = 1
    transform = GroupCamTransform(torch.nn.Identity(), recipe=Blacken(0.25))
    new, _ = transform.augment([images, torch.zeros(4, dtype=torch.int64)], maps).batch
    assert torch.equal(new[:, :, :8], images[:, :, :8])
    assert (new[:, :, 8:] == 0.25).all()
