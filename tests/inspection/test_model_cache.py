from __future__ import annotations

import copy
import gc
import weakref

import pytest
from torch import nn

from camaug.inspection.model_cache import MAX_ENTRIES, ModelCache

SIZE = (8, 8)


def create():
    return nn.Sequential(nn.Linear(2, 2), nn.ReLU())


class Counted:
    """A value that counts how often it is computed."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return self.count


@pytest.fixture
def compute():
    return Counted()


def test_a_value_is_computed_once(compute):
    cache, model = ModelCache(), create()
    assert [cache.get(model, SIZE, model, compute) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.append(nn.ReLU()),
        lambda model: model.__delitem__(1),
        lambda model: model.__setitem__(0, nn.Linear(2, 2)),
        lambda model: model.insert(0, nn.Identity()),
        lambda model: setattr(model[0], "grad_checkpointing", True),
    ],
    ids=["added", "removed", "replaced", "renamed", "checkpointed"],
)
def test_a_changed_model_is_computed_again(compute, change):
    cache, model = ModelCache(), create()
    cache.get(model, SIZE, model, compute)
    change(model)
    assert [cache.get(model, SIZE, model, compute) for _ in range(2)] == [2, 2]


def test_modes_and_weights_do_not_count_as_changes(compute):
    cache, model = ModelCache(), create()
    cache.get(model, SIZE, model, compute)
    model.eval()
    model[0].weight.data.zero_()
    assert cache.get(model, SIZE, model, compute) == 1


def test_image_sizes_forwards_and_copies_have_their_own_values(compute):
    cache, model = ModelCache(), create()
    copied = copy.deepcopy(model)
    requests = [(model, SIZE, model), (model, (8, 9), model), (model, SIZE, model[0]), (copied, SIZE, copied)]
    values = [[cache.get(*request, compute) for request in requests] for _ in range(2)]
    assert values == [[1, 2, 3, 4]] * 2


def test_a_deleted_model_leaves_the_cache(compute):
    cache, model = ModelCache(), create()
    cache.get(model, SIZE, model.forward, compute)
    reference = weakref.ref(model)
    assert len(cache) == 1
    del model
    gc.collect()
    assert reference() is None
    assert len(cache) == 0


def test_forwards_that_equal_only_themselves_do_not_accumulate(compute):
    cache, model = ModelCache(), create()
    for _ in range(2 * MAX_ENTRIES):
        cache.get(model, SIZE, lambda images, values=[]: values, compute)
    assert compute.count == 2 * MAX_ENTRIES
    assert len(cache._models[model].values) == MAX_ENTRIES


def test_an_error_is_not_kept():
    cache, model = ModelCache(), create()
    with pytest.raises(ZeroDivisionError):
        cache.get(model, SIZE, model, lambda: 1 / 0)
    assert cache.get(model, SIZE, model, lambda: "value") == "value"
