"""The three formats of annotations have the same content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from camaug.datamodules import BoxesDataModule
from camaug.datamodules._boxes.annotations import Box
from camaug.datamodules._boxes.box_formats import read_annotations, recognise_format
from tests.datamodules.box_data import (
    CATEGORIES,
    FORMATS,
    SCENES,
    Thing,
    annotate,
    draw,
    draw_module,
)


@pytest.mark.parametrize("format_", FORMATS)
def test_all_formats_have_the_same_content(tmp_path, format_):
    images = draw(tmp_path)
    where = annotate(tmp_path, format_)
    assert recognise_format(where) == format_
    annotations = read_annotations(images, where, format_, CATEGORIES if format_ == "yolo" else None)
    assert set(annotations.categories) == set(CATEGORIES)
    records = {str(Path(r.path).relative_to(images).with_suffix("")): r for r in annotations.images}
    assert set(records) == set(SCENES)
    for name, scene in SCENES.items():
        assert (records[name].width, records[name].height) == (scene.width, scene.height)
        rounded = [replace(b, **{k: round(getattr(b, k), 4) for k in Thing._fields[1:]}) for b in records[name].boxes]
        assert rounded == [Box(*map(float, thing[1:]), thing.category) for thing in scene.things]


@pytest.mark.parametrize("format_", FORMATS)
def test_all_formats_give_the_same_batches(tmp_path, format_):
    pairs = {(Path(b.paths[p.image]).stem, b.categories[p.category], int(m.sum()))
             for b in draw_module(tmp_path, format_=format_).predict_dataloader()
             for p, m in zip(b.pairs(), b.masks(b.pairs()), strict=True)}  # fmt: skip
    assert {pair[:2] for pair in pairs} == {(Path(n).stem, t.category) for n, s in SCENES.items() for t in s.things}
    assert ("b", "cat", 8 * 24) in pairs  # a third of the width, all of the height


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"images": "none"}, FileNotFoundError, "the folder of images none does not exist"),
        ({"annotations": "none"}, FileNotFoundError, r"the annotations none does not exist. Expected a .json file"),
        ({"annotations": __file__}, FileNotFoundError, "is a file of another kind. Expected a .json file"),
        ({"annotations": "{root}/images"}, FileNotFoundError, r"no annotations in .*images. Expected a .json .*\.xml"),
        ({"annotations": "{root}/both"}, ValueError, "both holds both .xml and .txt files: say which"),
        ({"format": "pascal"}, ValueError, "`format` is 'coco', 'voc', 'yolo', or None .* got 'pascal'"),
        ({"on_bad_box": "clip"}, ValueError, "`on_bad_box` is 'error' or 'skip', got 'clip'"),
        ({"on_bad_image": "clip"}, ValueError, "`on_bad_image` is 'error' or 'skip', got 'clip'"),
        ({"val_fraction": 1.5}, ValueError, "`val_fraction` .* got 1.5"),
        ({"crop_pct": 0}, ValueError, "`crop_pct` .* got 0"),
        ({"image_size": 0}, ValueError, "`image_size` .* got 0"),
        ({"class_indices": {"dgo": 1}}, ValueError, "maps the unknown category 'dgo', did you mean 'dog'"),
    ],
)
def test_impossible_arguments_are_refused(tmp_path, settings, error, message):
    draw(tmp_path)
    annotate(tmp_path, "coco")
    (tmp_path / "both").mkdir()
    for name in ("x.xml", "x.txt"):
        (tmp_path / "both" / name).touch()
    given = {"images": str(tmp_path / "images"), "annotations": str(tmp_path / "instances.json"), **settings}
    given["annotations"] = given["annotations"].replace("{root}", str(tmp_path))
    with pytest.raises(error, match=message):
        BoxesDataModule(**given)
