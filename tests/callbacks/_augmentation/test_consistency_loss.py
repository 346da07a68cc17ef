from __future__ import annotations

import pytest
import torch

from camaug.augmentation.augmented_batch import AugmentedBatch
from camaug.callbacks._augmentation.consistency_loss import ConsistencyLoss
from camaug.functional.pair_consistency import pair_consistency
from tests.toys import ToyClassifier

INDEX = torch.tensor([1])
IMAGES = torch.rand(3, 3, 24, 24)
AUGMENTED = AugmentedBatch(IMAGES, IMAGES, INDEX, IMAGES[2:], torch.zeros(1, 24, 24), torch.zeros(1, 24, 24).bool())


@pytest.fixture
def module(monkeypatch):
    module = ToyClassifier().eval()
    monkeypatch.setattr(module, "log", lambda *_: None)
    return module


def test_the_term_is_added_to_a_loss_or_a_dict(module):
    term = ConsistencyLoss(module, weight=2.0)
    with term.recording():
        logits = module(IMAGES)
        expected = 1.0 + 2 * pair_consistency(logits, INDEX)
        torch.testing.assert_close(term.add_to(torch.tensor(1.0), AUGMENTED), expected)
        result = term.add_to({"loss": torch.tensor(1.0), "more": 5}, AUGMENTED)
        torch.testing.assert_close(result["loss"], expected)
        assert result["more"] == 5
        assert term.add_to(None, AUGMENTED) is None
    assert not module._forward_hooks


def test_without_the_modules_output_it_is_an_error(module):
    term = ConsistencyLoss(module, weight=1.0)
    with term.recording():
        module(IMAGES)
        term.clear()
        with pytest.raises(ValueError, match=r"compares the logits \(3, classes\) .* gave NoneType"):
            term.add_to(torch.tensor(1.0), AUGMENTED)


def test_manual_optimisation_is_refused(module):
    module.automatic_optimization = False
    with pytest.raises(ValueError, match="uses manual optimisation: set consistency=0"):
        ConsistencyLoss(module, weight=1.0)
