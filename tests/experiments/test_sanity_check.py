"""Experiment 5 with known results."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from camaug.experiments import ImageBatch, SanityCheckExperiment
from camaug.explainers import Evidence, Explainer
from camaug.inspection.random_weights import layers_to_randomise, randomised
from camaug.metrics import rank_correlation


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    ).eval()  # fmt: skip


@pytest.fixture
def one_batch():
    return [ImageBatch(torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(1)))]


@dataclass(frozen=True)
class Brightness(Explainer):
    """Map that is independent of the network."""

    def saliency(self, evidence: Evidence) -> Tensor:
        return evidence.images.mean(dim=1)


@dataclass(frozen=True)
class FirstLayer(Explainer):
    """Map that depends only on the first layer."""

    def saliency(self, evidence: Evidence) -> Tensor:
        return evidence.model[0](evidence.images)[:, 0]


def test_maps_that_do_not_depend_on_the_network_never_change(net, one_batch):
    report = SanityCheckExperiment([Brightness(), FirstLayer(), "grad-cam"]).run(net, one_batch)
    cascading, independent = (report.table(f"{order} randomisation") for order in ("cascading", "independent"))
    assert cascading.column("random from the head down to") == ["6", "2", "0"]
    assert independent.column("random") == ["6", "2", "0"]
    for table in (cascading, independent):
        assert [cell.value for cell in table.column("Brightness")] == pytest.approx([1, 1, 1])
        head, middle, first = (cell.value for cell in table.column("FirstLayer"))
        assert (head, middle) == pytest.approx((1, 1))
        assert first < 0.9
        assert all(cell.value < 0.99 for cell in table.column("grad-cam"))
    labels, values = report.curves[0].series["FirstLayer"]
    assert labels == [0, 1, 2, 3]
    assert values[0] == 1
    assert report.curves[0].name == "cascading randomisation"


def test_the_values_are_those_of_the_randomised_network(net, one_batch):
    from camaug import GradCAM

    images = one_batch[0].images
    targets = net(images).argmax(dim=1)
    intact = GradCAM()(net, images, targets).maps
    layers = layers_to_randomise(net, images)
    with randomised([layers["2"]], seed=3):
        alone = rank_correlation(intact, GradCAM()(net, images, targets).maps).mean()
    with randomised([layers["6"], layers["2"]], seed=3):
        both = rank_correlation(intact, GradCAM()(net, images, targets).maps).mean()
    report = SanityCheckExperiment(["grad-cam"], seed=3).run(net, one_batch)
    assert report.table("independent randomisation").rows[1][1].value == pytest.approx(float(alone))
    assert report.table("cascading randomisation").rows[1][1].value == pytest.approx(float(both))


def test_the_model_is_left_unchanged(net, one_batch):
    kept = {name: (parameter, parameter.clone()) for name, parameter in net.named_parameters()}
    SanityCheckExperiment(["grad-cam"]).run(net, one_batch)
    for name, parameter in net.named_parameters():
        assert parameter is kept[name][0]
        assert torch.equal(parameter, kept[name][1])


def test_layers_are_chosen_evenly_and_shown(net, one_batch):
    report = SanityCheckExperiment(["grad-cam", Brightness()], layers=2, shown=2).run(net, one_batch)
    assert report.table("cascading randomisation").column("random from the head down to") == ["6", "0"]
    assert "2 of the 3 layers" in report.notes[1]
    names = [image.name for image in report.images]
    assert names == [
        "cascading randomisation of grad-cam", "independent randomisation of grad-cam",
        "cascading randomisation of Brightness", "independent randomisation of Brightness",
    ]  # fmt: skip
    strip = report.images[2].image  # image, intact, two layers; two images
    assert strip.shape[2] >= 4 * 112
    side = 112
    step = (strip.shape[2] - side) // 3
    cells = [strip[:, :side, index * step : index * step + side] for index in range(4)]
    assert torch.equal(cells[1], cells[2])  # the same overlay
    assert not torch.equal(cells[0], cells[1])


def test_an_unsupported_method_is_named(net, one_batch, explainers):
    report = SanityCheckExperiment(["grad-cam", explainers["refusing"]()], layers=2).run(net, one_batch)
    table = report.table("cascading randomisation")
    assert table.columns == ["random from the head down to", "grad-cam"]
    assert any("left out: Refusing" in note for note in table.notes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"layers": 1}, "`layers` must be at least 2"), ({"shown": 0}, "`shown` must be at least 1 image, got 0")],
)
def test_impossible_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        SanityCheckExperiment(**settings)
