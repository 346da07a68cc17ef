from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.inspection.restored_buffers import restored_buffers
from tests.operation_counter import OperationCounter


def with_buffers(**buffers: torch.Tensor) -> nn.Module:
    module = nn.Module()
    for name, buffer in buffers.items():
        module.register_buffer(name, buffer)
    return module


BUFFERS = {
    "float": lambda: torch.arange(6.0).view(2, 3),
    "another float": lambda: torch.tensor(4.0),
    "empty": lambda: torch.zeros(0, 3),
    "int": lambda: torch.arange(4),
    "bool": lambda: torch.tensor([True, False]),
    "complex": lambda: torch.tensor([1 + 2j]),
    "bfloat16": lambda: torch.arange(3).bfloat16(),
    "transposed": lambda: torch.arange(6.0).view(2, 3).T,
    "every second": lambda: torch.arange(6.0)[::2],
    "expanded": lambda: torch.tensor([[3.0], [4.0]]).expand(2, 5),
    "sparse": lambda: torch.eye(3).to_sparse(),
}


@pytest.mark.parametrize("kind", BUFFERS)
def test_each_kind_of_buffer_is_restored_alone_and_beside_others(kind):
    for kinds in ([kind], BUFFERS):
        module = with_buffers(**{f"the {each}": BUFFERS[each]() for each in kinds})
        buffer = module._buffers[f"the {kind}"]
        expected = buffer.clone()
        with restored_buffers(module):
            if kind != "sparse":  # whose structure would change
                (buffer[:, :1] if kind == "expanded" else buffer).zero_()
            setattr(module, f"the {kind}", torch.ones(1))
        assert module._buffers[f"the {kind}"] is buffer
        assert torch.equal(buffer.to_dense(), expected.to_dense())


def test_two_buffers_that_are_one_tensor():
    shared = torch.arange(3.0)
    module = with_buffers(first=shared, second=shared)
    with restored_buffers(module):
        module.first.zero_()
        module.second = torch.ones(3)
    assert module.first is shared is module.second
    assert shared.tolist() == [0, 1, 2]


def test_a_buffer_that_is_a_view_of_another():
    whole = torch.arange(4.0)
    module = with_buffers(whole=whole, part=whole[1:3])
    with restored_buffers(module):
        module.part.zero_()
    assert whole.tolist() == [0, 1, 2, 3]


def test_a_deep_network_needs_two_copies_for_each_dtype():
    model = nn.Sequential(*(nn.BatchNorm1d(4) for _ in range(20)))
    with OperationCounter() as operations, restored_buffers(model):
        pass
    assert sorted(operations.names) == ["aten::_foreach_copy_"] * 2 + ["aten::cat"] * 2  # float32 and int64
