from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
import torch

import camaug.explainers
from camaug import Explainer, GradCAM, GroupCAM, get_explainer, list_explainers, register_explainer
from camaug.explainers import LayerExplainer, as_explainer, explainer_class, registry


@dataclass(frozen=True)
class Channel(LayerExplainer):
    """Shows one channel."""

    channel: int = 0

    def maps(self, evidence):
        return evidence.activations[:, self.channel, None]

    def weights(self, evidence, maps):
        return maps.new_ones(maps.shape[:2])


@pytest.fixture
def registry_restored(monkeypatch):
    monkeypatch.setattr(registry._registry, "_classes", dict(registry._registry._classes))


@pytest.mark.usefixtures("registry_restored")
def test_a_registered_class_is_listed_created_and_run(net, images):
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


@pytest.mark.usefixtures("registry_restored")
def test_a_taken_name_is_refused():
    with pytest.raises(ValueError, match="the explainer name 'grad-cam' is taken by GradCAM: choose another"):
        register_explainer("grad-cam")(Channel)
    assert type(get_explainer("grad-cam")) is GradCAM


def test_an_explainer_is_created_by_its_name():
    assert get_explainer("group-cam", groups=8, layer="x") == GroupCAM(groups=8, layer="x")
    assert explainer_class("group-cam") is GroupCAM
    assert {"grad-cam", "group-cam"} <= set(list_explainers())
    assert GroupCAM.name == "group-cam"
    assert Explainer.name == "unregistered"


def test_every_registered_class_can_be_imported_from_the_package():
    for explainer in map(explainer_class, list_explainers()):
        assert getattr(camaug.explainers, explainer.__name__) is explainer
        assert explainer.__name__ in camaug.explainers.__all__
        assert explainer.__name__ in dir(camaug.explainers)
    assert all(hasattr(camaug.explainers, name) for name in camaug.explainers.__all__)
    with pytest.raises(AttributeError, match=r"module 'camaug\.explainers' has no attribute 'GroupedCAM'"):
        camaug.explainers.GroupedCAM  # noqa: B018


def test_an_unknown_name_is_refused_with_the_nearest_ones():
    with pytest.raises(ValueError, match=r"unknown explainer 'groupcam', did you mean 'group-cam'.* expected one of "):
        get_explainer("groupcam")
    with pytest.raises(ValueError, match=r"unknown explainer 'xyz', expected one of .*grad-cam, .*group-cam"):
        get_explainer("xyz")


@dataclass(frozen=True)
class Imported(Channel):
    """Found by its import path."""


def test_an_explainer_is_created_by_its_import_path(monkeypatch):
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
    ("wrong", "given"), [(GradCAM, "got the class GradCAM"), (["grad-cam"], "got .*list"), (None, "got None")]
)
def test_neither_a_name_nor_an_explainer_is_refused(wrong, given):
    with pytest.raises(TypeError, match=rf"expected an explainer such as GradCAM\(\), or its name .*, {given}"):
        as_explainer(wrong)
    assert as_explainer("grad-cam") == as_explainer(GradCAM()) == GradCAM()


def test_an_unknown_setting_is_refused():
    with pytest.raises(
        ValueError, match=r"group-cam has no setting 'group', 'tau', did you mean 'groups'.* some of .*groups, theta"
    ):
        get_explainer("group-cam", group=8, tau=1, groups=4)


def test_gradients_that_were_not_requested_are_refused(net, images):
    class Careless(Channel):
        def weights(self, evidence, maps):
            return evidence.require_gradients().mean(dim=(2, 3))

    with pytest.raises(ValueError, match="without declaring that it `needs_gradients`"):
        Careless()(net, images)
