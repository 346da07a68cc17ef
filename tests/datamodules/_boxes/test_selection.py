"""The images and boxes that are used, and the number of those left out."""

from __future__ import annotations

import pytest

from tests.datamodules.box_data import (
    FORMATS,
    SCENES,
    Scene,
    annotate,
    boxes_module,
    draw,
    draw_module,
    edit_coco,
    omission_counts,
)


def test_everything_left_out_is_counted_and_reported_once(tmp_path, monkeypatch):
    messages = []
    monkeypatch.setattr("camaug.datamodules.boxes.rank_zero_info", messages.append)
    draw(tmp_path, {**SCENES, "unannotated": Scene(10, 10, []), "empty": Scene(10, 10, [])})

    def change(content):
        content["images"] += [
            {"id": 100, "file_name": "nowhere.png", "width": 5, "height": 5},
            {"id": 101, "file_name": "empty.png", "width": 10, "height": 10},
        ]
        content["annotations"][5]["iscrowd"] = 1
        content["categories"].append({"id": 99, "name": "unicorn"})

    edit_coco(tmp_path, change)
    data = boxes_module(tmp_path, class_indices={"dog": 3, "bird": 5, "unicorn": 6})
    assert omission_counts(data) == {
        "images without annotation": 1,
        "annotations without image": 1,
        "images without boxes": 1,
        "boxes around crowds": 1,
        "boxes of categories not in class_indices": 2,
        "images with no box to use": 1,
        "categories without images": 1,
    }
    data.boxes_dataset()
    (message,) = messages  # once
    assert "2 images with 3 boxes of 2 categories. Left out: 1 images without annotation, 1 annotations" in message
    assert "Not in class_indices: 2 cat" in message
    assert "Without images: unicorn" in message


def test_no_remaining_image_is_an_error(tmp_path):
    annotate(tmp_path, "coco")
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"no image has a visible box, of 0 annotated .* 3 annotations without image"):
        boxes_module(tmp_path).boxes_dataset()


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("kept", [0.6, 0.0])
def test_unreadable_images_are_refused_or_left_out(tmp_path, format_, kept):
    data = draw_module(tmp_path, format_=format_)
    broken = tmp_path / "images/a.png"
    content = broken.read_bytes()
    broken.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"(?s)1 of 3 images cannot be used.*a.png: .*`on_bad_image: skip`"):
        boxes_module(tmp_path, format_).boxes_dataset()
    with pytest.warns(UserWarning, match=r"(?s)a.png.*They are left out \(`on_bad_image: skip`\)"):
        assert omission_counts(boxes_module(tmp_path, format_, on_bad_image="skip")) == {"bad images": 1}
    with pytest.raises(ValueError, match="1 of 3 images cannot be used"):
        data.setup("validate")
