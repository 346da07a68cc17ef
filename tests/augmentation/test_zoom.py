from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from camaug import get_explainer
from camaug.augmentation.zoom import Zoom
from camaug.augmentation.zoom_price import describe_zoom
from camaug.functional.mean_logits import mean_logits
from tests.toys import DictOutput, OtherOutput, Restless, TinyNet

BRIGHT = (slice(None), slice(None), slice(0, 4), slice(0, 4))


class Brightness(nn.Module):
    """A classifier whose logit of class 1 is ten times the mean brightness, and whose map is the brightness."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.features.weight, 1 / 3)

    def forward(self, images: Tensor) -> Tensor:
        bright = self.features(images).mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(bright), 10 * bright], dim=1)


def corner_image() -> Tensor:
    """Return an image of 16 × 16 whose first 4 × 4 pixels are bright."""
    images = torch.zeros(1, 3, 16, 16)
    images[BRIGHT] = 1
    return images


@pytest.fixture
def tiny() -> nn.Module:
    torch.manual_seed(0)
    return TinyNet().eval()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_the_crop_around_the_bright_corner_changes_the_prediction_by_hand() -> None:
    # The image is bright in 1/16 of its area, the crop of half of each side in 1/4.
    logits = Zoom(padding=0)(Brightness(), corner_image())
    expected = (torch.tensor([[0, 10 / 16]]).softmax(1) + torch.tensor([[0, 10 / 4]]).softmax(1)) / 2
    torch.testing.assert_close(logits.softmax(1), expected, atol=0.02, rtol=0)  # the crop's border is interpolated


@pytest.mark.parametrize(
    ("view", "box"), [("salient", [0, 0, 8, 8]), ("centre", [4, 4, 8, 8]), ("random", [3.97, 6.15, 8, 8])]
)
def test_controls_have_the_size_of_the_salient_crop(view: Any, box: list[float]) -> None:
    maps = torch.zeros(1, 16, 16)
    maps[0, :4, :4] = 1
    torch.testing.assert_close(
        Zoom(view, padding=0).boxes(maps), torch.tensor([box], dtype=torch.float32), atol=0.01, rtol=0
    )


def test_random_crops_are_the_same_in_every_call_and_draw_no_number(tiny: nn.Module, images: Tensor) -> None:
    before = torch.get_rng_state()
    first, second = (Zoom("random")(tiny, images) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


def test_flip_averages_the_predictions_of_both_sides(tiny: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        expected = mean_logits(tiny(images), tiny(images.flip(-1)))
    torch.testing.assert_close(Zoom("flip")(tiny, images), expected)


def test_an_empty_map_predicts_the_image_alone(tiny: nn.Module, images: Tensor) -> None:
    logits = Brightness()(torch.zeros_like(images))
    torch.testing.assert_close(Zoom()(Brightness(), torch.zeros_like(images)).softmax(1), logits.softmax(1))


@pytest.mark.parametrize("explainer", ["grad-cam", "group-cam", "gradient"])
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_any_explainer_in_any_gradient_mode(tiny: nn.Module, images: Tensor, explainer: str, mode: Any) -> None:
    with mode():
        logits = Zoom(explainer=get_explainer(explainer))(tiny, images)
    assert not logits.requires_grad
    torch.testing.assert_close(logits.softmax(1).sum(1), torch.ones(3))


class Row(NamedTuple):
    logits: Tensor
    features: Tensor


@dataclass
class Record:
    logits: Tensor
    count: int


@pytest.mark.parametrize(
    "wrap",
    [
        DictOutput,
        lambda net: OtherOutput(net, lambda logits: Row(logits, logits.square())),
        lambda net: OtherOutput(net, lambda logits: Record(logits, len(logits))),
    ],
    ids=["dict", "named tuple", "data class"],
)
def test_logits_inside_a_container_are_replaced_there(tiny: nn.Module, images: Tensor, wrap: Any) -> None:
    model, expected = wrap(tiny), Zoom()(tiny, images)
    output, plain = Zoom()(model, images), model(images)
    assert type(output) is type(plain)
    torch.testing.assert_close(output["logits"] if isinstance(output, dict) else output.logits, expected)
    if isinstance(output, Row):
        torch.testing.assert_close(output.features, plain.features)
        assert not output.features.requires_grad


@pytest.mark.parametrize("squeezed", [True, False])
def test_one_logit_for_each_image_is_averaged_as_a_sigmoid(tiny: nn.Module, images: Tensor, squeezed: bool) -> None:
    one = OtherOutput(tiny, lambda logits: logits[:, 0] if squeezed else logits[:, :1]).eval()
    with torch.no_grad():
        expected = (one(images).sigmoid() + one(images.flip(-1)).sigmoid()) / 2
    torch.testing.assert_close(Zoom("flip")(one, images).sigmoid(), expected)
    assert Zoom()(one, images).shape == expected.shape


def test_several_labels_are_averaged_as_sigmoids(tiny: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        expected = (tiny(images).sigmoid() + tiny(images.flip(-1)).sigmoid()) / 2
    torch.testing.assert_close(Zoom("flip", multi_label=True)(tiny, images).sigmoid(), expected)


def test_integer_images_reach_a_model_that_normalises_them(tiny: nn.Module, images: Tensor) -> None:
    dtypes: list[torch.dtype] = []

    def forward(pixels: Tensor) -> Tensor:
        dtypes.append(pixels.dtype)
        return tiny(pixels.float() / 255)

    assert Zoom()(tiny, (255 * images).byte(), forward=forward).shape == (3, 5)
    assert set(dtypes) == {torch.uint8}


def test_the_model_is_left_as_it_was(images: Tensor) -> None:
    model = nn.Sequential(TinyNet(), nn.BatchNorm1d(5)).eval()
    before = copy.deepcopy(model.state_dict())
    describe_zoom(Zoom(), model, images)
    Zoom()(model, images)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or "forward" in vars(module) for module in model.modules())


@pytest.mark.parametrize("view", ["salient", "flip"])
def test_random_numbers_are_drawn_as_by_one_forward_pass(images: Tensor, view: Any) -> None:
    model = nn.Sequential(Restless(), TinyNet()).eval()
    states = []
    for predict in (model, lambda batch: Zoom(view)(model, batch)):
        torch.manual_seed(0)
        predict(images)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("view", ["salient", "centre", "flip"])
def test_the_price_says_what_is_averaged(tiny: nn.Module, images: Tensor, view: Any) -> None:
    sentence = describe_zoom(Zoom(view), tiny, images)
    assert "times a forward pass (two forward passes" in sentence
    assert ("mirrored" in sentence) == (view == "flip")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"view": "zoom"}, "`view` must be 'salient', 'random', 'centre' or 'flip'"),
        ({"threshold": 0}, r"`threshold` must be in \(0, 1\]"),
        ({"min_side": 1.5}, r"`min_side` must be in \(0, 1\]"),
        ({"padding": -1}, "`padding` must be between 0 and 1"),
    ],
)
def test_wrong_settings_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Zoom(**settings)


def test_a_model_that_outputs_probabilities_is_refused(tiny: nn.Module, images: Tensor) -> None:
    with pytest.raises(ValueError, match="outputs probabilities: return its logits"):
        describe_zoom(Zoom(), OtherOutput(tiny, lambda logits: logits.softmax(1)).eval(), images)
