from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import lightning as L
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from PIL import Image
from torch import nn

from camaug import GradCAM
from camaug.augmentation.batch import find_images_and_labels
from camaug.callbacks import CamEvaluator, CamLogger
from camaug.datamodules import BoxedBatch, BoxesDataModule, ObjectPair
from camaug.datamodules._boxes.annotations import Box
from camaug.datamodules._boxes.box_check import fit_box
from camaug.datamodules._boxes.box_formats import read_annotations, recognise_format
from camaug.datamodules._boxes.class_indices import parse_class_indices
from camaug.datamodules._boxes.voc import parse_voc
from camaug.datamodules._boxes.yolo import parse_yolo
from camaug.datamodules._folders.upright_size import upright_size
from camaug.images.loading import load_image
from tests.datamodules.box_data import CATEGORIES, COLOURS, SCENES, Scene, Thing, annotate, coco, draw, voc

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CAMAUG_DATA", ROOT.parent / "shared" / "data"))
PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "num_workers": 0, "batch_size": 2, "image_size": 24}
FORMATS = ("coco", "voc", "yolo")


def module(root: Path, format_: str = "coco", **settings) -> BoxesDataModule:
    """A data module of what is under `root`, in [0, 1]."""
    names = {"names": list(CATEGORIES)} if format_ == "yolo" else {}
    where = root / {"coco": "instances.json", "voc": "Annotations", "yolo": "labels"}[format_]
    return BoxesDataModule(str(root / "images"), str(where), **{**PLAIN, **names, **settings})


def build(root: Path, scenes: Mapping[str, Scene] = SCENES, format_: str = "coco", **settings) -> BoxesDataModule:
    draw(root, scenes)
    annotate(root, format_, scenes)
    return module(root, format_, **settings)


def left_out(data: BoxesDataModule) -> dict[str, int]:
    data.boxes_dataset()
    return {reason: count for reason, count in data.omissions.items() if count}


def edit(root: Path, change) -> None:
    """Change what the COCO file of the scenes says."""
    content = coco()
    change(content)
    (root / "instances.json").write_text(json.dumps(content))


# Formats


@pytest.mark.parametrize("format_", FORMATS)
def test_the_formats_say_the_same(tmp_path, format_):
    images = draw(tmp_path)
    where = annotate(tmp_path, format_)
    assert recognise_format(where) == format_
    found = read_annotations(images, where, format_, CATEGORIES if format_ == "yolo" else None)
    assert set(found.categories) == set(CATEGORIES)
    records = {str(Path(r.path).relative_to(images).with_suffix("")): r for r in found.images}
    assert set(records) == set(SCENES)
    for name, scene in SCENES.items():
        assert (records[name].width, records[name].height) == (scene.width, scene.height)
        rounded = [replace(b, **{k: round(getattr(b, k), 4) for k in Thing._fields[1:]}) for b in records[name].boxes]
        assert rounded == [Box(*map(float, thing[1:]), thing.category) for thing in scene.things]


@pytest.mark.parametrize("format_", FORMATS)
def test_the_formats_give_the_same_batches(tmp_path, format_):
    pairs = {(Path(b.paths[p.image]).stem, b.categories[p.category], int(m.sum()))
             for b in build(tmp_path, format_=format_).predict_dataloader()
             for p, m in zip(b.pairs(), b.masks(b.pairs()), strict=True)}  # fmt: skip
    assert {pair[:2] for pair in pairs} == {(Path(n).stem, t.category) for n, s in SCENES.items() for t in s.things}
    assert ("b", "cat", 8 * 24) in pairs  # a third of the width, all of the height


def test_flags_are_kept_and_difficult_objects_used(tmp_path):
    text = voc("a", SCENES["a"]).replace("<difficult>0", "<difficult>1", 1)
    name, size, found = parse_voc(text.encode(), "a.xml")
    assert (name, size) == ("a.png", (60, 40))
    assert [box.flags for box in found] == [frozenset({"difficult"}), frozenset()]
    data = build(tmp_path, format_="voc")
    (tmp_path / "Annotations/a.xml").write_text(text)
    assert len(data.boxes_dataset().pairs()) == len(module(tmp_path, "voc").boxes_dataset().pairs()) == 5


