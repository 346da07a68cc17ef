"""Experiment 4 with known results."""

from __future__ import annotations

import pytest
import torch

from camaug.datamodules._boxes.boxed_batch import BoxedBatch
from camaug.datamodules._boxes.boxed_view import BoxedView
from camaug.experiments import ImageBatch, PointingGameExperiment

CATEGORIES = ("left thing", "right thing", "never there")
INDICES = ((0, 2), (1,), (2,))  # a left thing is class 0 or 2, of which 0 is the likelier


@pytest.fixture
def boxed(batches):
    """Return four images with an object on the left, on the right, on both sides, and a small one on the right."""
    images = batches[0].images * 3
    left, right, small = (0, 0, 8, 16), (8, 0, 16, 16), (12, 12, 14, 14)
    views = [
        BoxedView("a.jpg", (left,), (0,)),
        BoxedView("b.jpg", (right,), (1,)),
        BoxedView("c.jpg", (left, right), (0, 1)),
        BoxedView("d.jpg", (small,), (1,)),
    ]
    source = BoxedBatch(images, [view.path for view in views], views, CATEGORIES, INDICES)
    return [ImageBatch(images, source=source)]


def method_row(report, name):
    table = report.table("pointing game")
    return dict(zip(table.columns[1:], table.rows[table.column("method").index(name)][1:], strict=True))


def test_the_report_by_hand(two_halves, boxed, explainers):
    """The objects are: a left, b right, c left and right, d small on the right."""
    half = explainers["half"]
    experiment = PointingGameExperiment([half("own"), half("left"), half("right"), half("constant")], tolerance=7)
    report = experiment.run(two_halves, boxed)
    own = method_row(report, "HalfMap side=own")
    # The maximum of a map that is one over its half is its first place, the half's upper left corner: not on d's box.
    assert own["accuracy, %"] == pytest.approx((100 + 200 / 3) / 2)
    assert own["pairs hit, %"].value == pytest.approx(80)
    assert own["energy in boxes, %"].value == pytest.approx(100 * (4 + 4 / 128) / 5)
    assert own["area, mean over pairs, %"] == pytest.approx(100 * (4 * 0.5 + 4 / 256) / 5)
    assert own["area, mean over categories, %"] == pytest.approx(100 * (0.5 + (2 * 0.5 + 4 / 256) / 3) / 2)
    left = method_row(report, "HalfMap")
    assert left["accuracy, %"] == 50
    assert left["pairs hit, %"].value == pytest.approx(40)
    assert left["accuracy within 7 px, %"] == 50  # from the first column to the ninth they are eight apart
    constant = method_row(report, "HalfMap side=constant")
    assert (constant["accuracy, %"], constant["energy in boxes, %"].value, constant["constant maps"]) == (0, 0, 5)
    categories = report.table("accuracy by category")
    assert categories.column("category") == ["left thing", "right thing"]
    assert categories.column("pairs") == [2, 3]
    assert categories.column("HalfMap side=right, %") == pytest.approx([0, 200 / 3])
    assert "Categories with images: 2 of 3." in report.notes


def test_within_the_tolerance(two_halves, boxed, explainers):
    report = PointingGameExperiment([explainers["half"]("left")], tolerance=8).run(two_halves, boxed)
    assert method_row(report, "HalfMap")["accuracy within 8 px, %"] == pytest.approx((100 + 200 / 3) / 2)


def test_the_most_probable_of_several_classes_is_explained(two_halves, boxed, explainers):
    """A dark image is of class 2, whose own map is the left half, too."""
    explained = []

    class RecordClasses(explainers["half"]):
        def saliency(self, evidence):
            explained.extend(evidence.target.classes.tolist())
            return super().saliency(evidence)

    boxed[0].images[0] *= 0.01
    PointingGameExperiment([RecordClasses("left")]).run(two_halves, boxed)
    assert explained == [2, 1, 0, 1, 1]


def test_improbable_pairs_are_left_out_and_counted(two_halves, boxed, explainers):
    with torch.no_grad():
        probabilities = two_halves(boxed[0].images).softmax(dim=1)
    own_classes = [(0, [0, 2]), (1, [1]), (2, [0, 2]), (2, [1]), (3, [1])]
    confidences = sorted(probabilities[image, classes].max() for image, classes in own_classes)
    between = float(confidences[1] + confidences[2]) / 2
    report = PointingGameExperiment([explainers["half"]("own")], minimum_confidence=between).run(two_halves, boxed)
    assert f"Left out: 2 pairs whose class is less probable than {between:.0%}." in report.notes
    assert sum(report.table("accuracy by category").column("pairs")) == 3
    boxed[0].images.mul_(0.01)  # nothing is certain in the dark
    impossible = PointingGameExperiment([explainers["half"]("own")], minimum_confidence=1.0)
    with pytest.raises(ValueError, match=r"no pair of an image and a category .*: 5 pairs are of a class whose"):
        impossible.run(two_halves, boxed)


def test_an_unsupported_method_is_named(two_halves, boxed, explainers):
    report = PointingGameExperiment(["random", explainers["refusing"]()]).run(two_halves, boxed)
    assert report.table("pointing game").column("method") == ["random"]
    assert any(
        "left out: Refusing, which does not support this model" in note for note in report.table("pointing game").notes
    )


def test_unusable_data_are_refused(two_halves, batches, boxed):
    experiment = PointingGameExperiment(["random"])
    with pytest.raises(ValueError, match=r"needs images with boxes, .* give it BoxesDataModule"):
        experiment.run(two_halves, batches)
    source = boxed[0].source
    with pytest.raises(ValueError, match=r"are not mapped to the model's classes: set data.class_indices"):
        experiment.run(two_halves, [boxed[0]._replace(source=source._replace(class_indices=None))])
    with pytest.raises(ValueError, match=r"names the classes \[7\], and the model has 3"):
        experiment.run(two_halves, [boxed[0]._replace(source=source._replace(class_indices=((7,), (1,), (2,))))])
    with pytest.raises(ValueError, match="`tolerance` must be at least 0 pixels"):
        PointingGameExperiment(["random"], tolerance=-1)
