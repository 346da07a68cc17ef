from __future__ import annotations

import pytest
import torch

from camaug.functional.percentile import percentile


@pytest.mark.parametrize("percent", [0, 12.5, 50, 99, 100])
@pytest.mark.parametrize("shape", [(7,), (2, 3, 10), (2, 1)])
def test_it_is_that_of_torch(percent, shape):
    values = torch.rand(shape)
    assert torch.allclose(percentile(values, percent), values.quantile(percent / 100, dim=-1), atol=1e-6)


def test_it_keeps_the_precision_of_the_values():
    assert percentile(torch.rand(3, dtype=torch.float64), 20).dtype == torch.float64