def test_voc_images_by_their_name_and_sizes_from_the_file(tmp_path):
    draw(tmp_path)
    where = annotate(tmp_path, "voc")
    text = (where / "sub/c.xml").read_text().replace("sub/c.png", "elsewhere.jpg").replace("48</", "0</", 2)
    (where / "sub/c.xml").write_text(text.replace("<xmax>0<", "<xmax>48<").replace("<ymax>0<", "<ymax>48<"))
    assert left_out(module(tmp_path, "voc")) == {}


def test_names_of_yolo(tmp_path):
    draw(tmp_path)
    labels = annotate(tmp_path, "yolo")
    with pytest.raises(FileNotFoundError, match=r"file of names .*classes.txt does not exist. Give `names`"):
        module(tmp_path, "yolo", names=None)
    (labels / "classes.txt").write_text("dog\ncat\nbird\n")
    assert module(tmp_path, "yolo", names=None).categories == list(CATEGORIES)
    (tmp_path / "n.txt").write_text("x\ny\nz\n")
    assert module(tmp_path, "yolo", names=str(tmp_path / "n.txt")).classes == ["x", "y", "z"]
    with pytest.raises(ValueError, match="`names` must be at least one name, each once, got 2, 1 of them different"):
        module(tmp_path, "yolo", names=["x", "x"])
    annotate(tmp_path, "coco")
    with pytest.raises(ValueError, match=r"`names` is for YOLO's labels.* COCO has names of its own"):
        module(tmp_path, names=["x"])


# Geometry


@pytest.mark.parametrize("crop_pct", [None, 1.0, 0.8])
@pytest.mark.parametrize("image_size", [24, 37])
def test_boxes_hold_exactly_the_pixels_of_their_object(tmp_path, crop_pct, image_size):
    """The oracle is the image: where more than half of its colour shows is the object, by rows and by columns.

    Not by pixels, for at a corner the two halves are multiplied.
    """
    data = build(tmp_path, crop_pct=crop_pct, image_size=image_size)
    seen = 0
    for batch in data.predict_dataloader():
        for pair, mask in zip(batch.pairs(), batch.masks(batch.pairs()), strict=True):
            channel = COLOURS[batch.categories[pair.category]].index(255)
            shown = batch.images[pair.image, channel]
            assert torch.equal(shown.amax(dim=0) > 0.5, mask.any(dim=0))
            assert torch.equal(shown.amax(dim=1) > 0.5, mask.any(dim=1))
            assert mask[shown > 0.5].all()
            assert shown[mask].amin() > 0.2
            assert 0 < mask.sum() < mask.numel()
            seen += 1
    assert seen == 5


