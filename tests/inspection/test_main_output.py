from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from camaug.inspection.main_output import main_output, with_main_output


class Outputs(NamedTuple):
    tokens: Tensor
    weights: None = None


def test_a_tuple_begins_with_the_main_output():
    tensor, other = torch.ones(2), torch.zeros(2)
    for output in (tensor, (tensor, None), Outputs(tensor)):
        assert main_output(output) is tensor
        changed = with_main_output(output, other)
        assert type(changed) is type(output)
        assert main_output(changed) is other
    for output in ((), (None, tensor), [tensor], {"out": tensor}, None):
        assert main_output(output) is None
