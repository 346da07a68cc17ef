from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
import torch

from camaug import Explainer, GradCAM, GroupCAM, get_explainer, list_explainers, register_explainer
from camaug.explainers import LayerExplainer, as_explainer, registry


@dataclass(frozen=True)
class Channel(LayerExplainer):
    """Shows one channel."""

    channel: int = 0

    def maps(self, evidence):
        return evidence.activations[:, self.channel, None]

    def weights(self, evidence, maps):
        return maps.new_ones(maps.shape[:2])


@pytest.fixture
def empty_shelf(monkeypatch):
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))


@pytest.mark.usefixtures("empty_shelf")
def test_a_new_method(net, images):
    register_explainer("one-channel")(Channel)
    assert "one-channel" in list_explainers()
    assert list_explainers() == sorted(list_explainers())
    explainer = get_explainer("one-channel", channel=3, layer="stem.0")
    assert explainer == Channel(channel=3, layer="stem.0")
    assert explainer.name == "one-channel"
    net.stem[0].bias.data[3] = 1  # somewhere positive in each image
    channel = net.stem[0](images)[:, 3, None].relu()
    expected = torch.nn.functional.interpolate(channel, scale_factor=2, mode="bilinear")[:, 0]
    low, high = expected.amin(dim=(1, 2), keepdim=True), expected.amax(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(explainer(net, images).maps, (expected - low) / (high - low))


@pytest.mark.usefixtures("empty_shelf")
def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="the explainer name 'grad-cam' is taken by GradCAM: choose another"):
        register_explainer("grad-cam")(Channel)
    assert type(get_explainer("grad-cam")) is GradCAM


def test_by_name():
    assert get_explainer("group-cam", groups=8, layer="x") == GroupCAM(groups=8, layer="x")
    assert {"grad-cam", "group-cam"} <= set(list_explainers())
    assert GroupCAM.name == "group-cam"
    assert Explainer.name == "unregistered"


def test_unknown_name():
    with pytest.raises(
        ValueError, match=r"unknown explainer 'groupcam', did you mean 'group-cam'.* expected one of ablation-cam, "
    ):
        get_explainer("groupcam")
    with pytest.raises(ValueError, match=r"unknown explainer 'xyz', expected one of ablation-cam, .*xrai$"):
        get_explainer("xyz")


@dataclass(frozen=True)
class Imported(Channel):
    """Found by where it stands."""


def test_by_import_path(monkeypatch):
    monkeypatch.setitem(sys.modules, "my_method", sys.modules[__name__])
    assert get_explainer("my_method.Imported", channel=2) == Imported(channel=2)
    with pytest.raises(
        ValueError, match=r"registered as 'nowhere.CAM', and 'nowhere' cannot be imported .* PYTHONPATH"
    ):
        get_explainer("nowhere.CAM")
    with pytest.raises(
        ValueError, match=r"'my_method\.pytest' must be the import path of a class that derives from Expl"
    ):
        get_explainer("my_method.pytest")


@pytest.mark.parametrize(
    ("wrong", "said"), [(GradCAM, "got the class GradCAM"), (["grad-cam"], "got list"), (None, "got NoneType")]
)
def test_neither_a_name_nor_an_explainer(wrong, said):
    with pytest.raises(TypeError, match=rf"expected one explainer, or the name of one .*, {said}"):
        as_explainer(wrong)
    assert as_explainer("grad-cam") == as_explainer(GradCAM()) == GradCAM()


def test_unknown_setting():
    with pytest.raises(ValueError, match=r"group-cam has no setting 'group', 'tau', expected some of .*groups, theta"):
        get_explainer("group-cam", group=8, tau=1, groups=4)


def test_gradients_that_were_not_asked_for(net, images):
    class Careless(Channel):
        def weights(self, evidence, maps):
            return evidence.require_gradients().mean(dim=(2, 3))

    with pytest.raises(ValueError, match="without declaring that it `needs_gradients`"):
        Careless()(net, images)
