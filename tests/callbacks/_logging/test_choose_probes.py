"""Choice of the probe images."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

from camaug.callbacks._logging.choose_probes import choose_probes
from tests.toys import Stream


def test_probes_are_balanced_over_classes_and_stay_on_the_cpu(dataset):
    probes = choose_probes(DataLoader(dataset, batch_size=4, shuffle=True), 6)
    probes = probes.with_classes(3)
    assert sorted(probes.labels) == [0, 0, 1, 1, 2, 2]
    assert [dataset.targets[index] for index in probes.indices] == list(probes.labels)
    assert [len(batch) for batch in probes.batches] == [4, 2]
    images = torch.cat(list(probes.batches))
    assert torch.equal(images, dataset.images[list(probes.indices)])
    assert torch.equal(torch.stack(list(probes.masks)), dataset.masks[list(probes.indices)])


def test_probes_are_the_same_in_every_run_and_draw_no_random_numbers(dataset):
    class Jittered(type(dataset)):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return image + torch.rand(()) + random.random() + np.random.rand(), label

    loader = DataLoader(Jittered(), batch_size=4)
    torch.manual_seed(1)
    first = choose_probes(loader, 4)
    after = torch.rand(())
    torch.manual_seed(1)
    assert torch.rand(()) == after
    torch.manual_seed(2)
    random.seed(3)
    np.random.seed(4)
    second = choose_probes(loader, 4)
    assert torch.equal(first.batches[0], second.batches[0])


def test_subsets_and_concatenations_are_balanced_too(dataset):
    subset = Subset(dataset, [1, 4, 7, 2, 5])
    assert choose_probes(DataLoader(subset, batch_size=4), 2).with_classes(3).labels == [1, 2]
    both = ConcatDataset([Subset(dataset, [0, 3]), Subset(dataset, [1, 4])])
    assert choose_probes(DataLoader(both, batch_size=4), 2).with_classes(3).labels == [0, 1]


def test_data_without_targets_are_sampled_evenly():
    data = [(torch.full((3, 4, 4), float(index)), index % 2) for index in range(10)]
    probes = choose_probes(DataLoader(data, batch_size=2), 5)
    assert probes.indices == [0, 2, 4, 6, 8]
    assert probes.masks is None


def test_a_stream_yields_its_first_images():
    stream = Stream([(torch.full((3, 4, 4), float(index)), 0) for index in range(5)])
    probes = choose_probes(DataLoader(stream, batch_size=2), 3)
    assert [float(image[0, 0, 0]) for batch in probes.batches for image in batch] == [0, 1, 2]
    sentences = []
    all_of_them = choose_probes(DataLoader(stream, batch_size=2), 6, warn=sentences.append)
    assert len(all_of_them.indices) == 5
    assert sentences == ["6 probe images were asked for (num_images=), and all 5 that there are are explained"]


@pytest.mark.parametrize("exactly", [True, False])
def test_data_without_images_are_refused(exactly):
    with pytest.raises(ValueError, match="the data set yields no images"):
        choose_probes(DataLoader(Stream([]), batch_size=2), 3, exactly=exactly)


@pytest.mark.parametrize("make_loader", [lambda items: items, lambda items: Stream(items)])
def test_images_with_values_that_are_not_finite_are_left_out(make_loader):
    images = torch.rand(6, 3, 4, 4)
    images[1, 0, 2, 2], images[4, 2, 0, 0] = float("nan"), float("-inf")
    loader = DataLoader(make_loader(list(zip(images, range(6), strict=True))), batch_size=4)
    sentences = []
    probes = choose_probes(loader, 6, warn=sentences.append)
    assert probes.indices == [0, 2, 3, 5]
    assert torch.equal(torch.cat(list(probes.batches)), images[[0, 2, 3, 5]])
    assert torch.cat(list(probes.raw_labels)).tolist() == [0, 2, 3, 5]
    (sentence,) = sentences
    assert sentence.count("is left out (ValueError: it has values that are NaN or infinite)") == 2
    assert sentence.endswith("The other 4 images are explained")


@pytest.mark.parametrize("exactly", [True, False])
def test_more_probes_than_images_are_all_of_them(loader, exactly):
    sentences = []
    assert len(choose_probes(loader, 25, exactly=exactly, warn=sentences.append).indices) == 24
    assert len(sentences) == exactly


@pytest.mark.parametrize(
    ("mask", "given"),
    [(None, "NoneType"), (torch.ones(4, 4), r"torch.float32 \(4, 4\)"), (torch.ones(1, 4, 4) > 0, r"\(1, 4, 4\)")],
)
def test_an_object_mask_must_be_boolean_with_two_dimensions(mask, given):
    class Data(TensorDataset):
        def object_mask(self, index):
            return mask

    loader = DataLoader(Data(torch.rand(4, 3, 4, 4), torch.arange(4)))
    message = rf"Data.object_mask\(0\) must return a boolean tensor \(H, W\) .* got .*{given}"
    with pytest.raises(ValueError, match=message):
        choose_probes(loader, 2)