def test_what_is_cut_away_or_too_small_is_counted(tmp_path):
    wide = Scene(100, 20, [Thing("dog", 0, 0, 30, 20), Thing("cat", 38, 4, 60, 10)])
    gone = Scene(100, 20, [Thing("dog", 90, 0, 100, 20)])
    assert left_out(build(tmp_path / "1", {"wide": wide, "gone": gone}, crop_pct=1.0)) == {
        "boxes cut away or below a pixel": 2,
        "images with no visible box": 1,
        "categories without images": 2,
    }
    small = Scene(
        240, 240, [Thing("dog", 0, 0, 100, 100), Thing("dog", 120, 120, 129, 240), Thing("cat", 0, 0, 10, 10)]
    )
    data = build(tmp_path / "2", {"small": small})  # ten times smaller: a cat of one pixel, a dog of nine tenths
    assert left_out(data) == {"boxes cut away or below a pixel": 1, "categories without images": 1}
    assert data.boxes_dataset()[0].view.boxes == ((0, 0, 10, 10), (0, 0, 1, 1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_an_image_is_the_one_it_is_loaded_with(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(tmp_path / "x.jpg", exif=exif)
    assert upright_size(tmp_path / "x.jpg") == load_image(tmp_path / "x.jpg").size


def turn(root: Path) -> None:
    """Store scene "a" lying on its side, with an orientation that turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(root / "images/a.png") as image:
        image.transpose(Image.Transpose.ROTATE_90).save(root / "images/a.png", exif=exif)


def test_boxes_of_an_image_that_exif_turns(tmp_path):
    data = build(tmp_path)
    turn(tmp_path)
    batch = next(iter(data.predict_dataloader()))
    assert torch.equal(batch.images[0, 0] > 0.5, batch.masks([ObjectPair(0, 0)])[0])
    edit(tmp_path, lambda content: content["images"][0].update(width=40, height=60))
    with pytest.raises(ValueError, match=r"(?s)1 of 3 images cannot .*a.png: the annotation is of an image of 40 × 60, "
                       r"the image is 60 × 40; is it annotated as stored, .* EXIF .*`on_bad_image: skip`"):  # fmt: skip
        module(tmp_path).boxes_dataset()


# What is left out


def test_nothing_is_dropped_silently(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("camaug.datamodules.boxes.rank_zero_info", said.append)
    draw(tmp_path, {**SCENES, "unannotated": Scene(10, 10, []), "empty": Scene(10, 10, [])})

    def change(content):
        content["images"] += [
            {"id": 100, "file_name": "nowhere.png", "width": 5, "height": 5},
            {"id": 101, "file_name": "empty.png", "width": 10, "height": 10},
        ]
        content["annotations"][5]["iscrowd"] = 1
        content["categories"].append({"id": 99, "name": "unicorn"})

    edit(tmp_path, change)
    data = module(tmp_path, class_indices={"dog": 3, "bird": 5, "unicorn": 6})
    assert left_out(data) == {
        "images without annotation": 1,
        "annotations without image": 1,
        "images without boxes": 1,
        "boxes around crowds": 1,
        "boxes of categories not in class_indices": 2,
        "images with no box to use": 1,
        "categories without images": 1,
    }
    data.boxes_dataset()
    (message,) = said  # once
    assert "2 images with 3 boxes of 2 categories. Left out: 1 images without annotation, 1 annotations" in message
    assert "Not in class_indices: 2 cat" in message
    assert "Without images: unicorn" in message


def test_yolo_images_without_labels_and_labels_without_image(tmp_path):
    draw(tmp_path)
    labels = annotate(tmp_path, "yolo")
    (labels / "a.txt").rename(labels / "z.txt")
    (labels / "b.txt").write_text("")
    assert left_out(module(tmp_path, "yolo")) == {
        "images without annotation": 1,
        "annotations without image": 1,
        "images without boxes": 1,
        "categories without images": 1,
    }


def test_voc_annotations_without_image(tmp_path):
    draw(tmp_path)
    annotate(tmp_path, "voc", {**SCENES, "nowhere": SCENES["a"]})
    (tmp_path / "images/b.png").rename(tmp_path / "images/d.png")
    assert left_out(module(tmp_path, "voc")) == {"images without annotation": 1, "annotations without image": 2}


def test_nothing_left_is_an_error(tmp_path):
    annotate(tmp_path, "coco")
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"no image has a visible box, of 0 annotated .* 3 annotations without image"):
        module(tmp_path).boxes_dataset()


# Bad boxes and images


def test_boxes_a_pixel_over_the_edge_are_clipped():
    assert fit_box(Box(-1, -0.2, 60.4, 41, "dog"), 60, 40) == Box(0, 0, 60, 40, "dog")


@pytest.mark.parametrize(
    ("bbox", "message"),
    [
        ([50, 5, 12, 5], r"\(50, 5, 62, 10\) reaches 2 pixels out of the image of 60 × 40"),
        ([-3, 5, 12, 5], "reaches 3 pixels out"),
        ([5, 30, 12, 15], "reaches 5 pixels out"),
        ([5, 5, 0, 5], r"\(5, 5, 5, 10\) has no area"),
        ([5, 5, 4, -2], "has no area"),
    ],
)
def test_bad_boxes(tmp_path, bbox, message):
    draw(tmp_path)
    edit(tmp_path, lambda content: content["annotations"][1].update(bbox=bbox))
    with pytest.raises(ValueError, match=rf"(?s)1 of 6 boxes cannot be used.*a.png, box 1 \(cat\): .*{message}.*"
                       "leave them out with `on_bad_box: skip`"):  # fmt: skip
        module(tmp_path).boxes_dataset()
    with pytest.warns(UserWarning, match=rf"(?s){message}.*They are left out"):
        assert left_out(module(tmp_path, on_bad_box="skip")) == {"bad boxes": 1}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("kept", [0.6, 0.0])
def test_images_that_cannot_be_read(tmp_path, format_, kept):
    data = build(tmp_path, format_=format_)
    broken = tmp_path / "images/a.png"
    content = broken.read_bytes()
    broken.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"(?s)1 of 3 images cannot be used.*a.png: .*`on_bad_image: skip`"):
        module(tmp_path, format_).boxes_dataset()
    with pytest.warns(UserWarning, match=r"(?s)a.png.*They are left out \(`on_bad_image: skip`\)"):
        assert left_out(module(tmp_path, format_, on_bad_image="skip")) == {"bad images": 1}
    with pytest.raises(ValueError, match="1 of 3 images cannot be used"):
        data.setup("validate")


def test_an_image_of_another_size_than_annotated(tmp_path):
    draw(tmp_path)
    edit(tmp_path, lambda content: content["images"][1].update(width=72, height=100))
    with pytest.raises(ValueError, match=r"b.png: the annotation is of an image of 72 × 100, the image is 36 × 50\n"):
        module(tmp_path).boxes_dataset()


# Broken annotations


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
def test_broken_coco(tmp_path, change, message):
    draw(tmp_path)
    edit(tmp_path, change)
    with pytest.raises(ValueError, match=rf"instances.json.*{message}"):
        module(tmp_path)


def test_coco_that_is_not_json(tmp_path):
    draw(tmp_path)
    annotate(tmp_path, "coco").write_text("{'images': []}")
    with pytest.raises(ValueError, match=r"instances.json is not JSON: .*line 1 column 2"):
        module(tmp_path)


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
def test_broken_voc(text, message):
    with pytest.raises(ValueError, match=message):
        parse_voc(text.encode(), "a.xml")


def test_two_voc_annotations_of_one_image(tmp_path):
    draw(tmp_path)
    where = annotate(tmp_path, "voc")
    (where / "again.xml").write_text(voc("a", SCENES["a"]))
    with pytest.raises(ValueError, match=r"again.xml is not the only annotation of .*a.png"):
        module(tmp_path, "voc")


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
def test_broken_yolo(line, message):
    with pytest.raises(ValueError, match=message):
        parse_yolo(f"0 0.5 0.5 0.2 0.2\n\n{line}\n", 100, 100, CATEGORIES, "l.txt")


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
        ({"class_indices": {"dgo": 1}}, ValueError, "maps the category 'dgo', .* 3; the nearest names are 'dog'"),
    ],
)
def test_errors_name_what_was_given(tmp_path, settings, error, message):
    draw(tmp_path)
    annotate(tmp_path, "coco")
    (tmp_path / "both").mkdir()
    for name in ("x.xml", "x.txt"):
        (tmp_path / "both" / name).touch()
    given = {"images": str(tmp_path / "images"), "annotations": str(tmp_path / "instances.json"), **settings}
    given["annotations"] = given["annotations"].replace("{root}", str(tmp_path))
    with pytest.raises(error, match=message):
        BoxesDataModule(**given)


# Classes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dog": -1}, "the category 'dog' the index -1. Expected a whole number from 0 on"),
        ({"dog": "5-3"}, "the index '5-3'"),
        ({"dog": ["a"]}, "the index 'a'"),
        ({"dog": True}, "the index True"),
        ({"dog": []}, r"the category 'dog' no index: \[\]"),
        ({"dog": ["1-3", 2]}, "the category 'dog' an index more than once"),
        ({}, "maps no category"),
    ],
)
def test_impossible_class_indices(given, message):
    with pytest.raises(ValueError, match=message):
        parse_class_indices(given, CATEGORIES)


def test_labels_are_those_of_the_largest_object(tmp_path):
    data = build(tmp_path)
    data.setup("validate")
    images, labels = next(iter(data.val_dataloader()))
    assert images.shape == (2, 3, 24, 24)
    assert labels.tolist() == [0, 1]
    assert data.dataset("val").targets == [0, 1, 0]
    assert data.classes == list(CATEGORIES)
    mask = data.dataset("val").object_mask(2)
    assert torch.equal(mask, data.dataset("val")[2][0][0] > 0.5)  # the dog, and neither of the birds


def test_labels_are_the_classes_that_categories_stand_for(tmp_path):
    data = build(tmp_path, class_indices={"bird": 4, "cat": 1, "dog": 4})
    data.setup("validate")
    assert data.classes == ["class 0", "cat", "class 2", "class 3", "dog or bird"]
    assert data.dataset("val").targets == [4, 1, 4]
    image = data.dataset("val")[2][0]
    assert torch.equal(data.dataset("val").object_mask(2), (image[0] > 0.5) | (image[2] > 0.5))


def test_several_classes_for_a_category_have_no_labels_and_are_predicted(tmp_path):
    data = build(tmp_path, class_indices={"dog": "151-153", "cat": 281})
    assert not hasattr(data, "classes")
    with pytest.raises(ValueError, match=r"maps 1 categories to several classes each \(dog\)"):
        data.setup("validate")
    data.setup("predict")
    batch = next(iter(data.predict_dataloader()))
    assert batch.class_indices == ((151, 152, 153), (281,))
    assert batch.categories == ("dog", "cat")


@pytest.mark.parametrize(("fraction", "train", "val"), [(0.5, 4, 4), (0, 8, 0), (1.0, 0, 8)])
def test_dividing(tmp_path, fraction, train, val):
    scenes = {f"{n}{i}": Scene(20, 20, [Thing(n, 2, 2, 12, 12)]) for n in ("dog", "cat") for i in range(4)}
    data = build(tmp_path, scenes, val_fraction=fraction)
    for split, count in (("train", train), ("val", val)):
        if count:
            assert len(data.build_dataset(split)) == count
        else:
            with pytest.raises(ValueError, match=f"no images to {split} with: `val_fraction` is {fraction}"):
                data.build_dataset(split)


def test_training_images_are_cropped_and_have_no_masks(tmp_path):
    scenes = {f"{n}{i}": Scene(20, 20, [Thing(n, 2, 2, 12, 12)]) for n in ("dog", "cat") for i in range(4)}
    data = build(tmp_path, scenes, val_fraction=0.5)
    data.setup("fit")
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (2, 3, 24, 24)
    assert set(labels.tolist()) <= {0, 1}
    assert not hasattr(data.dataset("train"), "object_mask")


# With the callbacks


class ColourNet(L.LightningModule):
    """How much red, green and blue: its maps are the objects themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 3, 1, bias=False)
        self.features.weight.data = torch.eye(3).view(3, 3, 1, 1)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images):
        return 10 * self.features(images).mean(dim=(2, 3))

    def validation_step(self, batch, batch_idx):
        self.log("accuracy", (self(batch[0]).argmax(dim=1) == batch[1]).float().mean())

    def predict_step(self, batch, batch_idx):
        assert isinstance(batch, BoxedBatch)
        return batch.masks(batch.pairs())


def trainer(root: Path, *callbacks: L.Callback) -> L.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    logger = L.pytorch.loggers.TensorBoardLogger(root, name="run", version="")
    return L.Trainer(accelerator="cpu", logger=logger, callbacks=list(callbacks), **quiet)


def test_callbacks_know_where_the_objects_are(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    data = build(tmp_path)
    explainer = GradCAM(layer="features")
    evaluator = CamEvaluator(["energy_in_mask", "pointing_game"], explainer)
    (figures,) = trainer(tmp_path / "1", evaluator).validate(ColourNet(), datamodule=data, verbose=False)
    assert figures["accuracy"] == 1
    area = torch.stack([data.dataset("val").object_mask(index).float().mean() for index in range(3)])
    assert figures["cam_validate/object_energy"] > 0.95  # what is missing is at the edges, half coloured
    assert figures["cam_validate/object_area"] == pytest.approx(area.mean().item(), abs=1e-6)
    assert figures["cam_validate/pointing_accuracy"] == 1
    by_class = (area[[0, 2]].mean() + area[1]) / 2
    assert figures["cam_validate/pointing_area"] == pytest.approx(by_class.item(), abs=1e-6)

    trainer(tmp_path / "2", CamLogger(explainer, images=3, fast=False)).validate(
        ColourNet(), datamodule=data, verbose=False
    )
    (event,) = EventAccumulator(str(tmp_path / "2/run")).Reload().Scalars("cam_validate/object_energy")
    assert event.value == pytest.approx(figures["cam_validate/object_energy"], abs=1e-6)


def test_prediction_gets_all_boxes(tmp_path):
    data = build(tmp_path)
    masks = trainer(tmp_path).predict(ColourNet(), datamodule=data)
    assert [len(mask) for mask in masks] == [3, 2]
    dataset = data.boxes_dataset()
    assert dataset.pairs() == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 2)]
    assert dataset.targets == [0, 1, 0]
    assert pickle.loads(pickle.dumps(dataset)).views == dataset.views


