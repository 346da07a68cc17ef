from __future__ import annotations

import pytest
import torch

from camaug import Explanation, GradCAM
from camaug.augmentation.explain_in_parts import explain_in_parts, joined


def explanation(targets: list) -> Explanation:
    targets = torch.tensor(targets)
    count = len(targets)
    return Explanation(torch.rand(count, 4, 4), torch.rand(count, 5), targets, ("layer",), (2, 2), "grad-cam")


def test_parts_become_one_explanation():
    parts = [explanation([1, 2, 0]), explanation([4])]
    whole = joined(parts)
    assert torch.equal(whole.maps, torch.cat([part.maps for part in parts]))
    assert torch.equal(whole.logits, torch.cat([part.logits for part in parts]))
    assert whole.targets.tolist() == [1, 2, 0, 4]
    assert (whole.layers, whole.grid, whole.method) == (("layer",), (2, 2), "grad-cam")


def test_targets_of_several_labels_are_padded():
    whole = joined([explanation([[1], [2]]), explanation([[4, 0, 3]]), explanation([2])])
    assert whole.targets.tolist() == [[1, -1, -1], [2, -1, -1], [4, 0, 3], [2, -1, -1]]


def test_a_batch_that_fits_is_explained_at_once(net, images):
    sizes = {}
    whole = explain_in_parts(lambda part: GradCAM()(net, images[part], 1), len(images), sizes, (16,))
    assert torch.equal(whole.maps, GradCAM()(net, images, 1).maps)
    assert sizes == {}


def test_halves_where_memory_is_short(net, images):
    tried, sizes = [], {}

    def explain(part):
        tried.append(len(images[part]))
        if len(images[part]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return GradCAM()(net, images[part], torch.tensor([3, 1, 0, 2])[part])

    for _ in range(2):
        parts = explain_in_parts(explain, len(images), sizes, (16,))
        torch.testing.assert_close(parts.maps, GradCAM()(net, images, torch.tensor([3, 1, 0, 2])).maps)
    assert tried == [4, 2, 2, 2, 2]
    with pytest.raises(RuntimeError, match="another error"):
        explain_in_parts(lambda part: (_ for _ in ()).throw(RuntimeError("another error")), 4, sizes, (16,))
