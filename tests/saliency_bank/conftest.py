from __future__ import annotations

import pytest

from camaug.saliency_bank.saliency_bank import SaliencyBank


@pytest.fixture
def bank(tmp_path) -> SaliencyBank:
    return SaliencyBank(tmp_path / "bank")
