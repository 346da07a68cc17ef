"""Moments at which the explaining callbacks work, without any explaining."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, IterableDataset

from camaug.callbacks._logging.moment import Moment
from camaug.callbacks._logging.probe_callback import ProbeCallback
from camaug.callbacks._logging.probe_source import ProbeSource
from camaug.callbacks._trainer.cadence import Cadence

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no `val_dataloader`"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch ended"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`, callbacks used to create the checkpoint"),
]


class Recorder(ProbeCallback):
    """A callback that records the moments at which it explains and writes."""

    def __init__(self, **intervals) -> None:
        source = ProbeSource("Recorder", None, 16, None, None, None)
        super().__init__(Cadence(**intervals), "cam", "grad-cam", source, None)
        self.explained: list[Moment] = []
        self.written: list[Moment] = []

    def _start(self, trainer, pl_module, loaders) -> None:
        self.planned = self._cadence.planned(trainer)

    def _explain(self, trainer, pl_module, moment) -> None:
        self.explained.append(moment)

    def _write(self, trainer, pl_module, moment) -> None:
        if len(self.written) < len(self.explained):
            self.written.append(moment)

    @property
    def moments(self) -> list[tuple[int, int]]:
        """The step and the epoch of each moment."""
        assert self.written == self.explained
        return [(moment.step, moment.epoch) for moment in self.explained]


class Linear(L.LightningModule):
    """A module with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        return self.layer(batch).mean()

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class TwoOptimizers(Linear):
    """A module that steps with two optimisers in each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            self.manual_backward(self.layer(batch).mean())
            optimizer.step()

    def configure_optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=0.1) for _ in range(2)]


class StopsAfterOneEpoch(Linear):
    """A module that stops the training run."""

    def on_train_epoch_end(self) -> None:
        self.trainer.should_stop = True


class StopsAfterOneBatch(Linear):
    """A module that stops the training run within an epoch."""

    def on_train_batch_end(self, outputs, batch, batch_idx) -> None:
        self.trainer.should_stop = True


class Endless(IterableDataset):
    """Endless data of unknown length."""

    def __iter__(self):
        while True:
            yield torch.ones(1)


BATCHES = torch.ones(4, 1)
EACH_EPOCH = [(3, 0), (7, 1), (11, 2)]


@pytest.fixture
def moments(make_trainer):
    """Return a function that trains with a recorder and returns its moments, and checks their planned number."""

    def train(
        intervals, *, module=Linear, data=BATCHES, has_validation=True, is_planned=True, ckpt_path=None, **settings
    ):
        recorder = Recorder(**intervals)
        others = settings.pop("others", [])
        trainer = make_trainer(recorder, *others, **({"max_epochs": 3, "logger": False} | settings))
        loaders = [DataLoader(data)] + [DataLoader(BATCHES)] * has_validation
        trainer.fit(module(), *loaders, ckpt_path=ckpt_path, weights_only=True)
        if is_planned:
            assert recorder.planned == len(recorder.moments)
        return recorder.moments

    return train


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, EACH_EPOCH),
        ({"num_sanity_val_steps": 2}, EACH_EPOCH),
        ({"has_validation": False}, EACH_EPOCH),
        ({"limit_val_batches": 0}, EACH_EPOCH),
        ({"fast_dev_run": True}, [(0, 0)]),
        ({"val_check_interval": 0.5}, [(1, 0), (3, 0), (5, 1), (7, 1), (9, 2), (11, 2)]),
        ({"check_val_every_n_epoch": 2, "is_planned": False}, [(7, 1), (11, 2)]),
        ({"check_val_every_n_epoch": 9}, [(11, 2)]),
        ({"accumulate_grad_batches": 2}, [(1, 0), (3, 1), (5, 2)]),
        ({"max_steps": 6, "max_epochs": -1, "is_planned": False}, [(3, 0), (5, 1)]),
        ({"max_steps": 3, "max_epochs": -1}, [(0, 0), (1, 0), (2, 0)]),
        ({"module": TwoOptimizers}, EACH_EPOCH),
    ],
)
def test_by_default_with_each_validation_or_at_the_end_of_each_epoch(moments, settings, expected):
    assert moments({}, **settings) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"has_validation": False}, [(2 * number + 1, 0) for number in range(20)]),
        ({}, [(2 * number + 1, 0) for number in range(20)]),  # validation would come at the end of the epoch
        ({"has_validation": False, "max_steps": 7}, [(number, 0) for number in range(7)]),
        (
            {"check_val_every_n_epoch": None, "val_check_interval": 15, "is_planned": False},
            [(14, 0), (29, 0), (39, 0)],
        ),
        ({"val_check_interval": 15, "is_planned": False}, [(14, 0), (29, 0), (39, 0)]),
    ],
)
def test_in_one_endless_epoch_with_each_validation_or_twenty_times(moments, settings, expected):
    defaults = {"data": Endless(), "max_epochs": -1, "max_steps": 40}
    assert moments({}, **{**defaults, **settings}) == expected


@pytest.mark.parametrize(
    ("intervals", "settings", "expected"),
    [
        ({"every_n_epochs": 1}, {"val_check_interval": 0.5}, EACH_EPOCH),
        ({"every_n_epochs": 2}, {"val_check_interval": 0.5}, [(7, 1), (11, 2)]),
        ({"every_n_epochs": 1}, {"val_check_interval": 3}, EACH_EPOCH),  # the last validation comes before the end
        ({"every_n_epochs": 1}, {"check_val_every_n_epoch": 2}, EACH_EPOCH),
        ({"every_n_epochs": 9}, {}, [(11, 2)]),
        ({"every_n_epochs": 3}, {"module": StopsAfterOneEpoch}, [(3, 0)]),
        ({"every_n_validations": 3}, {"val_check_interval": 0.5}, [(5, 1), (11, 2)]),
        ({"every_n_validations": 2}, {"has_validation": False}, [(11, 2)]),
        ({"every_n_steps": 5}, {}, [(4, 1), (9, 2), (11, 2)]),
        ({"every_n_steps": 1}, {"accumulate_grad_batches": 3}, [(number, number // 2) for number in range(6)]),
        ({"every_n_steps": 4}, {"module": TwoOptimizers, "max_epochs": 2}, [(1, 0), (3, 0), (5, 1), (7, 1)]),
        ({"every_n_steps": 3}, {"module": TwoOptimizers, "max_epochs": 1}, [(1, 0), (2, 0), (3, 0)]),
        ({"only_last": True}, {}, [(11, 2)]),
    ],
)
def test_intervals(moments, intervals, settings, expected):
    assert moments(intervals, is_planned=intervals.keys() == {"only_last"}, **settings) == expected


@pytest.mark.parametrize(
    ("intervals", "settings"),
    [
        ({"every_n_validations": 3}, {"val_check_interval": 0.5}),
        ({"every_n_steps": 2}, {"has_validation": False}),
        ({"every_n_epochs": 2}, {}),
        ({}, {"val_check_interval": 0.5}),
    ],
)
@pytest.mark.parametrize("saved", [{"every_n_train_steps": 5}, {"every_n_epochs": 1}])
def test_a_resumed_run_continues(moments, tmp_path, intervals, settings, saved):
    settings = {**settings, "max_epochs": 4, "is_planned": False}
    whole = moments(intervals, **settings)
    saving = ModelCheckpoint(tmp_path, filename="kept", **saved)
    limits = {"max_steps": 5} if "every_n_train_steps" in saved else {"max_epochs": 2}
    moments(intervals, others=[saving], **{**settings, **limits, "enable_checkpointing": True})
    resumed = moments(intervals, ckpt_path=tmp_path / "kept.ckpt", **settings)
    first = 5 if "max_steps" in limits else 8
    assert resumed == [(step, epoch) for step, epoch in whole if step >= first]


def test_a_message_tells_why_the_end_may_be_the_only_moment(make_trainer, caplog):
    caplog.set_level("INFO", "lightning.pytorch.utilities.rank_zero")
    for intervals, module, data in (({}, StopsAfterOneBatch, Endless()), ({"every_n_validations": 2}, Linear, BATCHES)):
        make_trainer(Recorder(**intervals), logger=False, max_epochs=1).fit(module(), DataLoader(data))
    texts = [record.message for record in caplog.records if record.message.startswith("Recorder")]
    assert [text.split(":")[1].split()[0] for text in texts] == ["the", "no"]


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ({"every_n_steps": 0}, "`every_n_steps` must be at least 1, got 0"),
        ({"every_n_epochs": 2, "every_n_validations": 1}, "only one of every_n_epochs=2 and every_n_validations=1 can"),
        ({"every_n_epochs": 2, "only_last": True}, "only one of every_n_epochs=2 and only_last=True can be given"),
    ],
)
def test_impossible_intervals(intervals, message):
    with pytest.raises(ValueError, match=message):
        Cadence(**intervals)
