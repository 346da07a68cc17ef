from __future__ import annotations

import lightning as L

from camaug.callbacks._trainer.has_own_forward import has_own_forward
from tests.toys import ToyClassifier


def test_a_class_or_an_instance_defines_forward():
    module = L.LightningModule()
    assert has_own_forward(ToyClassifier())
    assert not has_own_forward(module)
    module.forward = lambda images: images
    assert has_own_forward(module)
