from __future__ import annotations

import math

import pytest

from camaug.utils.optional import import_extra


def test_an_installed_module_is_returned():
    assert import_extra("math", package="math", extra="pixels", reason="a test needs") is math


def test_a_missing_package_is_an_error_with_the_install_command():
    with pytest.raises(
        ImportError, match=r"a test needs nowhere, which is not installed: pip install 'camaug\[pixels\]'"
    ):
        import_extra("nowhere.module", package="nowhere", extra="pixels", reason="a test needs")
