"""Mistakes in the course of training runs."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from camaug.metrics.energy_in_mask import energy_in_mask
from tests.callbacks._mistakes.recording import RecordingClassifier, RecordingLogger
from tests.toys import Blobs

LOADER = DataLoader(Blobs(), batch_size=8)


@pytest.fixture
def module():
    L.seed_everything(0, verbose=False)
    return RecordingClassifier()


def summary(explained) -> tuple:
    chosen = explained.chosen
    return chosen.indices, [choice.scores for choice in chosen.choices], chosen.forgotten


def test_masks_of_the_data_set_give_the_energy_inside_the_objects(module, make_trainer):
    logger = RecordingLogger("grad-cam", mistakes=5)
    make_trainer(logger, max_epochs=1).fit(module, LOADER, LOADER)
    (explained,) = logger.explained
    masks = torch.stack([Blobs().object_mask(index) for index in explained.chosen.indices])
    torch.testing.assert_close(explained.object_energy, energy_in_mask(explained.maps[:, 0], masks))


def test_snapshots_between_validations_explain_the_last_validation_once(module, make_trainer):
    logger = RecordingLogger("grad-cam", mistakes=5, every_n_steps=2)
    make_trainer(logger, max_epochs=2).fit(module, LOADER, LOADER)  # validated after steps 3 and 6
    assert [explained.chosen.step for explained in logger.explained] == [2, 5]


def test_a_resumed_run_has_the_mistakes_of_an_uninterrupted_one(make_trainer, tmp_path):
    def run(epochs, checkpoint=None):
        L.seed_everything(0, verbose=False)
        logger, module = RecordingLogger("grad-cam", mistakes=5), RecordingClassifier()
        module.net[7].p = 0.0  # random numbers are not the subject here
        trainer = make_trainer(logger, max_epochs=epochs)
        trainer.fit(module, LOADER, LOADER, ckpt_path=checkpoint, weights_only=False)
        return trainer, logger.explained

    _, whole = run(4)
    trainer, _ = run(2)
    trainer.save_checkpoint(tmp_path / "run.ckpt")
    _, resumed = run(4, tmp_path / "run.ckpt")
    assert [summary(explained) for explained in resumed] == [summary(explained) for explained in whole[2:]]
    assert resumed[0].chosen.forgotten is not None


def test_validate_and_test_have_mistakes_of_their_own(module, make_trainer):
    logger = RecordingLogger("grad-cam", mistakes=5)
    trainer = make_trainer(logger)
    trainer.validate(module, LOADER, verbose=False)
    trainer.test(module, LOADER, verbose=False)
    assert [explained.chosen.count for explained in logger.explained] == [24, 24]


def test_the_share_of_forgotten_images_is_a_scalar(module, make_trainer, read_events):
    logger = RecordingLogger("grad-cam", mistakes=5)
    make_trainer(logger, max_epochs=3).fit(module, LOADER, LOADER)
    values = [event.value for event in read_events().Scalars("cam/forgotten")]
    assert values == pytest.approx([explained.chosen.forgotten / 24 for explained in logger.explained[1:]])


def test_the_validation_metrics_are_those_without_mistakes(make_trainer):
    def logits(**settings):
        L.seed_everything(0, verbose=False)
        module = RecordingClassifier()
        make_trainer(RecordingLogger("grad-cam", **settings), max_epochs=2).fit(module, LOADER, LOADER)
        return module.logits(1)

    assert torch.equal(logits(mistakes=5), logits(mistakes=None))


def test_a_budget_below_one_is_refused():
    with pytest.raises(ValueError, match="`mistakes` must be at least 1, got 0"):
        RecordingLogger("grad-cam", mistakes=0)
