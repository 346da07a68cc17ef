"""Explanation of the chosen validation images."""

from __future__ import annotations

import pytest
import torch

from camaug import GradCAM
from camaug.callbacks._mistakes.choose_images import ChosenImage
from camaug.callbacks._mistakes.chosen_images import ChosenImages
from camaug.callbacks._mistakes.explained_mistakes import explain_mistakes
from camaug.functional.rank_correlation import rank_correlation
from tests.toys import TinyNet

CPU = torch.device("cpu")


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TinyNet().eval()


def make_chosen(model, count=20, targets=None) -> ChosenImages:
    images = torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model(images)
    return ChosenImages(
        images=images,
        logits=logits,
        targets=logits.argmin(dim=1) if targets is None else targets,
        choices=[ChosenImage(number, (0, number)) for number in range(count)],
        indices=list(range(count)),
        count=count,
        wrong=count,
        forgotten=None,
        confusion=None,
        step=3,
    )


def explain(model, chosen, masks=None):
    explainer = GradCAM()
    return explain_mistakes(chosen, lambda images, targets: explainer(model, images, targets), model, CPU, masks)


def test_maps_are_those_of_the_two_most_probable_classes_and_of_the_label(model):
    chosen = make_chosen(model)
    explained = explain(model, chosen)
    assert explained.classes[:, :2].tolist() == chosen.logits.topk(2).indices.tolist()
    assert explained.classes[:, 2].tolist() == chosen.targets.tolist()
    for column in range(3):
        maps = GradCAM()(model, chosen.images, explained.classes[:, column]).maps
        torch.testing.assert_close(explained.maps[:, column], maps, atol=1e-5, rtol=0)
    torch.testing.assert_close(explained.similarity, rank_correlation(explained.maps[:, 0], explained.maps[:, 1]))


def test_a_label_among_the_two_classes_has_no_third_map(model):
    chosen = make_chosen(model)
    of_second = make_chosen(model, targets=chosen.logits.topk(2).indices[:, 1])
    explained = explain(model, of_second)
    assert explained.classes[:, 2].tolist() == [-1] * 20
    assert not explained.maps[:, 2].any()


def test_energy_inside_the_masks_by_hand(model):
    chosen = make_chosen(model, count=3)
    left = torch.zeros(16, 16, dtype=torch.bool)
    left[:, :8] = True
    explained = explain(model, chosen, [left, torch.zeros_like(left), None])
    first = explained.maps[0, 0]
    assert explained.object_energy[0] == pytest.approx(float(first[:, :8].sum() / first.sum()), abs=1e-6)
    assert explained.object_area[0] == 0.5
    assert explained.object_energy[1:].isnan().all()
    assert explained.object_area[1:].isnan().all()


def test_integer_images_are_explained_as_floats(model):
    chosen = make_chosen(model, count=2)
    integers = (chosen.images * 255).to(torch.uint8)
    as_integers = explain(model, ChosenImages(**{**vars(chosen), "images": integers}))
    maps = GradCAM()(model, integers.float(), as_integers.classes[:, 0]).maps
    torch.testing.assert_close(as_integers.maps[:, 0], maps, atol=1e-5, rtol=0)
