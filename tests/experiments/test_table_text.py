"""Tables as CSV and Markdown."""

from __future__ import annotations

from camaug.experiments import Table
from camaug.experiments.table_text import to_csv, to_markdown


def test_columns_of_plain_numbers_stay_one_column():
    table = Table("t", ["method", "ms"], [["a", 1.25], ["b", None]], {"ms": "{:.0f}"})
    assert to_csv(table) == "method,ms\na,1.25\nb,\n"
    assert to_markdown(table).splitlines()[1:3] == ["| --- | ---: |", "| a | 1 |"]
