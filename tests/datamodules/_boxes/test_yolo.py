"""The reader of YOLO's format."""

from __future__ import annotations

import pytest

from camaug.datamodules._boxes.yolo import parse_yolo
from tests.datamodules.box_data import (
    CATEGORIES,
    annotate,
    boxes_module,
    draw,
    omission_counts,
)


def test_names_come_from_a_list_or_a_file(tmp_path):
    draw(tmp_path)
    labels = annotate(tmp_path, "yolo")
    with pytest.raises(FileNotFoundError, match=r"file of names .*classes.txt does not exist. Give `names`"):
        boxes_module(tmp_path, "yolo", names=None)
    (labels / "classes.txt").write_text("dog\ncat\nbird\n")
    assert boxes_module(tmp_path, "yolo", names=None).categories == list(CATEGORIES)
    (tmp_path / "n.txt").write_text("x\ny\nz\n")
    assert boxes_module(tmp_path, "yolo", names=str(tmp_path / "n.txt")).classes == ["x", "y", "z"]
    with pytest.raises(ValueError, match="`names` must be at least one name, each once, got 2, 1 of them different"):
        boxes_module(tmp_path, "yolo", names=["x", "x"])
    annotate(tmp_path, "coco")
    with pytest.raises(ValueError, match=r"`names` is for YOLO's labels.* COCO has names of its own"):
        boxes_module(tmp_path, names=["x"])


def test_images_without_labels_and_labels_without_image_are_counted(tmp_path):
    draw(tmp_path)
    labels = annotate(tmp_path, "yolo")
    (labels / "a.txt").rename(labels / "z.txt")
    (labels / "b.txt").write_text("")
    assert omission_counts(boxes_module(tmp_path, "yolo")) == {
        "images without annotation": 1,
        "annotations without image": 1,
        "images without boxes": 1,
        "categories without images": 1,
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", "l.txt, line 3: '0 0.5 0.5 0.2' is not a label. Expected five numbers"),
        ("0 0.5 0.5 0.2 0.2 0.9", "line 3: .* polygons and confidences are not read"),
        ("dog 0.5 0.5 0.2 0.2", "line 3: 'dog .* is not a label"),
        ("0 0.5 nan 0.2 0.2", "line 3: .* not finite"),
        ("3 0.5 0.5 0.2 0.2", "line 3: class 3, and there are 3 `names`, from 0 on"),
        ("-1 0.5 0.5 0.2 0.2", "line 3: class -1"),
    ],
)
def test_malformed_lines_are_refused(line, message):
    with pytest.raises(ValueError, match=message):
        parse_yolo(f"0 0.5 0.5 0.2 0.2\n\n{line}\n", 100, 100, CATEGORIES, "l.txt")
