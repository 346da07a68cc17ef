"""Numbers of validation images in the data of all processes."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset, TensorDataset

from camaug.callbacks._mistakes.image_numbers import ImageNumbers

DATA = TensorDataset(torch.arange(10))


def distributed(rank: int, *, shuffle: bool) -> DataLoader:
    return DataLoader(DATA, 3, sampler=DistributedSampler(DATA, 4, rank, shuffle=shuffle))


@pytest.mark.parametrize("rank", range(4))
def test_numbers_of_a_distributed_loader_are_the_items_it_reads(rank):
    loader = distributed(rank, shuffle=False)
    rule = ImageNumbers.of_loader(loader, rank, 4)
    read = torch.cat([batch for (batch,) in loader]).tolist()
    assert [rule.index(rule.first + rule.stride * place) for place in range(len(read))] == read


def test_numbers_of_a_plain_loader_are_the_items_it_reads():
    rule = ImageNumbers.of_loader(DataLoader(DATA, 4), 0, 1)
    assert rule.are_indices
    assert rule.batch_size == 4
    assert [rule.index(rule.first + rule.stride * place) for place in range(10)] == list(range(10))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(3))


@pytest.mark.parametrize("loader", [
    DataLoader(DATA, 4, shuffle=True),
    distributed(1, shuffle=True),
    DataLoader(Stream(), 2),
    DataLoader(DATA, batch_size=None),
    [1, 2, 3],
], ids=["shuffled", "distributed and shuffled", "stream", "whole batches", "list"])  # fmt: skip
def test_an_unknown_order_has_no_indices(loader):
    rule = ImageNumbers.of_loader(loader, 1, 4)
    assert not rule.are_indices
    assert rule.index(5) is None
    assert (rule.first, rule.stride) == (1, 4)  # so that no two processes share a number
