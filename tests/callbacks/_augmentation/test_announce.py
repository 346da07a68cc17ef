"""Number of images whose explanation is timed before training."""

from __future__ import annotations

import pytest

from camaug.callbacks._augmentation.announce import measured_images


@pytest.mark.parametrize(
    ("share", "count", "device", "expected"),
    [
        (1.0, 8, "cpu", 8),
        (1.0, 64, "cpu", 8),
        (0.25, 8, "cpu", 2),
        (0.0, 8, "cpu", 1),
        (0.01, 8, "cuda", 1),
        (1.0, 64, "cuda", 64),
        (0.5, 64, "mps", 32),
        (1.0, 1, "cuda", 1),
    ],
)
def test_as_many_as_a_step_explains_and_few_on_a_cpu(share, count, device, expected):
    assert measured_images(share, count, device) == expected
