"""Reports read back from every place that they are written to."""

from __future__ import annotations

import csv
import importlib
import io

import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from camaug.experiments import Curves, Interval, Report, ReportImage, Table, write_report
from camaug.experiments.plot_curves import plot_curves
from camaug.experiments.table_text import to_csv, to_markdown
from camaug.experiments.write_report import file_name


@pytest.fixture
def report() -> Report:
    table = Table(
        "Over-all figures",
        ["method", "over-all, %", "images"],
        [["grad-cam", Interval(57.91234, 54.1, 61.5), 8], ["a|b", Interval(3.0), 8], ["none", None, 0]],
        {"over-all, %": "{:.1f}"},
        ["left out: legrad, which [refuses]"],
    )
    curves = Curves(
        "a curve", "x, %", "y, %", {"one": ([0, 1], [0, 1]), "two": ([0, 1], [1, 0])}, {"one": ([0, 0], [1, 2])}
    )
    red = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1).expand(3, 6, 5)
    return Report("A title", [table], [curves], [ReportImage("red", red)], ("a note",))


def quiet(width: int = 100) -> Console:
    return Console(file=io.StringIO(), width=width)


def test_the_csv_carries_all_digits_and_the_ends_of_intervals(report, tmp_path):
    write_report(report, tmp_path, console=quiet())
    with (tmp_path / "over-all_figures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "method": "grad-cam", "over-all, %": "57.91234", "over-all, % low": "54.1", "over-all, % high": "61.5",
        "images": "8",
    }  # fmt: skip
    assert (rows[1]["over-all, %"], rows[1]["over-all, % low"]) == ("3.0", "")
    assert rows[2]["over-all, %"] == ""


def test_the_markdown_has_title_notes_tables_and_pictures(report, tmp_path):
    write_report(report, tmp_path, console=quiet())
    text = (tmp_path / "report.md").read_text()
    assert text.startswith("# A title\n\na note\n\n## Over-all figures\n")
    assert "| grad-cam | 57.9 [54.1, 61.5] | 8 |" in text
    assert r"| a\|b | 3.0 [not known] | 8 |" in text
    assert "| none | – | 0 |" in text
    assert "left out: legrad, which [refuses]" in text
    for name in ("a_curve", "red"):
        assert f"]({name}.png)" in text
        assert (tmp_path / f"{name}.png").is_file()
    assert Image.open(tmp_path / "red.png").getpixel((4, 5)) == (255, 0, 0)


@pytest.mark.parametrize("width", [100, 40])
def test_the_terminal_shows_every_cell_at_any_width(report, tmp_path, width):
    console = quiet(width)
    write_report(report, tmp_path, console=console)
    said = console.file.getvalue()
    for part in ("A title", "grad-cam", "57.9", "[54.1, 61.5]", "[not known]", "[refuses]", "a note"):
        assert part in said


def test_tensorboard_has_the_table_as_text_its_figures_as_scalars_and_the_pictures(report, tmp_path):
    logger = TensorBoardLogger(tmp_path, name="", version="")
    write_report(report, tmp_path, logger.experiment, quiet())
    events = EventAccumulator(str(tmp_path)).Reload()
    tags = events.Tags()
    assert events.Scalars("over-all_figures/over-all/grad-cam")[0].value == pytest.approx(57.91234)
    assert "over-all_figures/over-all/none" not in tags["scalars"]
    text = events.Tensors("over-all_figures/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| grad-cam | 57.9 [54.1, 61.5] | 8 |" in text
    assert set(tags["images"]) == {"a_curve", "red"}
    picture = Image.open(io.BytesIO(events.Images("red")[0].encoded_image_string))
    assert (picture.size, picture.getpixel((0, 0))) == ((5, 6), (255, 0, 0))


def test_a_report_that_was_not_finished_is_not_there(report, tmp_path, monkeypatch):
    write_report(report, tmp_path, console=quiet())
    before = (tmp_path / "over-all_figures.csv").read_bytes()

    def interrupted(table: Table) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("camaug.experiments.write_report"), "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(report, tmp_path, console=quiet())
    assert not (tmp_path / "report.md").exists()
    assert (tmp_path / "over-all_figures.csv").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_plot_draws_each_line_in_a_colour_of_its_own():
    lines = {str(number): ([0.0, 1.0], [float(number), float(number)]) for number in range(3)}
    picture = plot_curves(Curves("c", "x", "y", lines))
    assert picture.shape[2] == 900
    colours = {tuple(pixel) for pixel in (picture * 255).round().int().flatten(1).T.tolist()}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73)} <= colours
    fewer = plot_curves(Curves("c", "x", "y", {"0": lines["0"]}))
    assert (0xD5, 0x5E, 0x00) not in {tuple(p) for p in (fewer * 255).round().int().flatten(1).T.tolist()}


def test_names_become_files():
    assert file_name("Maps of Grad-CAM++ / θ=70") == "maps_of_grad-cam++_70"
    assert file_name("../..") == "unnamed"


def test_columns_of_plain_numbers_stay_one_column():
    table = Table("t", ["method", "ms"], [["a", 1.25], ["b", None]], {"ms": "{:.0f}"})
    assert to_csv(table) == "method,ms\na,1.25\nb,\n"
    assert to_markdown(table).splitlines()[1:3] == ["| --- | ---: |", "| a | 1 |"]


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
