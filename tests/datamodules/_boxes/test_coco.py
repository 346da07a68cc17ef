"""The reader of COCO's format."""

from __future__ import annotations

import pytest

from tests.datamodules.box_data import (
    annotate,
    boxes_module,
    draw,
    edit_coco,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("categories"), "no list 'categories'. Expected COCO's instances"),
        (lambda c: c["images"][1].pop("width"), "entry 1 of 'images' has no 'width' that is a int"),
        (lambda c: c["images"][1].update(id=0), "the id 0 stands twice in 'images'"),
        (lambda c: c["categories"][1].update(id=7), "the id 7 stands twice in 'categories'"),
        (lambda c: c["annotations"][1].update(id=0), "the id 0 stands twice in 'annotations'"),
        (lambda c: c["images"][1].update(file_name="a.png"), "lists 1 image files more than once"),
        (
            lambda c: c["annotations"][2].update(category_id=8),
            "annotation 2 has the category_id 8, which the file does",
        ),
        (lambda c: c["annotations"][2].update(image_id=8), "annotation 2 has the image_id 8, which the file does not"),
        (lambda c: c["annotations"][2].update(bbox=[1, 2, 3]), r"annotation 2 has the bbox \[1, 2, 3\]. Expected four"),
        (lambda c: c["annotations"][2].update(bbox=[1, 2, 3, float("nan")]), "annotation 2 has the bbox .*nan"),
    ],
)
def test_malformed_files_are_refused(tmp_path, change, message):
    draw(tmp_path)
    edit_coco(tmp_path, change)
    with pytest.raises(ValueError, match=rf"instances.json.*{message}"):
        boxes_module(tmp_path)


def test_a_file_that_is_not_json_is_refused(tmp_path):
    draw(tmp_path)
    annotate(tmp_path, "coco").write_text("{'images': []}")
    with pytest.raises(ValueError, match=r"instances.json is not JSON: .*line 1 column 2"):
        boxes_module(tmp_path)
