from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch

from camaug.inspection.model_output import LogitsForward, describe_structure, head_widths, read_logits

LOGITS = torch.randn(4, 5)
FEATURES = torch.randn(4, 32)
Aux = namedtuple("Aux", "logits aux_logits2 aux_logits1")


@dataclass
class Output:
    loss: torch.Tensor | None
    logits: torch.Tensor
    hidden_states: tuple = ()


@pytest.mark.parametrize(
    "output",
    [
        LOGITS,
        (LOGITS,),
        [LOGITS],
        (LOGITS, torch.randn(4, 8, 7, 7)),
        (torch.tensor(0.5), LOGITS),
        (LOGITS, torch.randn(4, 5), torch.randn(4, 5)),
        {"logits": LOGITS, "features": FEATURES},
        {"features": FEATURES, "out": LOGITS},
        {"pred": LOGITS},
        {"whatever": LOGITS},
        OrderedDict(features=FEATURES, y_hat=LOGITS),
        Output(torch.tensor(0.5), LOGITS, (torch.randn(4, 5, 8),)),
        Aux(LOGITS, torch.randn(4, 5), None),
        {"result": {"Logits": LOGITS}},
    ],
    ids=lambda output: type(output).__name__,
)
def test_logits_of_every_kind_of_output(output):
    assert read_logits(output, 4) is LOGITS


@pytest.mark.parametrize("output", [torch.tensor([2.0, -1.0]), torch.tensor([[2.0], [-1.0]])])
def test_one_logit_becomes_no_and_yes(output):
    output.requires_grad_()
    logits = read_logits(output, 2)
    torch.testing.assert_close(logits.softmax(dim=1)[:, 1], output.flatten().sigmoid())
    yes, no = (torch.autograd.grad(logits[0, column], output, retain_graph=True)[0] for column in (1, 0))
    torch.testing.assert_close(yes, -no)
    assert yes.flatten()[0] > 0


def test_one_logit_in_a_container_has_a_usual_name():
    for output in ({"loss": torch.rand(4), "logits": LOGITS[:, 0]}, {"features": FEATURES, "pred": LOGITS[:, 0]}):
        torch.testing.assert_close(read_logits(output, 4)[:, 1], LOGITS[:, 0] / 2)
    assert read_logits({"pred": LOGITS[:, 0], "out": LOGITS}, 4) is LOGITS
    with pytest.raises(ValueError, match="no tensor that could be the logits"):
        read_logits({"loss": torch.rand(4)}, 4)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ((FEATURES, LOGITS), r"several tensors that could be the logits.*tuple\(float32 \(4, 32\), float32 \(4, 5\)\)"),
        (torch.zeros(4, 5, 7, 7), r"a tensor of shape \(4, 5, 7, 7\), expected logits \(N, classes\) with N = 4"),
        (torch.zeros(3, 5), r"a tensor of shape \(3, 5\).*N = 4: pass forward="),
        (
            {"out": torch.zeros(4, 5, 7, 7)},
            r"no tensor that could be the logits.*dict\('out': float32 \(4, 5, 7, 7\)\)",
        ),
    ],
)
def test_outputs_that_are_refused(output, message):
    with pytest.raises(ValueError, match=message):
        read_logits(output, 4)


@pytest.mark.parametrize("output", [None, "logits", {"loss": 0.5}, ()])
def test_outputs_without_a_tensor(output):
    with pytest.raises(TypeError, match=r"expected logits \(N, classes\): pass forward="):
        read_logits(output, 4)


def test_a_long_structure_is_cut():
    text = describe_structure({str(number): torch.zeros(1) for number in range(20)})
    assert text.endswith(", ...)")
    assert len(text) < 300


def test_a_forward_that_returns_logits():
    forward = LogitsForward(lambda images: {"logits": images.flatten(1)})
    assert forward(torch.zeros(2, 3, 4, 4)).shape == (2, 48)
    copies = LogitsForward(lambda images: (images.flatten(1).repeat(3, 1),))  # a layer may copy images
    assert copies(torch.zeros(2, 3, 4, 4)).shape == (6, 48)


def test_widths_of_the_head():
    assert head_widths(torch.randn(4, 5)) == {5}
    assert head_widths(torch.tensor([[1.0, 2.0], [3.0, -3.0]])) == {2}
    assert head_widths(read_logits(torch.randn(4, 1))) == {1, 2}
    assert head_widths(torch.zeros(4, 2)) == {1, 2}
