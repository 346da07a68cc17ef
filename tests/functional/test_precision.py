from __future__ import annotations

import pytest
import torch

from camaug.functional.precision import at_least_float32


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_dtype(given, expected):
    assert at_least_float32(torch.ones(2, dtype=given)).dtype is expected
