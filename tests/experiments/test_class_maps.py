"""Experiment 6."""

from __future__ import annotations

import pytest
import torch

from camaug.experiments import ClassMapsExperiment
from camaug.experiments.class_separation import class_correlation, confidence_through


def test_a_class_blind_map_correlates_fully_and_the_class_s_own_does_not(two_halves, batches, explainers):
    half = explainers["half"]
    experiment = ClassMapsExperiment(["random", half("left"), half("own")], classes=[0, 1], shown=3)
    report = experiment.run(two_halves, batches)
    table = report.table("class maps")
    random, blind, own = table.column("correlation")
    assert random.value == blind.value == 1
    assert own.value == pytest.approx(-1)
    through_own, through_other = table.column("own map, %"), table.column("other map, %")
    assert through_own[0].value == pytest.approx(through_other[0].value)
    assert through_own[2].low > through_other[2].high
    assert table.column("images") == [6, 6, 6]
    assert [picture.name for picture in report.images] == [
        f"class maps of {name}" for name in ("random", "HalfMap", "HalfMap side=own")
    ]


def test_the_picture_has_a_row_an_image_and_a_heat_a_class(two_halves, batches, explainers):
    experiment = ClassMapsExperiment([explainers["half"]("own")], classes=[0, 1], shown=3)
    pictures = [torch.full((len(batch.images), 3, 16, 16), 0.5) for batch in batches]
    grey = [batch._replace(display_images=each) for batch, each in zip(batches, pictures, strict=True)]
    picture = experiment.run(two_halves, grey).images[0].image
    width, gap = 224, 4
    assert picture.shape[2] == 3 * width + 2 * gap
    height = (picture.shape[1] - 2 * gap) // 3
    assert picture.shape[1] == 3 * height + 2 * gap
    assert height > 224
    for row in range(3):
        first = picture[:, row * (height + gap) :, :]
        assert torch.allclose(first[:, 100, 20], torch.full((3,), 0.5), atol=0.01)  # the image
        left, right = first[:, 100, width + gap :], first[:, 100, 2 * (width + gap) :]
        assert left[0, 20] > left[2, 20]  # hot, and so red, on the left for class 0
        assert left[0, 200] < left[2, 200]
        assert right[0, 20] < right[2, 20]
        assert right[0, 200] > right[2, 200]


def test_nothing_is_drawn_where_no_picture_is_asked_for(two_halves, batches):
    assert not ClassMapsExperiment(["random"], shown=0).run(two_halves, batches).images


def test_classes_by_number_are_each_image_s_likeliest_and_by_name_the_same_for_all(two_halves, batches):
    named = [batch._replace(class_names=["left, port", "right", "none"]) for batch in batches]
    by_name = ClassMapsExperiment(["random"], classes=["port", "right"]).run(two_halves, named).tables[0]
    by_index = ClassMapsExperiment(["random"], classes=[0, 1]).run(two_halves, batches).tables[0]
    assert by_name.rows == by_index.rows
    likeliest = ClassMapsExperiment(["random"], classes=2).run(two_halves, batches).tables[0]
    with torch.no_grad():
        whole = torch.cat([two_halves(batch.images).softmax(dim=1).topk(2).values.mean(dim=1) for batch in batches])
    assert likeliest.column("confidence, %")[0].value == pytest.approx(float(whole.mean()) * 100, abs=1e-3)


def test_correlation_is_the_mean_of_all_pairs():
    one = torch.rand(2, 4, 4)
    maps = torch.stack([one, one, 1 - one], dim=1)  # pairs: 1, -1, -1
    assert class_correlation(maps).tolist() == pytest.approx([-1 / 3, -1 / 3])


def test_confidence_through_a_map_of_ones_is_that_of_the_image(two_halves, batches):
    images, classes = batches[0].images, torch.tensor([[0, 1]] * 4)
    maps = torch.stack([torch.ones(4, 16, 16), torch.zeros(4, 16, 16)], dim=1)
    through = confidence_through(two_halves, images, maps, classes)
    with torch.no_grad():
        whole = two_halves(images).softmax(dim=1)[:, :2]
    assert torch.allclose(through[:, :, 0], whole)
    assert not torch.allclose(through[:, :, 1], whole, atol=0.01)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (1, "`classes` must be at least 2 of an image"),
        (["left"], "`classes` must be at least 2"),
        (4, "`classes` must be at most the model's 3, got 4"),
        ([0, 3], r"`classes` must be different ones of the model's 3, got \[0, 3\]"),
        ([0, 0], "must be different ones"),
        (["left", "right"], "the names of the model's classes are not known"),
    ],
)
def test_classes_that_are_not_there_are_said(two_halves, batches, classes, message):
    with pytest.raises(ValueError, match=message):
        ClassMapsExperiment(["random"], classes=classes).run(two_halves, batches)


def test_a_negative_number_of_pictures_is_refused():
    with pytest.raises(ValueError, match="`shown` must be at least 0 images, got -1"):
        ClassMapsExperiment(shown=-1)
