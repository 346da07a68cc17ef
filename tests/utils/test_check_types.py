"""The check of arguments by their annotations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from camaug.utils.check_types import check_types

if TYPE_CHECKING:
    from decimal import Decimal


def configure(
    count: int | None = None,
    share: float = 0.5,
    fast: bool = True,
    name: str = "cam",
    how: Literal["blur", "crop"] | None = None,
    mean: Sequence[float] | None = None,
    size: tuple[int, int] = (2, 2),
    names: Sequence[str] | None = None,
    forward: Callable[[Any], Any] | None = None,
    layer: str | nn.Module | None = None,
    options: Mapping[str, int] | None = None,
    anything: Any = None,
) -> None:
    check_types(configure, locals())


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"count": 3, "share": 1, "fast": False, "name": "x", "how": "crop", "mean": [0.5, 1], "names": ("a",)},
        {"count": np.int64(3), "share": np.float32(0.5), "fast": np.bool_(True), "mean": np.array([0.5, 0.5])},
        {"count": torch.tensor(3), "share": torch.tensor(0.5), "mean": torch.tensor([0.5]), "size": [1, 2]},
        {"fast": 1, "name": Path("folder"), "names": range(3), "forward": len, "layer": nn.ReLU(), "options": {}},
        {"anything": object()},
    ],
)
def test_values_of_the_annotated_type_pass(arguments):
    configure(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": "3"}, r"`count` must be an integer or None, got '3' \(str\)"),
        ({"count": 2.5}, r"`count` must be an integer or None, got 2.5 \(float\)"),
        ({"count": True}, r"`count` must be an integer or None, got True \(bool\)"),
        ({"count": int}, "`count` must be an integer or None, got the class int"),
        ({"share": "half"}, r"`share` must be a number, got 'half' \(str\)"),
        ({"share": torch.ones(2)}, "`share` must be a number, got tensor"),
        ({"share": None}, "`share` must be a number, got None"),
        ({"fast": "no"}, r"`fast` must be True or False, got 'no' \(str\)"),
        ({"fast": 2}, r"`fast` must be True or False, got 2 \(int\)"),
        ({"name": 3}, r"`name` must be a string, got 3 \(int\)"),
        ({"how": 3}, r"`how` must be 'blur', 'crop' or None, got 3 \(int\)"),
        ({"mean": 0.5}, r"`mean` must be a list of numbers or None, got 0.5 \(float\)"),
        ({"mean": ["0.5"]}, r"`mean` must be a list of numbers or None, got \['0.5'\] \(list\)"),
        ({"mean": {0.5}}, "`mean` must be a list of numbers or None, got"),
        ({"size": (1, 2, 3)}, r"`size` must be a list of 2 integers, got \(1, 2, 3\) \(tuple\)"),
        ({"names": "abc"}, r"`names` must be a list of strings or None, got 'abc' \(str\)"),
        ({"forward": 3}, r"`forward` must be a function or None, got 3 \(int\)"),
        ({"layer": 3}, r"`layer` must be a string, a Module or None, got 3 \(int\)"),
        ({"options": [1]}, r"`options` must be a Mapping or None, got \[1\] \(list\)"),
        ({"count": "x" * 80}, "`count` must be an integer or None, got str$"),
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_both(arguments, message):
    with pytest.raises(TypeError, match=message):
        configure(**arguments)


def test_a_string_that_is_no_literal_is_an_error_that_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"`how` must be 'blur', 'crop' or None, got 'crap', did you mean 'crop'\?$"):
        configure(how="crap")
    with pytest.raises(ValueError, match=r"`how` must be 'blur', 'crop' or None, got 'zzz'$"):
        configure(how="zzz")


def test_annotations_that_only_type_checkers_can_read_accept_everything():
    def price(amount: Decimal) -> None:
        check_types(price, locals())

    price("many")
