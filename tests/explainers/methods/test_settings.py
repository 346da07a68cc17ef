"""Invalid settings of the methods."""

from __future__ import annotations

import pytest

from camaug import get_explainer


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("noise-smooth", {"samples": 0}, "`samples` must be at least 1, got 0"),
        ("smooth-grad", {"noise": -1}, "`noise` is a share of an image's range and must be at least 0, got -1"),
        ("smooth-grad-cam++", {"samples": 0}, "`samples` must be at least 1, got 0"),
        ("ss-cam", {"std": -1}, "`samples` must be at least 1 and `std` at least 0, got 35 and -1"),
        ("is-cam", {"steps": 0}, "`steps` must be at least 1, got 0"),
        ("integrated-gradients", {"steps": 0}, "`steps` must be at least 1, got 0"),
        ("rise", {"masks": 0}, "`masks` and `cells` must be at least 1, got 0 and 7"),
        ("rise", {"keep_probability": 1}, "`keep_probability` must be between 0 and 1, got 1"),
        ("xrai", {"scales": []}, "`scales` must not be empty"),
        ("kpca-cam", {"kernel": "cosine"}, "`kernel` must be 'sigmoid' or 'rbf', got 'cosine'"),
        ("feature-maps", {"columns": 0}, "`channels` and `columns` must be at least 1, got 16 and 0"),
        ("finer-cam", {"references": 0}, "`references` must be at least 1 class, got 0"),
        ("aug-smooth", {"factors": []}, "`factors` must hold at least one factor"),
        ("refine-cam", {"count": 0}, "refine-cam needs at least one layer, got count=0"),
        ("legrad", {"blocks": 0}, "`blocks` must be at least 1, or None for all, got 0"),
        ("grad-cam", {"fuse": "sum"}, "`fuse` must be 'mean', 'max' or 'product', got 'sum'"),
        ("grad-cam", {"layer": []}, "`layer` must name at least one layer, got an empty list"),
        ("noise-smooth", {"explainer": "gradcam"}, "unknown explainer 'gradcam'"),
    ],
)
def test_invalid_settings_are_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        get_explainer(name, **settings)
