from __future__ import annotations

import torch
from torch import nn

from camaug.inspection.model_digest import model_digest


def test_covers_names_types_shapes_and_bytes():
    def model(**changes) -> nn.Module:
        torch.manual_seed(0)
        made = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        if changes.get("buffer"):
            made[1].running_mean += 1
        if changes.get("name"):
            made = nn.Sequential(made)
        return made.double() if changes.get("dtype") else made

    digest = model_digest(model())
    assert model_digest(model().eval()) == digest
    others = {model_digest(model(**{change: True})) for change in ("buffer", "name", "dtype")}
    assert len(others | {digest}) == 4
    flat, wide = nn.Module(), nn.Module()
    flat.weight, wide.weight = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(2, 2))
    assert model_digest(flat) != model_digest(wide)


def test_buffers_that_no_checkpoint_keeps_count_too():
    def model(value: float) -> nn.Module:
        made = nn.Module()
        made.register_buffer("scale", torch.tensor(value), persistent=False)
        return made

    assert model_digest(model(1.0)) != model_digest(model(2.0))


def test_an_empty_tensor_and_bfloat16_are_digested():
    made = nn.Module()
    made.empty = nn.Parameter(torch.zeros(0, 3))
    made.low = nn.Parameter(torch.zeros(2, dtype=torch.bfloat16))
    assert model_digest(made).startswith("sha256:")


def test_half_precision_and_empty_tensors_have_digests():
    model = nn.Linear(3, 2).bfloat16()
    model.register_buffer("nothing", torch.empty(0))
    assert len(model_digest(model)) == len("sha256:") + 64
