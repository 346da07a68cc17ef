"""Methods by name, and their labels."""

from __future__ import annotations

import pytest

from camaug import GroupCAM, get_explainer, list_explainers
from camaug.experiments import RandomMap
from camaug.experiments.named_methods import get_method, method_label


@pytest.mark.parametrize("name", list_explainers())
def test_a_method_with_its_defaults_is_labelled_by_its_name(name):
    assert method_label(get_explainer(name)) == name


def test_a_label_has_the_settings_that_are_not_the_default():
    assert method_label(GroupCAM(theta=None, weighted=False)) == "group-cam theta=None weighted=False"
    assert method_label(get_explainer("aug-smooth", explainer="group-cam")) == "aug-smooth explainer=group-cam"


def test_the_control_is_no_method():
    assert get_method("random") == RandomMap()
    assert "random" not in list_explainers()
