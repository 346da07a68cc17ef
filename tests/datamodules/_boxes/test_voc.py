"""The reader of Pascal VOC's format."""

from __future__ import annotations

import pytest

from camaug.datamodules._boxes.voc import parse_voc
from tests.datamodules.box_data import (
    SCENES,
    annotate,
    boxes_module,
    draw,
    draw_module,
    omission_counts,
    voc,
)


def test_flags_are_kept_and_difficult_objects_are_used(tmp_path):
    text = voc("a", SCENES["a"]).replace("<difficult>0", "<difficult>1", 1)
    name, size, boxes = parse_voc(text.encode(), "a.xml")
    assert (name, size) == ("a.png", (60, 40))
    assert [box.flags for box in boxes] == [frozenset({"difficult"}), frozenset()]
    data = draw_module(tmp_path, format_="voc")
    (tmp_path / "Annotations/a.xml").write_text(text)
    assert len(data.boxes_dataset().pairs()) == len(boxes_module(tmp_path, "voc").boxes_dataset().pairs()) == 5


def test_images_are_found_by_the_annotations_name_and_measured(tmp_path):
    draw(tmp_path)
    where = annotate(tmp_path, "voc")
    text = (where / "sub/c.xml").read_text().replace("sub/c.png", "elsewhere.jpg").replace("48</", "0</", 2)
    (where / "sub/c.xml").write_text(text.replace("<xmax>0<", "<xmax>48<").replace("<ymax>0<", "<ymax>48<"))
    assert omission_counts(boxes_module(tmp_path, "voc")) == {}


def test_annotations_without_image_are_counted(tmp_path):
    draw(tmp_path)
    annotate(tmp_path, "voc", {**SCENES, "nowhere": SCENES["a"]})
    (tmp_path / "images/b.png").rename(tmp_path / "images/d.png")
    omissions = omission_counts(boxes_module(tmp_path, "voc"))
    assert omissions == {"images without annotation": 1, "annotations without image": 2}


LAUGHS = """<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><annotation>&lol2;</annotation>"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", "a.xml is not XML: .*line 1"),
        ("", "a.xml is not XML: no element found"),
        (LAUGHS, "a.xml declares a document type .* refused"),
        ("<annotation>&lol;</annotation>", "a.xml is not XML: undefined entity"),
        ("<annotation><object><name>x</name></object></annotation>", "a.xml: object 0 has no bndbox"),
        (voc("a", SCENES["a"]).replace("<name>cat</name>", ""), "a.xml: object 1 has the name ''"),
        (voc("a", SCENES["a"]).replace("<xmin>14<", "<xmin>nan<"), "a.xml: object 0 has the name 'dog' .*nan"),
        (voc("a", SCENES["a"]).replace("<width>60", "<width>6e1"), "a.xml: the size is '6e1' × '40'"),
    ],
)
def test_malformed_annotations_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_voc(text.encode(), "a.xml")


def test_two_annotations_of_one_image_are_refused(tmp_path):
    draw(tmp_path)
    where = annotate(tmp_path, "voc")
    (where / "again.xml").write_text(voc("a", SCENES["a"]))
    with pytest.raises(ValueError, match=r"again.xml is not the only annotation of .*a.png"):
        boxes_module(tmp_path, "voc")
