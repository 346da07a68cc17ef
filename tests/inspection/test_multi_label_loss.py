"""Losses of several labels."""

from __future__ import annotations

import pytest
from torch import nn

from camaug.inspection.multi_label_loss import has_multi_label_loss


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([nn.BCEWithLogitsLoss()], True),
        ([nn.MultiLabelSoftMarginLoss()], True),
        ([nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()], False),
        ([nn.CrossEntropyLoss()], False),
        ([], False),
    ],
)
def test_a_loss_inside_the_module(losses, expected):
    assert has_multi_label_loss(nn.Sequential(nn.Linear(2, 2), *losses)) == expected
