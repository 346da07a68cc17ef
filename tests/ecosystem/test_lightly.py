"""lightly's classifiers, which are modules of pytorch_lightning."""

from __future__ import annotations

import pytest

pytest.importorskip("lightly")

import pytorch_lightning as pl
import timm
from lightly.utils.benchmarking import FinetuneClassifier, LinearClassifier

from tests.ecosystem.squares import squares_loader
from tests.ecosystem.trained import train


def fit(tmp_path, classifier, **settings):
    network = timm.create_model("resnet10t", num_classes=0)
    module = classifier(network, batch_size_per_device=8, feature_dim=512, num_classes=3, topk=(1, 2))
    loader = squares_loader(side=64)
    return train(tmp_path, module, loader, loader, package=pl, **settings)


def test_fine_tuning(tmp_path):
    fit(tmp_path, FinetuneClassifier).check()


def test_a_linear_classifier_on_frozen_features(tmp_path):
    fit(tmp_path, LinearClassifier, logging={"explainer": "score-cam"}).check()
