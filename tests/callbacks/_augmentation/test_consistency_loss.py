from __future__ import annotations

import pytest
import torch

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.augmentation.recipes import as_recipe
from camaug.callbacks._augmentation.classifier_recorder import ClassifierRecorder
from camaug.callbacks._augmentation.consistency_loss import ConsistencyLoss, create_consistency
from camaug.functional.pair_consistency import pair_consistency
from tests.toys import ToyClassifier

INDEX = torch.tensor([1])
IMAGES = torch.rand(3, 3, 24, 24)
MAPS = torch.zeros(1, 24, 24)
AUGMENTED = AugmentedBatch(IMAGES, IMAGES, INDEX, IMAGES[2:], MAPS, MAPS.bool(), torch.zeros(3))
LOSS = torch.tensor(1.0)


@pytest.fixture
def module(monkeypatch):
    module = ToyClassifier().eval()
    monkeypatch.setattr(module, "log", lambda *_: None)
    return module


@pytest.fixture
def recorder(module):
    return ClassifierRecorder(module)


def test_the_term_is_added_to_a_loss_or_a_dict(module, recorder):
    term = ConsistencyLoss(module, weight=2.0)
    with recorder.recording():
        logits = module(IMAGES)
    expected = LOSS + 2 * pair_consistency(logits, INDEX)
    torch.testing.assert_close(term.add_to(LOSS, AUGMENTED, recorder), expected)
    result = term.add_to({"loss": LOSS, "more": 5}, AUGMENTED, recorder)
    torch.testing.assert_close(result["loss"], expected)
    assert result["more"] == 5
    assert term.add_to(None, AUGMENTED, recorder) is None
    assert not module._forward_hooks


def test_the_images_may_be_the_first_of_a_larger_input(module, recorder):
    with recorder.recording():
        logits = module(torch.cat([IMAGES, IMAGES.flip(3)]))
    expected = LOSS + pair_consistency(logits[:3], INDEX)
    torch.testing.assert_close(ConsistencyLoss(module, weight=1.0).add_to(LOSS, AUGMENTED, recorder), expected)


def test_a_step_that_calls_a_submodule_gets_the_term_once_it_is_known(module, recorder):
    term = ConsistencyLoss(module, weight=1.0)
    with recorder.recording():
        module.net(IMAGES)
    assert term.add_to(LOSS, AUGMENTED, recorder) is LOSS
    with recorder.recording():
        logits = module.net(IMAGES)
    expected = LOSS + pair_consistency(logits, INDEX)
    torch.testing.assert_close(term.add_to(LOSS, AUGMENTED, recorder), expected)


def test_a_step_without_logits_is_one_warning(module, recorder, recwarn):
    term = ConsistencyLoss(module, weight=1.0)
    for _ in range(4):
        with recorder.recording():
            module.net[9](torch.rand(3, 1152))
        assert term.add_to(LOSS, AUGMENTED, recorder) is LOSS
    assert len(recwarn) == 1
    message = str(recwarn[0].message)
    assert "shows no logits (3, classes) of images and masked views; it calls self.net.9. Give forward=" in message


def test_there_is_a_term_for_masked_views_and_automatic_optimisation(module):
    paired, other = as_recipe("paired"), as_recipe("hide-salient")
    assert create_consistency(module, other, 1.0, None) is None
    assert create_consistency(module, paired, 0.0, None) is None
    assert isinstance(create_consistency(module, paired, 1.0, None), ConsistencyLoss)
    module.automatic_optimization = False
    with pytest.warns(UserWarning, match="adds no consistency term, because the module uses manual optimisation"):
        assert create_consistency(module, paired, 1.0, None) is None
