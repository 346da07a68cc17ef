from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from camaug.explainers import GradCAM, Target
from camaug.explainers.target import make_target, pick_logits

ROWS = torch.tensor([[0.0, 2.0, 1.0], [1.0, 1.0, 1.0], [-1.0, 0.0, 3.0]])
SCORED = ("group-cam", "rise", "noise-smooth", "aug-smooth")


def test_a_class_and_the_function_of_its_logit_have_the_same_map(explainer, net, images):
    if explainer.name == "cam":
        return
    if explainer.name == "finer-cam":
        with pytest.raises(ValueError, match="finer-cam explains a class"):
            explainer(net, images, lambda logits: logits[:, 2])
        return
    if explainer.name == "verified-cam":  # the queries choose by the probability, or by the function's value
        explainer = replace(explainer, smoothing=(0.1,))
    by_class = explainer(net, images, 2)
    by_function = explainer(net, images, lambda logits: logits[:, 2])
    assert torch.equal(by_function.targets, net(images).argmax(dim=1))
    if (explainer.name in SCORED and "Group" in repr(explainer)) or explainer.name == "rise":
        probability = explainer(net, images, lambda logits: logits.softmax(dim=1)[:, 2])
        if explainer.name == "rise":
            torch.testing.assert_close(probability.maps, by_class.maps, rtol=1e-4, atol=1e-5)
        return
    torch.testing.assert_close(by_function.maps, by_class.maps, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrong", [lambda logits: logits, lambda logits: 3, lambda logits: logits.sum()])
def test_functions_without_one_score_per_image_are_refused(net, images, wrong):
    with pytest.raises(ValueError, match=r"must turn logits \(4, 5\) into one score an image, \(4,\), got"):
        GradCAM()(net, images, wrong)


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ("dog", TypeError, r"`targets` must be class indices, .*, a function of the logits or None, got 'dog' \(str\)"),
        ([[0, 1], [2]], TypeError, r"`targets` must be class indices, .* got \[\[0, 1\], \[2\]\] \(list\)"),
        ({"a": 0}, TypeError, "`targets` must be class indices, .* got .*dict"),
        (2.5, ValueError, r"`targets` must be class indices, .* got torch.float32 of shape \(\)"),
        (torch.rand(4), ValueError, r"`targets` must be class indices, .* got torch.float32 of shape \(4,\)"),
        (torch.zeros(3, dtype=torch.int64), ValueError, "one class or row for each of the 4 images, got 3"),
        (5, ValueError, r"`targets` must be between 0 and 4, the model's last class, got \[5\]"),
        (-1, ValueError, r"`targets` must be between 0 and 4, the model's last class, got \[-1\]"),
    ],
)
def test_what_is_no_target_is_refused(net, images, targets, error, message):
    with pytest.raises(error, match=message):
        GradCAM()(net, images, targets)


@pytest.mark.parametrize(
    ("model", "forward", "message"),
    [
        ("resnet18", None, r"`model` must be a Module, got 'resnet18' \(str\)"),
        (None, None, "`model` must be a Module, got None"),
        (torch.nn.Linear, None, "`model` must be a Module, got the class Linear"),
        (torch.nn.ReLU(), 3, r"`forward` must be a function or None, got 3 \(int\)"),
    ],
)
def test_what_is_no_model_or_forward_is_refused(images, model, forward, message):
    with pytest.raises(TypeError, match=message):
        GradCAM()(model, images, forward=forward)


def test_scores_and_confidences_of_one_class_and_of_several_labels():
    one = make_target(torch.tensor([1, 0, 2]), ROWS)
    assert one.score(ROWS).tolist() == [2, 1, 3]
    expected = [math.exp(2) / (1 + math.exp(2) + math.e), 1 / 3, math.exp(3) / (math.exp(-1) + 1 + math.exp(3))]
    assert one.confidence(ROWS).tolist() == pytest.approx(expected)

    several = make_target(torch.tensor([[1, 2], [0, -1], [2, 0]]), ROWS)
    assert several.multilabel
    assert several.score(ROWS).tolist() == [[2, 1], [1, 1], [3, -1]]
    sigmoid = [[1 / (1 + math.exp(-z)) for z in row] for row in ([2, 1], [1, 1], [3, -1])]
    torch.testing.assert_close(several.confidence(ROWS), torch.tensor(sigmoid))
    owner = torch.tensor([2, 2, 0])
    assert several.score(ROWS, owner).tolist() == [[1, 0], [1, 1], [0, 3]]
    assert several.column(1).score(ROWS, owner).tolist() == [0, 1, 3]
    torch.testing.assert_close(several.column(0).confidence(ROWS), torch.tensor(sigmoid)[:, 0])


def test_a_column_of_a_function_of_several_targets():
    classes = torch.tensor([[1, 2], [0, -1], [2, 0]])
    target = Target(classes, lambda logits, owner: 2 * pick_logits(logits, classes[owner]))
    assert target.score(ROWS).tolist() == [[4, 2], [2, 2], [6, -2]]
    assert target.column(1).score(ROWS).tolist() == [2, 2, -2]
