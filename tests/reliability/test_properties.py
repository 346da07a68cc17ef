"""Properties of the maps of any images, network and settings, on examples that hypothesis searches.

Every run tries the same examples; ``make test-slow`` tries many more.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from camaug import GroupCamTransform, get_explainer
from camaug.augmentation.mixed_labels import MixedLabels
from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.functional.masks import binarise, normalise

METHODS = ["grad-cam", "group-cam", "score-cam", "hires-cam", "layer-cam", "eigen-cam", "rise"]
DEFAULT = settings(
    derandomize=True, deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow], database=None
)
MANY = settings(DEFAULT, max_examples=500)


class Degenerate(nn.Module):
    """A layer with degenerate activations of one kind."""

    KINDS = ("normal", "zero", "constant", "negative", "infinite", "not a number", "huge", "one channel infinite")

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "infinite":
            return torch.where(x > x.mean(), float("inf"), x)
        if self.kind == "one channel infinite":
            return torch.cat([x[:, :1] + float("inf"), x[:, 1:]], dim=1)
        outputs = {"zero": 0 * x, "constant": 0 * x + 1, "negative": -x.abs() - 1, "not a number": x * float("nan")}
        return outputs.get(self.kind, x * 1e30 if self.kind == "huge" else x)


def network(channels: int, kind: str, symmetric: bool = False) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), Degenerate(kind),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip
    if symmetric:
        with torch.no_grad():
            for part in (model[0], model[2]):
                part.weight.add_(part.weight.flip(-1).clone()).div_(2)
    return model.eval()


def explainer(name: str, groups: int, chunk_size: int | None):
    settings_of = {
        "group-cam": {"groups": groups, "chunk_size": chunk_size, "blur_kernel_size": 3, "blur_sigma": 2.0},
        "score-cam": {"chunk_size": chunk_size},
        "rise": {"masks": 4, "chunk_size": chunk_size},
    }
    return get_explainer(name, **settings_of.get(name, {}))


FORMATS = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "a view of every second pixel": lambda x: x.repeat_interleave(2, dim=-1)[..., ::2],
    "transposed": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "one image, expanded": lambda x: x[:1].expand_as(x),
}
cases = st.fixed_dictionaries(
    {
        "name": st.sampled_from(METHODS),
        "count": st.integers(1, 4),
        "channels": st.sampled_from([1, 3, 5]),
        "size": st.tuples(st.integers(2, 24), st.integers(2, 24)),
        "dtype": st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
        "layout": st.sampled_from(sorted(FORMATS)),
        "groups": st.integers(1, 8),
        "kind": st.sampled_from(Degenerate.KINDS),
        "scale": st.sampled_from([0.0, 1.0, -3.0, 1e4]),
    }
)


def images(case: dict) -> Tensor:
    generator = torch.Generator().manual_seed(case["count"] + 10 * case["channels"])
    batch = torch.rand(case["count"], case["channels"], *case["size"], generator=generator) * case["scale"]
    return FORMATS[case["layout"]](batch.to(case["dtype"]))


def check_maps_are_valid(case: dict) -> None:
    """Check shape, type and range, and that the images are unchanged."""
    batch = images(case)
    before = batch.clone()
    model = network(case["channels"], case["kind"]).to(case["dtype"])
    explanation = explainer(case["name"], case["groups"], None)(model, batch)
    assert explanation.maps.shape == (case["count"], *case["size"])
    assert explanation.maps.dtype == torch.float32
    assert explanation.maps.isfinite().all()
    assert explanation.maps.min() >= 0
    assert explanation.maps.max() <= 1
    assert torch.equal(batch, before)


def check_order_and_chunks_do_not_matter(case: dict, chunk_size: int) -> None:
    """Compare in double precision, in which the order of a sum matters less than the tolerance."""
    case = {**case, "dtype": torch.float64, "kind": "normal", "scale": 1.0}
    batch, model = images(case), network(case["channels"], "normal").double()
    targets = torch.arange(case["count"]) % 3
    whole = explainer(case["name"], case["groups"], None)(model, batch, targets).maps
    reversed_maps = explainer(case["name"], case["groups"], chunk_size)(model, batch.flip(0), targets.flip(0)).maps
    torch.testing.assert_close(reversed_maps.flip(0), whole, atol=1e-5, rtol=0)


def check_a_flip_flips_the_map(case: dict) -> None:
    """Compare on a mirror-symmetric network, without RISE, whose random masks are not symmetric."""
    if case["name"] == "rise":
        case = {**case, "name": "group-cam"}
    case = {**case, "dtype": torch.float64, "kind": "normal", "scale": 1.0}
    batch, model = images(case), network(case["channels"], "normal", symmetric=True).double()
    method = explainer(case["name"], case["groups"], None)
    plain, flipped = (method(model, each, 1).maps for each in (batch, batch.flip(-1)))
    torch.testing.assert_close(flipped.flip(-1), plain, atol=1e-5, rtol=0)


def check_augmented_images_are_finite_copies(case: dict, recipe: str) -> None:
    batch = images({**case, "scale": 1.0})
    before = batch.clone()
    model = network(case["channels"], case["kind"]).to(case["dtype"])
    labels = torch.arange(case["count"]) % 3
    transform = GroupCamTransform(
        model,
        explainer("group-cam", case["groups"], None),
        recipe=recipe,
        blur_kernel_size=3,
        blur_sigma=2.0,
        fast=False,
        images=0,  # five channels and three columns look like three channels that come last
        labels=1,
    )
    augmented, new_labels = transform(batch, labels)
    assert torch.equal(batch, before)
    assert augmented.dtype == batch.dtype
    factor = 2 if as_recipe(recipe).adds_masked_views else 1
    assert len(augmented) == len(new_labels) == case["count"] * factor
    assert augmented.isfinite().all()
    if isinstance(new_labels, MixedLabels):
        assert (new_labels.label_mix.own >= 0).all()
        assert (new_labels.label_mix.other <= 1).all()


values = st.sampled_from([0.0, 1.0, -1.0, 1e-38, 3e38, float("inf"), -float("inf"), float("nan"), 0.5])


def check_normalised_maps_are_valid(height: int, width: int, numbers: list[float]) -> None:
    raw = torch.tensor((numbers * (height * width))[: height * width]).view(1, height, width)
    normalised = normalise(raw)
    assert normalised.isfinite().all()
    assert 0 <= normalised.min() <= normalised.max() <= 1
    assert binarise(normalised).shape == raw.shape


recipes = st.sampled_from(list_recipes())
PROPERTIES = {
    "maps are valid": given(cases)(check_maps_are_valid),
    "order and chunks do not matter": given(cases, st.integers(1, 5))(check_order_and_chunks_do_not_matter),
    "a flip flips the map": given(cases)(check_a_flip_flips_the_map),
    "augmented images are finite copies": given(cases, recipes)(check_augmented_images_are_finite_copies),
    "normalised maps are valid": given(st.integers(1, 5), st.integers(1, 5), st.lists(values, min_size=1))(
        check_normalised_maps_are_valid
    ),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_property(name):
    DEFAULT(PROPERTIES[name])()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", PROPERTIES)
def test_property_on_many_examples(name):
    MANY(PROPERTIES[name])()
