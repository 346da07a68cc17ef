from __future__ import annotations

import urllib.error
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from camaug.training.create_classifier import create_classifier
from camaug.training.head_modules import head_modules
from tests.training.small_models import copy_of, logits, resnet


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prevent both libraries from downloading weights, and from finding them in a cache."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network in this test")

    # huggingface_hub reads HF_HUB_OFFLINE when it is imported, which has happened long before.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.urlopen", refuse)


# Names


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("resnet18", "timm"),  # both know it
        ("timm/resnet18", "timm"),
        ("torchvision/resnet18", "torchvision"),
        ("test_resnet", "timm"),  # timm alone
        ("test_resnet.r160_in1k", "timm"),  # with the tag of its weights
        ("squeezenet1_1", "torchvision"),  # torchvision alone
        ("torchvision/squeezenet1_1", "torchvision"),
    ],
)
def test_a_name_finds_its_library(name: str, library: str, images: Tensor) -> None:
    model = create_classifier(name, 3)
    assert type(model).__module__.partition(".")[0] == library
    assert logits(model, images).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("resnet5O", "resnet50"),
        ("sqeezenet1_1", "squeezenet1_1"),  # a torchvision name is proposed too
        ("torchvision/resnet5O", "resnet50"),
        ("timm/test_resnett", "test_resnet"),
        ("timm/squeezenet1_1", "squeezenet1_1"),  # of the other library
    ],
)
def test_an_unknown_name_gives_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=rf"unknown model .*did you mean .*'{nearest}'"):
        create_classifier(name, 3)


def test_a_name_unlike_all_others_is_refused_without_suggestion() -> None:
    with pytest.raises(ValueError, match=r"unknown model .*, expected a name of timm.list_models"):
        create_classifier("%%%%", 3)


def test_model_args_reach_the_constructor() -> None:
    dropouts = [
        m.p
        for m in create_classifier("squeezenet1_1", 3, model_args={"dropout": 0.25}).modules()
        if isinstance(m, nn.Dropout)
    ]
    assert dropouts == [0.25]
    assert create_classifier("test_resnet", 3, model_args={"drop_rate": 0.125}).drop_rate == 0.125


# Pretrained weights


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["test_resnet", "torchvision/squeezenet1_1"])
def test_without_a_network_the_error_has_a_remedy(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"could not be downloaded.*checkpoint: FILE.*pretrained: false"):
        create_classifier(name, 3, pretrained=True)


def test_another_error_of_a_pretrained_model_is_not_called_a_download() -> None:
    with pytest.raises(TypeError, match="no_such_argument"):
        create_classifier("torchvision/squeezenet1_1", 3, pretrained=True, model_args={"no_such_argument": 1})


def test_pretrained_and_checkpoint_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`pretrained: true` and `checkpoint`.*give one"):
        create_classifier("test_resnet", 3, pretrained=True, checkpoint=tmp_path / "weights.pth")


@pytest.mark.parametrize("name", ["squeezenet1_1", "torchvision/resnet18"])
def test_a_pretrained_torchvision_model_gets_a_fresh_head(
    name: str, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = copy_of(torchvision.models.get_model(name.removeprefix("torchvision/"), weights=None))
    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", lambda *_, **__: published)
    model = create_classifier(name, 3, pretrained=True)
    (head,) = head_modules(model)
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, published[key]) != key.startswith(head), key
    assert logits(model, images).shape == (2, 3)
    whole = create_classifier(name, 1000, pretrained=True)
    assert torch.equal(whole.state_dict()[f"{head}.weight"], published[f"{head}.weight"])


def test_a_pretrained_timm_model_gets_a_fresh_head(tmp_path: Path, images: Tensor) -> None:
    published = copy_of(resnet(1000))
    save_file(published, tmp_path / "weights.safetensors")
    overlay = {"pretrained_cfg_overlay": {"file": str(tmp_path / "weights.safetensors")}}
    model = create_classifier("test_resnet", 3, pretrained=True, model_args=overlay)
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, published[key]) != key.startswith("fc"), key
    assert logits(model, images).shape == (2, 3)


# Auxiliary heads


@pytest.mark.parametrize("name", ["torchvision/googlenet", "torchvision/inception_v3"])
def test_auxiliary_heads_are_cut_so_that_training_gives_plain_logits(name: str) -> None:
    model = create_classifier(name, 4, model_args={"init_weights": False}).train()
    given = model(torch.randn(2, 3, 80, 80))
    assert isinstance(given, Tensor)
    assert given.shape == (2, 4)
    assert not any("aux" in key.lower() for key in model.state_dict())
