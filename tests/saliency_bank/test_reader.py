from __future__ import annotations

import multiprocessing

import numpy as np
import pytest
import torch

from camaug.saliency_bank.reader import BankReader
from tests.saliency_bank.generations import fill, maps_of, record


def serve(reader: BankReader, indices, maps) -> None:
    for index in iter(indices.get, None):
        saliency = reader(index)
        maps.put(None if saliency is None else saliency.copy())


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & {*torch.multiprocessing.get_all_start_methods()}))
def test_a_process_that_lives_on_sees_the_new_generation(bank, method):
    for offset in (0, 100):
        fill(bank, bank.begin(record(model=str(offset))), offset)
    reader = BankReader(bank.directory)
    assert reader(0) is None
    context = torch.multiprocessing.get_context(method)
    indices, maps = context.SimpleQueue(), context.SimpleQueue()
    process = context.Process(target=serve, args=(reader, indices, maps))
    process.start()
    served = []
    for number in (None, 1, 2):
        reader.serve(number)
        indices.put(3)
        served.append(maps.get())
    indices.put(None)
    process.join()
    assert served[0] is None
    np.testing.assert_array_equal(served[1], maps_of(5)[3])
    np.testing.assert_array_equal(served[2], maps_of(5, offset=100)[3])
    assert multiprocessing.active_children() == []
