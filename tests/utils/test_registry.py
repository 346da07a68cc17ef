from __future__ import annotations

import pytest

from camaug.utils.registry import Registry


def test_names_classes_and_errors():
    shapes: Registry[object] = Registry("shape")

    @shapes.register("square")
    class Square:
        name = ""

    @shapes.register("circle")
    class Circle:
        name = ""

    assert shapes.names() == ["circle", "square"]
    assert shapes["square"] is Square
    assert Circle.name == "circle"
    with pytest.raises(ValueError, match=r"'cirle', did you mean 'circle'\? expected one of circle, square"):
        shapes["cirle"]
    with pytest.raises(ValueError, match="the shape name 'circle' is taken by Circle: choose another"):
        shapes.register("circle")(Square)
