"""Explanations and training runs on a GPU."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from camaug import GradCAM, GroupCAM, GroupCamTransform
from camaug.augmentation.recipes import list_recipes
from camaug.callbacks import CamLogger, GroupCamAugmentation
from tests.small_explainers import SMALL_GROUP_CAM
from tests.toys import Blobs, ToyClassifier, TransformedBlobs, quiet_trainer

GPUS = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
GPU = next((name for name, is_available in GPUS.items() if is_available), "none")
DEVICE = torch.get_device_module(GPU) if GPU != "none" else None
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(GPU == "none", reason="needs a GPU: CUDA or Apple's")]
needs_cuda = pytest.mark.skipif(GPU != "cuda", reason="needs a CUDA device")


if torch.cuda.is_available():  # read by cuBLAS at its first call
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def train(folder, *callbacks, data=None, **settings) -> list[Tensor]:
    """Return the weights and buffers after two epochs on the GPU, and the states of its generator."""
    torch.manual_seed(0)
    module = ToyClassifier()
    trainer = quiet_trainer(folder, *callbacks, accelerator="gpu", **settings)
    trainer.fit(module, data or DataLoader(Blobs(), batch_size=8), DataLoader(Blobs(), batch_size=8))
    return [*(value.cpu() for value in module.state_dict().values()), DEVICE.get_rng_state(), torch.get_rng_state()]


@pytest.mark.parametrize("explainer", [GradCAM(layer="net.4"), GroupCAM(**SMALL_GROUP_CAM, layer="net.4")])
def test_maps_are_those_of_the_cpu(explainer):
    torch.manual_seed(0)
    module, images, targets = ToyClassifier().eval(), Blobs().images[:4], torch.tensor([0, 1, 2, 0])
    expected = explainer(module, images, targets).maps
    maps = explainer(module.to(GPU), images.to(GPU), targets.to(GPU)).maps.cpu()
    assert torch.allclose(maps, expected, atol=0.02)  # convolutions in TF32


@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
def test_the_logger_changes_no_training_run(precision, deterministic, tmp_path):
    without = train(tmp_path / "without", precision=precision)
    beside = train(tmp_path / "beside", CamLogger(GradCAM(layer="net.4"), num_images=3), precision=precision)
    assert all(map(torch.equal, without, beside))


@pytest.mark.parametrize("recipe", list_recipes())
def test_recipes_train(recipe, tmp_path):
    values = train(tmp_path, GroupCamAugmentation(GradCAM(layer="net.4"), recipe=recipe, blur_kernel_size=5))
    assert all(value.isfinite().all() for value in values[:-2])


@needs_cuda
@pytest.mark.parametrize("recipe", list_recipes())
def test_no_recipe_makes_the_host_wait_after_the_first_steps(recipe):
    transform = GroupCamTransform(ToyClassifier().cuda(), GradCAM(layer="net.4"), recipe=recipe, blur_kernel_size=5)
    images, labels = Blobs().images[:8].cuda(), torch.arange(8, device="cuda") % 3
    for _ in range(3):
        transform(images, labels)
    torch.cuda.set_sync_debug_mode("error")
    try:
        transform(images, labels)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@needs_cuda
def test_training_with_a_bank_and_pinned_memory_is_training_without_it(deterministic, tmp_path):
    def with_bank(pin_memory: bool, folder: str) -> list[Tensor]:
        explainer = GradCAM(layer="net.4")
        bank = GroupCamAugmentation(explainer, refresh_every_n_epochs=1, bank_dir=str(tmp_path / folder / "bank"))
        data = DataLoader(TransformedBlobs(), batch_size=8, pin_memory=pin_memory)
        return train(tmp_path / folder, bank, data=data)

    assert all(map(torch.equal, with_bank(True, "pinned"), with_bank(False, "not")))
