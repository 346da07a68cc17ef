from __future__ import annotations

import pytest
import torch

from camaug.explainers import GradCAM

SCORED = ("group-cam", "rise", "noise-smooth", "aug-smooth")


def test_a_class_and_the_function_of_its_logit_have_the_same_map(explainer, net, images):
    if explainer.name == "cam":
        return
    if explainer.name == "finer-cam":
        with pytest.raises(ValueError, match="finer-cam explains a class"):
            explainer(net, images, lambda logits: logits[:, 2])
        return
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
