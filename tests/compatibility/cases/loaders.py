"""Cases of data loaders."""

from __future__ import annotations

from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import DataLoader, WeightedRandomSampler, default_collate

from tests.compatibility.case import Case, LeftOut, Works
from tests.compatibility.classifiers import Classifier, reading
from tests.compatibility.sources import Items, Stream, WholeBatches, WorkersOnly, loader_of


class Corrupt(Items):
    """A data set of which one item cannot be read."""

    def __getitem__(self, index):
        if index == 10:
            raise ValueError("truncated file 10.jpg")
        return super().__getitem__(index)


class Missing(Items):
    """A data set that returns None for an item."""

    def __getitem__(self, index):
        return None if index == 10 else super().__getitem__(index)


def drop_missing(items):
    return default_collate([item for item in items if item is not None])


def labelled_and_not(mode):
    return lambda: CombinedLoader({"unlabelled": loader_of(lambda x, y: x.flip(2)), "labelled": loader_of()}, mode)


class WholeDict(Classifier):
    """A module whose hooks expect the batches of all loaders."""

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return {"unlabelled": batch["unlabelled"], "labelled": batch["labelled"]}


LABELLED = reading(lambda b: b["labelled"] if isinstance(b, dict) else b)
CASES = [
    Case("a map-style data set"),
    Case("a stream (`IterableDataset`)", loader=lambda: DataLoader(Stream(), batch_size=6)),
    Case("a stream of whole batches (`batch_size=None`)", loader=lambda: DataLoader(WholeBatches(), batch_size=None)),
    Case("whole batches by index", loader=lambda: DataLoader(list(loader_of()), batch_size=None)),
    Case(
        "worker processes that own a file handle", loader=lambda: DataLoader(WorkersOnly(), batch_size=6, num_workers=1)
    ),
    Case(
        "a batch sampler", loader=lambda: DataLoader(Items(), batch_sampler=[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11]])
    ),
    Case("batches of one image", loader=lambda: loader_of(batch_size=1), trainer={"limit_train_batches": 3}),
    Case("a smaller last batch", loader=lambda: loader_of(batch_size=5)),
    Case(
        "`WeightedRandomSampler`",
        loader=lambda: loader_of(sampler=WeightedRandomSampler([1.0] * 12, 12)),
        validation=loader_of,
    ),
    Case(
        "loaders of different lengths (`max_size`)",
        reading(lambda b: b["long"] if isinstance(b, dict) else b),
        lambda: CombinedLoader({"long": loader_of(), "short": loader_of(batch_size=12)}, "max_size"),
        validation=loader_of,
    ),
    Case(
        "an item that cannot be read",
        validation=lambda: DataLoader(Corrupt(), batch_size=4),
        trainer={"limit_val_batches": 1},
        logger=Works(warning="image 10 is left out"),
    ),
    Case(
        "a `collate_fn` that drops None",
        loader=lambda: DataLoader(Missing(), batch_size=6, collate_fn=drop_missing),
        logger=Works(warning="image 10 is left out"),
    ),
    Case("dict of loaders, one unlabelled", LABELLED, labelled_and_not("min_size"), validation=loader_of),
    Case(
        "dict of loaders, the shorter ones repeated", LABELLED, labelled_and_not("max_size_cycle"), validation=loader_of
    ),
    Case(
        "hooks that expect the batches of all loaders",
        lambda: WholeDict(lambda b: b["labelled"] if isinstance(b, dict) else b),
        labelled_and_not("max_size_cycle"),
        Works('loader="labelled"'),
        validation=list,
    ),
    Case(
        "list of loaders",
        reading(lambda b: b[0] if isinstance(b[0], list) else b),
        lambda: [loader_of(), loader_of(lambda x, y: (x.flip(1), y))],
        validation=loader_of,
    ),
    Case("several validation loaders", validation=lambda: [loader_of(), loader_of(lambda x, y: (x.flip(2), y))]),
    Case("no validation data", validation=list),
    Case("an iterator", loader=lambda: iter(list(loader_of())), logger=LeftOut("is an iterator"), validation=list),
]
