"""The methods of an experiment, and the control among them."""

from __future__ import annotations

import pytest
import torch

from camaug import GroupCAM, get_explainer, list_explainers
from camaug.experiments import RandomMap
from camaug.experiments.named_methods import get_method, method_label


@pytest.mark.parametrize("name", list_explainers())
def test_a_method_with_its_defaults_is_labelled_by_its_name(name):
    assert method_label(get_explainer(name)) == name


def test_a_label_says_what_is_not_the_default():
    assert method_label(GroupCAM(theta=None, weighted=False)) == "group-cam theta=None weighted=False"
    assert method_label(get_explainer("aug-smooth", explainer="group-cam")) == "aug-smooth explainer=group-cam"


def test_the_control_is_no_method():
    assert get_method("random") == RandomMap()
    assert "random" not in list_explainers()


def test_random_maps_know_the_image_s_bytes_and_nothing_else(net, images, unchanged):
    with unchanged(net):
        maps = RandomMap()(net, images).maps
    assert maps.shape == (4, 16, 16)
    assert len({tuple(each.flatten().tolist()) for each in maps}) == 4  # another for each image
    alone = RandomMap()(net, images[2:3], targets=3).maps
    assert torch.equal(alone[0], maps[2])  # wherever it stands and whatever is asked
    assert not torch.equal(RandomMap(seed=1)(net, images).maps, maps)


def test_random_maps_point_nowhere_in_the_mean(net):
    images = torch.rand(400, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    mean = RandomMap(cells=4)(net, images).maps.mean(dim=0)
    assert float(mean.max() - mean.min()) < 0.2


def test_random_maps_of_one_cell_are_refused():
    with pytest.raises(ValueError, match="`cells` must be at least 2, got 1"):
        RandomMap(cells=1)
