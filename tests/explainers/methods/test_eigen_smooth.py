from __future__ import annotations

import pytest

from camaug import get_explainer


def test_methods_that_are_no_weighted_sum_are_refused():
    for inner in ("rise", "eigen-cam", "gradient"):
        with pytest.raises(ValueError, match=f"and '{inner}' is no weighted sum of a layer's maps"):
            get_explainer("eigen-smooth", explainer=inner)
