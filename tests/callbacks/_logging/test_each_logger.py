"""A logger that fails, beside others."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from camaug.callbacks._logging.each_logger import EachLogger
from tests.toys import TransformedBlobs

TRAINER = SimpleNamespace(received_sigterm=False, world_size=1)
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


def test_results_are_those_of_the_loggers_that_work():
    working, failing = Recorder(), Recorder(range(10))
    with pytest.warns(UserWarning, match="CamLogger could not write to Recorder; training goes on. ConnectionError"):
        results = EachLogger("CamLogger")(
            TRAINER, [failing, working], lambda logger: (logger.record("cam/drift", 3), "written")
        )
    assert results == [(working, (None, "written"))]


def test_each_logger_warns_once():
    each_logger, loggers = EachLogger("CamLogger"), [Recorder(range(10)), Recorder(range(10))]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(3):
            each_logger(TRAINER, loggers, lambda logger, step=step: logger.record("cam/drift", step))
    assert len(caught) == 2
    assert all(logger.refused == 3 for logger in loggers)  # the network might have been back


def test_a_failure_after_a_sigterm_ends_the_work():
    terminated = SimpleNamespace(received_sigterm=True, world_size=1)
    with pytest.raises(SIGTERMException):
        EachLogger("CamLogger")(terminated, [Recorder(range(10))], lambda logger: logger.record("cam/drift", 3))


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
    assert all("could not write to Recorder; training goes on" in failure for failure in failures)
    names = [failure.split()[0] for failure in failures]
    assert names.count("CamLogger") == names.count("CamEvaluator") == 1
    assert names.count("GroupCamAugmentation") == 2  # of the first batch, and of the quality of the bank
    assert failing.refused >= 4
    own = [entry for entry in working.logged if entry[1].startswith(OWN)]
    assert {step for step, tag in own if tag == "cam/overview"} == {2, 5}
    assert {step for step, tag in own if tag == "cam_eval/drift"} == {2, 5}
    assert (0, "augmentation/first_batch") in own
    assert {tag for step, tag in failing.logged if step == 5} == {tag for step, tag in working.logged if step == 5}
