"""Rows with the highest scores, collected batch by batch."""

from __future__ import annotations

import pytest
import torch

from camaug.callbacks._mistakes.top_rows import TopRows


@pytest.fixture(params=["few", "all"])
def make(request, monkeypatch):
    """Return ``TopRows``, as it works on a CPU and as it works on an accelerator."""
    if request.param == "all":
        monkeypatch.setattr(TopRows, "_replace_few", TopRows._replace_all)
    return TopRows


@pytest.mark.parametrize("sizes", [[7, 7, 7], [1] * 20, [30], [2, 9, 1]])
def test_the_kept_rows_are_those_of_one_sorting(make, sizes):
    generator = torch.Generator().manual_seed(len(sizes))
    count = sum(sizes)
    scores = torch.rand(3, count, generator=generator)
    scores[1, scores[1] < 0.7] = -torch.inf  # a list that may stay incomplete
    images = torch.rand(count, 2, 4, generator=generator)
    numbers = torch.arange(count)
    top = make(capacity=5)
    for part in torch.arange(count).split(sizes):
        top.update(scores[:, part], {"images": images[part], "numbers": numbers[part]})
    for number in range(3):
        expected = scores[number].topk(min(5, count))
        known = expected.values > -torch.inf
        order = top.scores[number].argsort(descending=True)[: len(known)][known]
        torch.testing.assert_close(top.scores[number][order], expected.values[known])
        places = number * 5 + order
        assert top.rows["numbers"][places].tolist() == expected.indices[known].tolist()
        torch.testing.assert_close(top.rows["images"][places], images[expected.indices[known]])


def test_kept_rows_are_copies(make):
    images = torch.ones(2, 3)
    top = make(capacity=2)
    top.update(torch.tensor([[1.0, 2.0]]), {"images": images})
    images.zero_()  # as a loader with pinned memory may do
    assert top.rows["images"].tolist() == [[1.0] * 3] * 2


def test_a_capacity_beyond_the_rows_leaves_places_empty(make):
    top = make(capacity=4)
    top.update(torch.tensor([[1.0]]), {"numbers": torch.tensor([3])})
    assert sorted(top.scores[0].tolist())[-2:] == [-torch.inf, 1.0]
