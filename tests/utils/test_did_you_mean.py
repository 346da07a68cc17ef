"""Suggestions for unknown names."""

from __future__ import annotations

import pytest

from camaug.utils.did_you_mean import did_you_mean


@pytest.mark.parametrize(
    ("name", "known", "suggestion"),
    [
        ("dog", ["cats", "dogs"], "did you mean 'dogs'? "),
        ("GradCAM", ["grad-cam", "rise"], "did you mean 'grad-cam'? "),
        ("ants", ["Ants", "bees"], "did you mean 'Ants'? "),
        ("zebra", ["cats", "dogs"], ""),
        ("anything", [], ""),
        (3, ["layer1", "head"], ""),
    ],
)
def test_near_names_are_suggested_whatever_their_case(name, known, suggestion):
    assert did_you_mean(name, known) == suggestion
