"""Tags made of names that come from data."""

from __future__ import annotations

import pytest

from camaug.callbacks._logging.safe_tag import safe_tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("<img onerror=x>\n", "_img onerror_x_"),
        ("\x1b[31mred", "_31mred"),
        ("flamingo #3 über-bird", "flamingo #3 über-bird"),
    ],
)
def test_characters_with_a_meaning_are_replaced(text, tag):
    assert safe_tag(text) == tag
