from __future__ import annotations

import pytest
import yaml

from camaug.augmentation.recipes import list_recipes
from camaug.cli import main
from camaug.experiments.advise_command import arms_of, control_of


def test_arms_are_none_the_recipes_and_their_controls():
    arms = arms_of(["hide-salient", "snapmix"])
    assert arms == {
        "none": {"augmentation": {"share": 0}},
        "hide-salient": {"augmentation": {"recipe": "hide-salient"}},
        "hide-random": {"augmentation": {"recipe": "hide-random"}},
        "snapmix": {"augmentation": {"recipe": "snapmix"}},
        "cutmix": {"augmentation": {"share": 0}, "model": {"cutmix_alpha": 1.0}},
    }


@pytest.mark.parametrize("recipe", ["hide-salient", "salient-crop", "keep-salient", "paired", "snapmix"])
def test_controls_are_other_arms(recipe):
    control = control_of(recipe)
    assert control == "cutmix" or control in list_recipes()
    assert control != recipe


@pytest.mark.parametrize("recipe", ["hide-random", "random-crop", "paired-random", "mask-tune", "blur-everything"])
def test_recipes_without_a_control_are_not_advised(recipe):
    with pytest.raises(ValueError, match=f"the recipe '{recipe}' has no control to compare it with"):
        control_of(recipe)


def test_unknown_recipes_are_refused():
    with pytest.raises(ValueError, match="unknown recipe 'hide'"):
        main(["advise", "--recipes", "hide"])


@pytest.mark.usefixtures("forked_runs")
def test_the_command_writes_its_advice(tmp_path):
    settings = {
        "model": {"name": "timm/test_resnet"},
        "data": {
            "class_path": "ShapesDataModule",
            "init_args": {"train_size": 16, "val_size": 8, "image_size": 32, "batch_size": 8, "num_workers": 0},
        },
        "cam": {"images": 2, "explainer": "grad-cam"},
        "trainer": {"max_epochs": 1, "accelerator": "cpu"},
    }
    config, output = tmp_path / "config.yaml", tmp_path / "advise"
    config.write_text(yaml.safe_dump(settings))
    report = main(["advise", "--config", str(config), "--output", str(output), "--seeds", "0,1"])
    (row,) = report.table("advice").rows
    assert row[0] == "hide-salient"
    assert row[3] == "hide-random"
    assert (output / "report.md").read_text().index("advice") < (output / "report.md").read_text().index("equal epochs")
    assert {path.parent.parent.name for path in output.rglob("result.json")} == {"none", "hide-salient", "hide-random"}
