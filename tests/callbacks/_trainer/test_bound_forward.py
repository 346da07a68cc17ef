"""The user's ``forward=`` argument."""

from __future__ import annotations

import torch

from camaug.callbacks._trainer.bound_forward import bind_forward


def test_the_module_is_bound_and_no_argument_stays_none():
    module = torch.nn.Identity()
    forward = bind_forward(lambda module, images: (module, 2 * images), module)
    assert forward(torch.ones(1)) == (module, torch.tensor([2.0]))
    assert bind_forward(None, module) is None