def test_boxes_are_not_taken_for_labels(tmp_path):
    two = Scene(20, 20, [Thing("dog", 2, 2, 12, 12), Thing("cat", 12, 12, 20, 20)])
    batch = next(iter(build(tmp_path, {"a": two, "b": two}).predict_dataloader()))
    found = find_images_and_labels(batch)
    assert found.images is batch.images
    assert found.labels is None


# From COCO to ImageNet

CONFIG = yaml.safe_load((ROOT / "configs/experiments/pointing_game.yaml").read_text())
INDICES = parse_class_indices(
    CONFIG["data"]["init_args"]["class_indices"], list(CONFIG["data"]["init_args"]["class_indices"])
)


def test_the_shipped_mapping_is_of_imagenet_and_no_class_is_two_things():
    used = [index for indices in INDICES.values() for index in indices]
    assert len(INDICES) == 63
    assert 0 <= min(used) < max(used) <= 999
    assert len(set(used)) == len(used)


def test_the_shipped_mapping_is_what_its_comments_say():
    """The comments carry ImageNet's names: timm's must agree, so that no index is off by one."""
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    descriptions = {name: [info.index_to_description(index) for index in of] for name, of in INDICES.items()}
    for name, word in {
        "traffic light": "traffic light", "zebra": "zebra", "mouse": "computer mouse", "airplane": "airliner",
        "keyboard": "computer keyboard", "tv": "television", "orange": "orange", "boat": "canoe", "sink": "washbasin",
        "elephant": "tusker", "wine glass": "goblet", "toilet": "toilet seat", "sports ball": "volleyball",
    }.items():  # fmt: skip
        assert any(word in text.split(", ") for text in descriptions[name]), name
    assert len(INDICES["dog"]) == 118
    assert descriptions["dog"][0] == "Chihuahua"
    assert descriptions["dog"][-1] == "Mexican hairless"
    assert len(INDICES["bird"]) == 59
    assert {"cock", "great grey owl", "black grouse", "black swan", "white stork, Ciconia ciconia"} <= {
        text if "," not in text or "stork" in text else text.split(",")[0] for text in descriptions["bird"]
    }


