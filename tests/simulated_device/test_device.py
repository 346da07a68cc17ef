"""The simulated device itself: an accelerator's rules, its counts, and no effect outside its context."""

from __future__ import annotations

import pytest
import torch

from tests.simulated_device.backend import BACKEND, DEVICE, NAME
from tests.simulated_device.device import UNPINNED, SimulatedDevice
from tests.simulated_device.simulated_tensor import DeviceMismatchError
from tests.simulated_device.training import StepCounter, train


def test_a_tensor_has_the_numbers_of_the_cpu_and_gradients(device):
    weight = torch.tensor([1.0, 2.0], device=DEVICE, requires_grad=True)
    (weight * weight).sum().backward()
    assert weight.device.type == NAME
    assert weight.grad.tolist() == [2, 4]


def test_tensors_of_two_devices_are_refused(device):
    with pytest.raises(DeviceMismatchError, match="aten::add"):
        torch.ones(2, device=DEVICE) + torch.ones(2)
    assert (torch.ones(2, device=DEVICE) + torch.tensor(1.0)).tolist() == [2, 2]


def test_a_generator_of_another_device_is_refused(device):
    assert len(torch.randperm(3, device=DEVICE, generator=torch.Generator(DEVICE))) == 3
    with pytest.raises(DeviceMismatchError, match="generator of CPU"):
        torch.rand(3, device=DEVICE, generator=torch.Generator())
    with pytest.raises(DeviceMismatchError, match="generator of simulated"):
        torch.rand(3, generator=torch.Generator(DEVICE))


@pytest.mark.parametrize("draw", [torch.rand_like, torch.dropout, torch.Tensor.normal_])
def test_random_numbers_come_from_the_device_generator(device, draw):
    of_cpu, of_device = torch.get_rng_state(), BACKEND.get_rng_state()
    values = torch.ones(8, device=DEVICE)
    draw(values, 0.5, True) if draw is torch.dropout else draw(values)
    assert torch.equal(of_cpu, torch.get_rng_state())
    assert not torch.equal(of_device, BACKEND.get_rng_state())


def test_manual_seed_seeds_the_device(device):
    torch.manual_seed(3)
    first = torch.rand(2, device=DEVICE).tolist()
    torch.manual_seed(3)
    assert torch.rand(2, device=DEVICE).tolist() == first


@pytest.mark.parametrize(
    ("kind", "wait"),
    [
        ("_local_scalar_dense", lambda values: float(values[0])),
        ("_local_scalar_dense", lambda values: bool(values.sum() > 0)),
        ("nonzero", torch.nonzero),
        ("unique_dim", lambda values: values[:, None].unique(dim=0)),
        ("index", lambda values: values[values > 0]),
        ("to the host", torch.Tensor.cpu),
        ("to the device", lambda values: torch.ones(2).to(DEVICE)),
        ("to the device", lambda values: torch.tensor([1.0], device=DEVICE)),
        ("to the device", lambda values: values.copy_(torch.ones(3))),
        (UNPINNED, lambda values: torch.ones(2).to(DEVICE, non_blocking=True)),
    ],
)
def test_waits_are_counted_by_kind_and_line(device, kind, wait):
    values = torch.zeros(3, device=DEVICE)
    device.reset()
    wait(values)
    assert [each for each, _ in device.waits] == [kind]
    assert next(line for _, line in device.waits).startswith("elsewhere")


def test_work_on_the_device_does_not_wait(device):
    values = torch.zeros(3, device=DEVICE)
    torch.where(values > 0, values, 1).sum().exp() + torch.ones(2).pin_memory().to(DEVICE, non_blocking=True)[0]
    assert not device.waits
    assert device.operations > 0


@pytest.mark.parametrize("source", ["cpu", DEVICE])
def test_float64_is_refused_where_the_device_has_none(device_without_float64, source):
    values = torch.ones(2, device=source)
    with pytest.raises(TypeError, match="no float64"):
        values.double().to(DEVICE)


def test_outside_its_context_there_is_no_accelerator():
    if BACKEND is None:
        pytest.skip("nothing was registered")
    assert not torch.accelerator.is_available()
    assert not BACKEND.is_initialized()
    with SimulatedDevice():
        assert torch.accelerator.current_accelerator().type == NAME
    assert torch.Generator is torch._C.Generator


def test_a_training_run_counts_each_step(device):
    counter = StepCounter(device)
    module = train(counter)
    assert module.net.head.weight.device.type == "cpu"  # where Lightning leaves a module
    assert [sum(waits.values()) for waits in counter.waits] == [0, 0, 0, 0]
    assert len(set(counter.operations)) == len(set(counter.shapes)) == 1
    plain = train(device=torch.device("cpu"))
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), plain.parameters(), strict=True))
