from __future__ import annotations

import pytest
import torch

from camaug.fast_forward.low_precision import low_precision


@pytest.mark.parametrize(
    ("has_avx512", "has_amx", "dtype"),
    [(True, False, torch.bfloat16), (False, True, torch.bfloat16), (False, False, None)],
)
def test_cpu(monkeypatch, has_avx512, has_amx, dtype):
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: has_avx512)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: has_amx)
    assert low_precision(torch.device("cpu")) is dtype


@pytest.mark.parametrize(("has_bfloat16", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_cuda(monkeypatch, has_bfloat16, dtype):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: has_bfloat16)
    assert low_precision(torch.device("cuda")) is dtype


def test_other_devices():
    assert low_precision(torch.device("meta")) is None
