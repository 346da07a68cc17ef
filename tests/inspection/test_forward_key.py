from __future__ import annotations

import functools
import gc
import weakref

import pytest
import torch
from torch import nn

from camaug.inspection.forward_key import forward_key


class Model(nn.Module):
    def forward(self, images, scale=1):
        return images

    def predict(self, images):
        return images


def lambda_for(model):
    return lambda images: model(images)


def lambda_with_default(model):
    return lambda images, model=model: model(images)


def wrapper_of(model):
    def run(images):
        return model(images)

    return functools.update_wrapper(run, model, assigned=(), updated=())


MAKERS = {
    "model": lambda model: model,
    "bound method": lambda model: model.predict,
    "lambda": lambda_for,
    "default argument": lambda_with_default,
    "partial": lambda model: functools.partial(model.predict, scale=2),
    "wrapper": wrapper_of,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_forward_made_again_has_the_same_key(make):
    model, other = Model(), Model()
    key = forward_key(make(model))
    assert key == forward_key(make(model))
    assert hash(key) == hash(forward_key(make(model)))
    assert key != forward_key(make(other))


def test_different_functions_have_different_keys():
    model = Model()
    keys = [forward_key(make(model)) for make in MAKERS.values()]
    assert keys[0] == keys[-1]
    assert len(set(keys)) == len(keys) - 1
    assert forward_key(functools.partial(model, scale=1)) != forward_key(functools.partial(model, scale=2))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_key_keeps_no_model_alive_and_equals_no_later_key(make):
    model = Model()
    key, reference = forward_key(make(model)), weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
    assert key == key
    assert all(key != forward_key(make(Model())) for _ in range(20))


def test_tensors_and_lists_are_compared_by_identity():
    def with_captured(value):
        return lambda images: images + value

    tensor = torch.ones(3)
    assert forward_key(with_captured(tensor)) == forward_key(with_captured(tensor))
    assert forward_key(with_captured(tensor)) != forward_key(with_captured(tensor.clone()))
    values = [1.0]
    assert forward_key(with_captured(values)) != forward_key(with_captured(values))  # it may have changed
    assert forward_key(with_captured(1.0)) == forward_key(with_captured(1.0))


def test_a_function_over_an_object_without_weak_references_equals_only_itself():
    def make(calls):
        def forward(images):
            calls.append(len(images))
            return images

        return forward

    calls = []
    forward = make(calls)
    assert forward_key(forward) == forward_key(forward)
    assert forward_key(forward) != forward_key(make(calls))
