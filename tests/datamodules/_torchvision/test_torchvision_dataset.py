"""Labels and class names of torchvision's data sets."""

from __future__ import annotations

import numpy as np
import torch

from camaug.datamodules._torchvision.torchvision_dataset import class_names, labels_of


def test_labels_and_names_are_found_under_every_attribute():
    class Source(list):
        pass

    items = [(None, 2), (None, 0), (None, 1)]
    for attribute, value in [
        ("targets", torch.tensor([2, 0, 1])),
        ("labels", np.array([2, 0, 1])),
        ("_labels", [2, 0, 1]),
        ("_samples", items),
        ("nothing", None),
    ]:
        source = Source(items)
        setattr(source, attribute, value)
        assert labels_of(source) == [2, 0, 1]
        assert class_names(source) == ["0", "1", "2"]
    source.classes = ["ant", ("bee", "honey bee"), "fly"]
    assert class_names(source) == ["ant", "bee", "fly"]
