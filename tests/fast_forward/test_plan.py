"""The fastest plan that keeps the logits is chosen, and the reason is given if that is not the fastest."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from camaug import FastForward, GroupCAM
from camaug.fast_forward.plan import Plan, choose_plan
from tests.fast_forward.models import with_trained_norms
from tests.toys import TinyNet


def test_the_autocast_dtype_of_the_caller_is_kept(net, images):
    dtypes = []
    handle = net.head.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    with torch.autocast("cpu", dtype=torch.float16):
        GroupCAM(groups=4)(net, images, forward=FastForward(net, dtype=torch.bfloat16))
    handle.remove()
    assert dtypes[-1] == torch.float16
    net.double()
    assert GroupCAM(groups=4)(net, images.double(), forward=FastForward(net)).logits.dtype == torch.float64


class Viewing(nn.Module):
    """Flattens with `view`, which refuses channels-last memory."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 8 * 8, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.features(images)
        return self.head(features.view(len(features), -1))


def test_a_model_that_refuses_channels_last():
    model, images = Viewing().eval(), torch.rand(2, 3, 8, 8)
    forward = FastForward(model, dtype=None)
    with (
        torch.no_grad(),
        pytest.warns(UserWarning, match=r"\(Viewing\) runs unchanged, because with channels-last it raises .*view"),
    ):
        logits = forward(images)
    torch.testing.assert_close(logits, model(images))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")  # it is reported once
        forward(images)


class PrecisionDependent(TinyNet):
    """Predicts otherwise in low precision."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.body(self.stem(images))
        return self.head(features.mean(dim=(2, 3))) * (1 if features.dtype == torch.float32 else 7)


def test_a_model_whose_logits_change_in_low_precision():
    model, images = with_trained_norms(PrecisionDependent()), torch.rand(2, 3, 16, 16)
    forward = FastForward(model, dtype=torch.bfloat16)
    with (
        torch.no_grad(),
        pytest.warns(
            UserWarning,
            match="runs unchanged, because with bfloat16, .* its logits change by",
        ),
    ):
        logits = forward(images)
    assert torch.equal(logits, model(images))
    assert forward.description == "nothing changed"


def test_logits_that_are_not_finite_leave_the_forward_unchanged_without_a_reason(net, images):
    choice = choose_plan(net, lambda batch: net(batch) / 0, images, torch.bfloat16)
    assert (choice.plan, choice.is_limited, choice.limitation) == (Plan(), True, "")


def test_the_fastest_plan_has_no_limitation(net, images):
    choice = choose_plan(with_trained_norms(net), net, images, None)
    assert str(choice.plan) == "channels-last, 2 batch-norms folded"
    assert (choice.is_limited, choice.limitation) == (False, "")
