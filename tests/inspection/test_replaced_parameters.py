from __future__ import annotations

import pytest
import torch
from torch import nn

from camaug.inspection.replaced_parameters import replaced_parameters


@pytest.mark.parametrize("fails", [False, True])
def test_the_identical_parameters_return(unchanged, fails):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2, bias=False))
    replacement = nn.Parameter(torch.zeros(3, 2))
    with unchanged(model):
        try:
            with replaced_parameters(model.modules(), {model[0].weight: replacement}):
                assert model[0].weight is replacement
                assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.weight"]
                if fails:
                    raise KeyError("inside")
        except KeyError:
            assert fails


def test_a_shared_parameter_is_replaced_in_each_given_module():
    first, second, other = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = other.weight = first.weight
    replacement = nn.Parameter(torch.zeros(2, 2))
    with replaced_parameters([first, second], {first.weight: replacement}):
        assert first.weight is second.weight is replacement
        assert other.weight is not replacement
    assert first.weight is second.weight is other.weight