def from_command_line(arguments: list[str]) -> BoxesDataModule:
    import camaug.datamodules  # noqa: F401 - so that the class is found by its bare name

    parser = ArgumentParser()
    parser.add_argument("--config", action="config")
    parser.add_subclass_arguments(L.LightningDataModule, "data")
    parsed = parser.parse_args(arguments)
    return parser.instantiate_classes(parsed).data


def test_the_configuration_becomes_a_data_module(tmp_path):
    draw(tmp_path)
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({"data": CONFIG["data"]}))
    labels = annotate(tmp_path, "yolo")
    names = [*CATEGORIES, *(name for name in INDICES if name not in CATEGORIES)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    data = from_command_line(
        [
            f"--config={tmp_path / 'data.yaml'}",
            f"--data.images={tmp_path / 'images'}",
            f"--data.annotations={labels}",
            f"--data.names={tmp_path / 'names.txt'}",
        ]
    )
    assert data.categories == names
    assert data.class_indices[:2] == [tuple(range(151, 269)), tuple(range(281, 286))]


@pytest.mark.skipif(not (DATA / "coco128").is_dir(), reason=f"needs {DATA / 'coco128'}: set CAMAUG_DATA")
def test_real_images_of_coco():
    names = (DATA / "coco_classes.txt").read_text().splitlines()
    assert set(INDICES) <= set(names)
    assert set(names) - set(INDICES) == {
        "person", "fire hydrant", "giraffe", "suitcase", "frisbee", "snowboard", "kite", "baseball bat", "scissors",
        "baseball glove", "skateboard", "surfboard", "fork", "carrot", "donut", "cake", "toothbrush",
    }  # fmt: skip
    imagenet = (DATA / "imagenet_classes.txt").read_text().splitlines()
    first = {name: imagenet[indices[0]] for name, indices in INDICES.items()}
    assert first | {"zebra": "zebra", "cow": "ox", "oven": "stove", "cell phone": "cellular telephone"} == first
    where = {"images": str(DATA / "coco128/images"), "annotations": str(DATA / "coco128/labels"), "names": names}
    data = BoxesDataModule(**where, class_indices=CONFIG["data"]["init_args"]["class_indices"], num_workers=0)
    dataset = data.boxes_dataset()
    assert (len(dataset), len(dataset.pairs())) == (107, 254)
    assert data.omissions["images without annotation"] == 2
    assert data.omissions["boxes of categories not in class_indices"] == 359
    assert data.omissions["boxes cut away or below a pixel"] == 3
    assert dataset[0].image.shape == (3, 224, 224)
