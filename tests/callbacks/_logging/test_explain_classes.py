"""Several classes of each image are explained together, in chunks."""

from __future__ import annotations

import torch

from camaug import GradCAM
from camaug.callbacks._logging.explain_classes import explain_classes
from tests.toys import Blobs, DropoutNet

CLASSES = [[2, 0], [], [1], [0, 1, 2], [], [2]]


def test_every_map_is_the_explainers_own_map_of_its_class():
    model, images = DropoutNet().eval(), Blobs(6).images
    sizes = []

    def explain(chunk, targets):
        sizes.append(tuple(targets.shape))
        return GradCAM()(model, chunk, targets)

    maps = explain_classes(explain, images, CLASSES)
    assert [list(each) for each in maps] == CLASSES
    assert sizes == [(2, 3), (2, 3)]  # no more maps together than images
    for position, classes in enumerate(CLASSES):
        for each in classes:
            expected = GradCAM()(model, images[position : position + 1], each).maps[0]
            assert torch.allclose(maps[position][each], expected, atol=1e-5)


def test_no_class_needs_no_explanation():
    assert explain_classes(None, torch.rand(2, 3, 8, 8), [[], []]) == [{}, {}]


def test_a_chunk_that_does_not_fit_into_memory_is_halved():
    model, images = DropoutNet().eval(), Blobs(6).images
    sizes = []

    def explain(chunk, targets):
        sizes.append(len(chunk))
        if len(chunk) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return GradCAM()(model, chunk, targets)

    maps = explain_classes(explain, images, CLASSES)
    assert sizes == [2, 1, 1, 1, 1]
    assert [list(each) for each in maps] == CLASSES
