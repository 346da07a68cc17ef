"""The length of an augmented step in plain steps."""

import pytest

from camaug.callbacks._augmentation.step_factor import round_measured, step_factor


@pytest.mark.parametrize(
    ("explaining", "share", "masked_views", "factor"),
    [(0, 0, False, 1), (1.8, 1, False, 2.8), (0.9, 0.5, True, 2.4), (9.87, 1, True, 12), (-0.04, 1, False, 0.96)],
)
def test_the_step_itself_its_explanations_and_its_masked_views(explaining, share, masked_views, factor):
    assert step_factor(explaining, share, masked_views=masked_views) == factor


def test_measured_values_have_two_digits():
    assert [round_measured(value) for value in (0, 0.1234, 1.25, 99.6, 12345)] == [0, 0.12, 1.2, 100, 12000]
