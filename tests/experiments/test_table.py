"""Tables of a report."""

from __future__ import annotations

import pytest

from camaug.experiments import Report, Table


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table("t", ["a", "b"], [[1]]), "the table 't' has 2 columns .* and a row of 1 cells"),
        (lambda: Table("t", ["a"], [], {"c": "{}"}), "the table 't' has no column 'c' to format, expected some of a"),
        (lambda: Table("t", ["a"], []).column("c"), "the table 't' has no column 'c'"),
        (lambda: Report("r", [Table("t", ["a"], [])]).table("c"), r"no table 'c', expected one of \['t'\]"),
    ],
)
def test_bad_tables_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
