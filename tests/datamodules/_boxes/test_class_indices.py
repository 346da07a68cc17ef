"""The mapping from categories to classes, and the mapping from COCO to ImageNet."""

from __future__ import annotations

import os
from pathlib import Path

import lightning as L
import pytest
import yaml
from jsonargparse import ArgumentParser

from camaug.datamodules import BoxesDataModule
from camaug.datamodules._boxes.class_indices import parse_class_indices
from tests.datamodules.box_data import (
    CATEGORIES,
    annotate,
    draw,
)

ROOT = Path(__file__).parents[3]


DATA = Path(os.environ.get("CAMAUG_DATA", ROOT.parent / "shared" / "data"))


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
def test_impossible_class_indices_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        parse_class_indices(given, CATEGORIES)


CONFIG = yaml.safe_load((ROOT / "configs/experiments/pointing_game.yaml").read_text())


INDICES = parse_class_indices(
    CONFIG["data"]["init_args"]["class_indices"], list(CONFIG["data"]["init_args"]["class_indices"])
)


def test_the_shipped_mapping_has_classes_of_imagenet_each_once():
    used = [index for indices in INDICES.values() for index in indices]
    assert len(INDICES) == 63
    assert 0 <= min(used) < max(used) <= 999
    assert len(set(used)) == len(used)


def test_the_shipped_mapping_matches_its_comments():
    """The comments have ImageNet's names. They must equal timm's, so that no index is off by one."""
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
def test_real_images_of_coco_are_read():
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
