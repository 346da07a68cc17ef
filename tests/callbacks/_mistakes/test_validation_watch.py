"""Choice of validation images as their batches pass."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader
from torchmetrics.functional.classification import multiclass_confusion_matrix

from tests.callbacks._mistakes.recording import RecordingClassifier, RecordingLogger
from tests.callbacks._mistakes.two_processes_script import SIZE, run
from tests.processes import run_ranks
from tests.toys import Blobs, Stream

COUNT = 24


@pytest.fixture
def module():
    L.seed_everything(0, verbose=False)
    return RecordingClassifier()


def fit(module, make_trainer, validation=None, *, epochs=3, data=None, **settings) -> list:
    logger = RecordingLogger("grad-cam", **settings)
    data = data or Blobs(COUNT)
    validation = DataLoader(data, batch_size=5) if validation is None else validation
    make_trainer(logger, max_epochs=epochs).fit(module, DataLoader(data, batch_size=8), validation)
    return logger.explained


def test_the_images_are_those_of_a_search_over_all_logits(module, make_trainer):
    targets = torch.tensor(Blobs(COUNT).targets)
    was_correct = None
    for epoch, explained in enumerate(fit(module, make_trainer, mistakes=8)):
        chosen, logits = explained.chosen, module.logits(epoch)
        probabilities = logits.softmax(dim=1)
        wrong = logits.argmax(dim=1) != targets
        top = probabilities.topk(2).values
        assert (chosen.count, chosen.wrong) == (COUNT, int(wrong.sum()))
        worst = torch.where(wrong, top[:, 0], -1).argsort(descending=True)[: min(3, int(wrong.sum()))]
        assert set(worst.tolist()) <= set(chosen.indices)
        assert int((top[:, 0] - top[:, 1]).argmin()) in chosen.indices
        assert len(set(chosen.indices)) == len(chosen.indices) == 8
        torch.testing.assert_close(chosen.logits, logits[chosen.indices])
        torch.testing.assert_close(chosen.images, Blobs(COUNT).images[chosen.indices])
        assert chosen.targets.tolist() == targets[chosen.indices].tolist()
        assert torch.equal(chosen.confusion, multiclass_confusion_matrix(logits, targets, 3))
        forgotten = None if was_correct is None else int((wrong & was_correct).sum())
        assert chosen.forgotten == forgotten
        for index, choice in zip(chosen.indices, chosen.choices, strict=True):
            if "forgotten" in choice.scores:
                assert wrong[index]
                assert was_correct[index]
        was_correct = ~wrong


def test_two_processes_choose_what_one_process_chooses(tmp_path):
    results, _ = run_ranks("tests.callbacks._mistakes.two_processes_script", tmp_path / "two")
    alone = run(tmp_path / "one", 0, devices=1)["explained"][0]
    assert [result["world_size"] for result in results] == [2, 2]
    assert results[1]["explained"] == []  # rank zero alone explains
    (together,) = results[0]["explained"]
    assert together["count"] == SIZE + 1  # the sampler repeats one image, which is explained once
    assert len(set(together["indices"])) == 6
    for name in ("indices", "images", "maps"):
        assert together[name] == alone[name]
    for scores, expected in zip(together["scores"], alone["scores"], strict=True):
        assert scores == pytest.approx(expected, abs=1e-5)


def test_a_shuffled_loader_has_no_newly_wrong_images_and_no_indices(module, make_trainer):
    loader = DataLoader(Blobs(COUNT), batch_size=5, shuffle=True)
    for explained in fit(module, make_trainer, loader, mistakes=8):
        assert explained.chosen.forgotten is None
        assert explained.chosen.indices == [None] * 8
        images = {image.numpy().tobytes() for image in Blobs(COUNT).images}
        assert all(image.numpy().tobytes() in images for image in explained.chosen.images)


def test_a_stream_is_watched_too(module, make_trainer):
    data = Blobs(COUNT)
    batches = [(data.images[start : start + 6], torch.tensor(data.targets[start : start + 6])) for start in (0, 6, 12)]
    (explained,) = fit(module, make_trainer, DataLoader(Stream(batches), batch_size=None), epochs=1, mistakes=8)
    assert explained.chosen.count == 18
    assert explained.chosen.indices == [None] * 8


def test_a_collate_function_that_leaves_images_out_shifts_no_index(module, make_trainer):
    def collate(items):
        kept = [item for position, item in enumerate(items) if position != 1]
        return torch.stack([image for image, _ in kept]), torch.tensor([label for _, label in kept])

    loader = DataLoader(Blobs(COUNT), batch_size=5, collate_fn=collate)
    for explained in fit(module, make_trainer, loader, mistakes=8):
        assert explained.chosen.indices == [None] * 8
        assert explained.chosen.forgotten is None


def test_images_of_other_sizes_count_and_are_told(module, make_trainer, caplog):
    class Sizes(Blobs):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return (image if index < 12 else image.repeat(1, 2, 2)[:, :36, :36]), label

    class AnySize(RecordingClassifier):
        def forward(self, images):
            return self.net(images[:, :, :24, :24])

    module = AnySize()
    loader = DataLoader(Sizes(COUNT), batch_size=4)
    with caplog.at_level("INFO"):
        (explained,) = fit(module, make_trainer, loader, epochs=1, mistakes=8)
    assert caplog.text.count("images of another size than the first batch's take no part") == 1
    assert explained.chosen.count == COUNT
    assert all(index < 12 for index in explained.chosen.indices)


def test_a_step_without_logits_is_a_sentence_and_the_snapshots_go_on(make_trainer, read_events, caplog):
    class Silent(RecordingClassifier):
        def validation_step(self, batch, batch_idx):
            pass

    with caplog.at_level("INFO"):
        assert fit(Silent(), make_trainer, mistakes=8) == []
    assert caplog.text.count("no page of mistakes: the validation step calls no module") == 1
    assert len(read_events().Images("cam/overview")) == 3


def test_a_batch_that_cannot_be_read_is_a_warning_and_training_goes_on(module, make_trainer, monkeypatch):
    from camaug.callbacks._mistakes import validation_watch

    def fail(*arguments, **settings):
        raise RuntimeError("no targets today")

    monkeypatch.setattr(validation_watch, "read_targets", fail)
    with pytest.warns(UserWarning, match="could not look for mistakes in a validation batch; training goes on"):
        assert fit(module, make_trainer, mistakes=8) == []
    assert len(module.validations) == 3


def test_nothing_is_watched_without_a_budget(module, make_trainer, read_events):
    assert fit(module, make_trainer, mistakes=None) == []
    assert "cam/mistakes" not in read_events().Tags()["images"]


def test_only_the_loader_of_the_probe_images_is_watched(module, make_trainer):
    class TwoLoaders(RecordingClassifier):
        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            super().validation_step(batch, batch_idx)

    loaders = [DataLoader(Blobs(6), batch_size=3), DataLoader(Blobs(9), batch_size=3)]
    (explained,) = fit(TwoLoaders(), make_trainer, loaders, epochs=1, mistakes=8, loader=1)
    assert explained.chosen.count == 9


def test_several_labels(make_trainer):
    class Several(Blobs):
        def __getitem__(self, index):
            label = torch.zeros(3)
            label[[self.targets[index], (self.targets[index] + index // 3 % 2) % 3]] = 1
            return self.images[index], label

    class Classifier(RecordingClassifier):
        def training_step(self, batch, batch_idx):
            return torch.nn.functional.binary_cross_entropy_with_logits(self(batch[0]), batch[1])

    L.seed_everything(0, verbose=False)
    module, data = Classifier(), Several(COUNT)
    (explained,) = fit(module, make_trainer, data=data, epochs=1, mistakes=8, multi_label=True)
    chosen, logits = explained.chosen, module.logits(0)
    rows = torch.stack([data[index][1] for index in range(COUNT)]).bool()
    assert chosen.has_several
    assert chosen.wrong == int(((logits > 0) != rows).any(dim=1).sum())
    assert torch.equal(chosen.targets, rows[chosen.indices])
    errors = (logits.sigmoid() - rows.float()).abs().amax(dim=1)
    assert int(errors.argmax()) in chosen.indices
    for index in range(3):
        found = chosen.confusion[index]
        assert int(found[1, 1]) == int(((logits[:, index] > 0) & rows[:, index]).sum())
        assert int(found.sum()) == COUNT
