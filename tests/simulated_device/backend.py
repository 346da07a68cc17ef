"""Registration of the simulated device with PyTorch, as a PrivateUse1 backend in Python."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils import backend_registration

__all__ = ["BACKEND", "DEVICE", "MISSING", "NAME", "Backend"]

NAME = "simulated"
MISSING = "this PyTorch has no backends in Python"


class Backend:
    """Module of the simulated device, as ``torch.cuda`` is the module of CUDA devices.

    The device is in use only inside a :class:`tests.simulated_device.device.SimulatedDevice`, so that other tests of
    the same process find no accelerator.

    Attributes:
        generator: Generator of the device's random numbers, with a state in the main memory as CUDA's.
    """

    __name__ = f"torch.{NAME}"

    def __init__(self) -> None:
        self.generator = torch.Generator()
        self.in_use = False

    def is_available(self) -> bool:
        """Return True if the device is in use."""
        return self.in_use

    def is_initialized(self) -> bool:
        """Return True if the device is in use."""
        return self.in_use

    def device_count(self) -> int:
        """Return the number of devices."""
        return int(self.in_use)

    def current_device(self) -> int:
        """Return the index of the only device."""
        return 0

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Return the types that autocast may use."""
        return [torch.float16, torch.bfloat16]

    def get_rng_state(self, device: object = None) -> Tensor:
        """Return the state of the device's generator."""
        return self.generator.get_state()

    def set_rng_state(self, state: Tensor, device: object = None) -> None:
        """Set the state of the device's generator."""
        self.generator.set_state(state)

    def manual_seed_all(self, seed: int) -> None:
        """Seed the device's generator, which ``torch.manual_seed`` does too."""
        self.generator.manual_seed(seed)

    def synchronize(self, device: object = None) -> None:
        """Wait for nothing, because every operation is complete when it returns."""

    def _is_in_bad_fork(self) -> bool:
        return False


def _register() -> Backend:
    class Hook(backend_registration._DummyPrivateUse1Hook):
        def is_available(self) -> bool:
            return backend.in_use

    backend = Backend()
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend, Hook())
    return backend


# Autograd counts the devices at a process's first backward pass, so this must happen before any test runs.
BACKEND = _register() if hasattr(backend_registration, "_setup_privateuseone_for_python_backend") else None
DEVICE = torch.device("cpu") if BACKEND is None else torch.device(NAME, 0)
