"""Experiment 6: maps of several classes of one image."""

from __future__ import annotations

import pytest
import torch

from camaug.experiments import ClassMapsExperiment


def test_a_class_independent_map_correlates_fully_and_the_class_s_own_does_not(two_halves, batches, explainers):
    half = explainers["half"]
    experiment = ClassMapsExperiment(["random", half("left"), half("own")], classes=[0, 1], shown=3)
    report = experiment.run(two_halves, batches)
    table = report.table("class maps")
    random, independent, own = table.column("correlation")
    assert random.value == independent.value == 1
    assert own.value == pytest.approx(-1)
    through_own, through_other = table.column("own map, %"), table.column("other map, %")
    assert through_own[0].value == pytest.approx(through_other[0].value)
    assert through_own[2].low > through_other[2].high
    assert table.column("images") == [6, 6, 6]
    assert [image.name for image in report.images] == [
        f"class maps of {name}" for name in ("random", "HalfMap", "HalfMap side=own")
    ]


def test_the_image_has_a_row_per_image_and_an_overlay_per_class(two_halves, batches, explainers):
    experiment = ClassMapsExperiment([explainers["half"]("own")], classes=[0, 1], shown=3)
    display_images = [torch.full((len(batch.images), 3, 16, 16), 0.5) for batch in batches]
    grey = [batch._replace(display_images=each) for batch, each in zip(batches, display_images, strict=True)]
    image = experiment.run(two_halves, grey).images[0].image
    width, gap = 224, 4
    assert image.shape[2] == 3 * width + 2 * gap
    height = (image.shape[1] - 2 * gap) // 3
    assert image.shape[1] == 3 * height + 2 * gap
    assert height > 224
    for row in range(3):
        first = image[:, row * (height + gap) :, :]
        assert torch.allclose(first[:, 100, 20], torch.full((3,), 0.5), atol=0.01)  # the image
        left, right = first[:, 100, width + gap :], first[:, 100, 2 * (width + gap) :]
        assert left[0, 20] > left[2, 20]  # hot, and so red, on the left for class 0
        assert left[0, 200] < left[2, 200]
        assert right[0, 20] < right[2, 20]
        assert right[0, 200] > right[2, 200]


def test_no_image_is_drawn_if_none_is_shown(two_halves, batches):
    assert not ClassMapsExperiment(["random"], shown=0).run(two_halves, batches).images


def test_classes_by_number_are_the_most_probable_of_each_image(two_halves, batches):
    named = [batch._replace(class_names=["left, port", "right", "none"]) for batch in batches]
    by_name = ClassMapsExperiment(["random"], classes=["port", "right"]).run(two_halves, named).tables[0]
    by_index = ClassMapsExperiment(["random"], classes=[0, 1]).run(two_halves, batches).tables[0]
    assert by_name.rows == by_index.rows
    most_probable = ClassMapsExperiment(["random"], classes=2).run(two_halves, batches).tables[0]
    with torch.no_grad():
        whole = torch.cat([two_halves(batch.images).softmax(dim=1).topk(2).values.mean(dim=1) for batch in batches])
    assert most_probable.column("confidence, %")[0].value == pytest.approx(float(whole.mean()) * 100, abs=1e-3)


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
def test_impossible_classes_are_refused(two_halves, batches, classes, message):
    with pytest.raises(ValueError, match=message):
        ClassMapsExperiment(["random"], classes=classes).run(two_halves, batches)


def test_a_negative_number_of_images_is_refused():
    with pytest.raises(ValueError, match="`shown` must be at least 0 images, got -1"):
        ClassMapsExperiment(shown=-1)
