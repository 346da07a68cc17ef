from __future__ import annotations

import pytest
import torch

from camaug.explainers.agreement import Agreement

RAMP = torch.linspace(0, 1, 16).view(1, 4, 4)


def test_agreement_of_maps_that_differ_by_one_swap():
    """Seven of the eight positions above the mean are shared, and the ranks differ by one swap of neighbours."""
    swapped = RAMP.flatten().clone()
    swapped[[7, 8]] = swapped[[8, 7]]
    agreement = Agreement.between(RAMP, swapped.view(1, 4, 4))
    assert agreement.iou == pytest.approx(7 / 9)
    assert agreement.correlation == pytest.approx(1 - 6 * 2 / (16 * (16**2 - 1)))
    assert not agreement.is_enough


def test_agreement_depends_only_on_ranks():
    assert Agreement.between(RAMP, RAMP**2).correlation == 1


@pytest.mark.parametrize(
    ("correlation", "iou", "is_enough"), [(0.98, 0.9, True), (0.97, 1.0, False), (1.0, 0.89, False)]
)
def test_both_values_must_be_high_enough(correlation, iou, is_enough):
    assert Agreement(correlation, iou).is_enough == is_enough
