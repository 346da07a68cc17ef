"""Reports read back from files and from TensorBoard."""

from __future__ import annotations

import csv
import importlib
import io

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from camaug.experiments import Report, Table, write_report
from camaug.experiments.write_report import file_name
from tests.experiments.quiet_console import quiet_console


def test_the_csv_carries_all_digits_and_the_ends_of_intervals(report, tmp_path):
    write_report(report, tmp_path, console=quiet_console())
    with (tmp_path / "over-all_figures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "method": "grad-cam", "over-all, %": "57.91234", "over-all, % low": "54.1", "over-all, % high": "61.5",
        "images": "8",
    }  # fmt: skip
    assert (rows[1]["over-all, %"], rows[1]["over-all, % low"]) == ("3.0", "")
    assert rows[2]["over-all, %"] == ""


def test_the_markdown_has_title_notes_tables_and_images(report, tmp_path):
    write_report(report, tmp_path, console=quiet_console())
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


def test_tensorboard_has_tables_as_text_values_as_scalars_and_images(report, tmp_path):
    logger = TensorBoardLogger(tmp_path, name="", version="")
    write_report(report, tmp_path, logger.experiment, quiet_console())
    events = EventAccumulator(str(tmp_path)).Reload()
    tags = events.Tags()
    assert events.Scalars("over-all_figures/over-all/grad-cam")[0].value == pytest.approx(57.91234)
    assert "over-all_figures/over-all/none" not in tags["scalars"]
    text = events.Tensors("over-all_figures/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| grad-cam | 57.9 [54.1, 61.5] | 8 |" in text
    assert set(tags["images"]) == {"a_curve", "red"}
    image = Image.open(io.BytesIO(events.Images("red")[0].encoded_image_string))
    assert (image.size, image.getpixel((0, 0))) == ((5, 6), (255, 0, 0))


def test_an_interrupted_report_leaves_no_report_file(report, tmp_path, monkeypatch):
    write_report(report, tmp_path, console=quiet_console())
    before = (tmp_path / "over-all_figures.csv").read_bytes()

    def interrupted(table: Table) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("camaug.experiments.write_report"), "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(report, tmp_path, console=quiet_console())
    assert not (tmp_path / "report.md").exists()
    assert (tmp_path / "over-all_figures.csv").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_names_that_become_the_same_file_name_have_files_of_their_own(tmp_path):
    names = ["a b", "a/b", "con", "n" * 300]
    tables = [Table(name, ["method"], [[name]]) for name in names]
    write_report(Report("A title", tables=tables), tmp_path, console=quiet_console())
    written = {path.name: path.read_text() for path in tmp_path.glob("*.csv")}
    assert [written["a_b.csv"], written["a_b_1.csv"], written["con_.csv"]] == [
        f"method\n{name}\n" for name in names[:3]
    ]
    assert len(written) == 4


def test_names_become_files():
    assert file_name("Maps of Grad-CAM++ / θ=70") == "maps_of_grad-cam++_70"
    assert file_name("../..") == "unnamed"
