"""A logger that fails, beside others."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from camaug.callbacks._logging.call_loggers import call_loggers
from tests.toys import TransformedBlobs

OWN = ("cam/", "cam_eval/", "augmentation/first_batch", "augmentation/bank")


class Recorder(Logger):
    """Logger that records tags, and fails at those of the callbacks' own calls while it is offline."""

    name, version = "recorder", "0"

    def __init__(self, offline: range = range(0)) -> None:
        self.offline = offline
        self.logged: list[tuple[int | None, str]] = []
        self.refused = 0

    def log_metrics(self, metrics, step=None):
        for tag in metrics:
            self.record(tag, step)

    def log_image(self, key, images, step=None):
        self.record(key, step)

    def record(self, tag: str, step: int | None) -> None:
        if step in self.offline and tag.startswith(OWN):
            self.refused += 1
            raise ConnectionError(f"no network at step {step}")
        self.logged.append((step, tag))

    def log_hyperparams(self, params, *args, **kwargs): ...


class Trainer:
    """Trainer with the attributes that a warning reads."""

    world_size = 1

    def __init__(self, *loggers: Logger, received_sigterm: bool = False) -> None:
        self.loggers, self.received_sigterm = loggers, received_sigterm


def call(trainer: Any, step: int) -> list[tuple[Logger, int]]:
    """Log a value to each logger, and return the loggers that took it."""

    def record(logger: Any) -> int:
        logger.record("cam/drift", step)
        return step

    return call_loggers(trainer, record)


def test_results_are_those_of_the_loggers_that_work():
    working, failing = Recorder(), Recorder(range(10))
    with pytest.warns(UserWarning, match="camaug could not write to Recorder; training goes on. ConnectionError"):
        assert call(Trainer(failing, working), 3) == [(working, 3)]


def test_each_logger_of_a_trainer_warns_once():
    loggers = [Recorder(range(10)), Recorder(range(10))]
    trainer = Trainer(*loggers)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(3):
            call(trainer, step)
    assert len(caught) == 2
    assert all(logger.refused == 3 for logger in loggers)  # the network might have been back
    with pytest.warns(UserWarning, match="no network at step 3"):
        call(Trainer(*loggers), 3)


def test_a_failure_after_a_sigterm_ends_the_work():
    with pytest.raises(SIGTERMException):
        call(Trainer(Recorder(range(10)), received_sigterm=True), 3)


def test_training_goes_on_without_a_logger_and_with_all_others(module, make_trainer, tmp_path):
    loader = DataLoader(TransformedBlobs(), batch_size=8)
    working, failing = Recorder(), Recorder(range(4))  # of six steps
    callbacks = [
        CamLogger("grad-cam", num_images=3),
        CamEvaluator("drift", "grad-cam", num_images=3),
        GroupCamAugmentation(recipe="paired", refresh_every_n_epochs=1),
    ]
    trainer = make_trainer(*callbacks, logger=[failing, working], default_root_dir=tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(module, loader, loader)
    assert trainer.global_step == 6
    failures = [str(warning.message) for warning in caught if "ConnectionError" in str(warning.message)]
    assert len(failures) == 1  # of three callbacks
    assert failures[0].startswith("camaug could not write to Recorder; training goes on. ConnectionError")
    assert failing.refused >= 4
    own = [entry for entry in working.logged if entry[1].startswith(OWN)]
    assert {step for step, tag in own if tag == "cam/overview"} == {2, 5}
    assert {step for step, tag in own if tag == "cam_eval/drift"} == {2, 5}
    assert (0, "augmentation/first_batch") in own
    assert {tag for step, tag in failing.logged if step == 5} == {tag for step, tag in working.logged if step == 5}
