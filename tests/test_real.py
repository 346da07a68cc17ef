"""Maps and metrics of real weights on real images, from the folder CAMAUG_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms import v2

from camaug import GradCAM, GroupCAM, find_layer, get_explainer, spatial_features
from camaug.explainers.methods.grad_cam import channel_weights
from camaug.explainers.methods.group_cam import group_maps
from camaug.functional.masks import gaussian_blur
from camaug.metrics import ROAD, Trust

DATA = Path(os.environ.get("CAMAUG_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS = DATA / "squeezenet1_0_imagenet.safetensors"

pytestmark = pytest.mark.skipif(not WEIGHTS.is_file(), reason=f"needs {WEIGHTS}: set CAMAUG_DATA")


@pytest.fixture(scope="module")
def squeezenet():
    model = torchvision.models.squeezenet1_0()
    model.load_state_dict(load_file(WEIGHTS))
    return model.eval()


@pytest.fixture(scope="module")
def samples():
    """Return every twelfth of the hundred sample images, and their classes."""
    paths = sorted((DATA / "imagenet_samples").glob("*.jpg"))[::12]
    assert len(paths) >= 8
    prepare = v2.Compose(
        [
            v2.PILToTensor(),
            v2.CenterCrop(224),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    images = torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])
    return images, torch.tensor([int(path.name[:3]) for path in paths])


def probability(model, images, targets):
    with torch.no_grad():
        return model(images).softmax(dim=1).gather(1, targets[:, None])[:, 0]


def probability_of_kept(model, images, targets, order):
    """Return the probability of the blurred image with the first fifth of the pixels, in the given order, kept."""
    count = order.shape[1]
    mask = torch.zeros(order.shape).scatter_(1, order[:, : count // 5], 1).view(-1, 1, *images.shape[2:])
    return probability(model, images * mask + gaussian_blur(images) * (1 - mask), targets)


@pytest.mark.parametrize("explainer", [GroupCAM(groups=32), GradCAM()], ids=lambda explainer: explainer.name)
def test_pixels_with_high_values_carry_the_prediction(squeezenet, samples, explainer):
    images, targets = samples
    maps = explainer(squeezenet, images, targets).maps
    assert maps.isfinite().all()
    assert (maps.amax(dim=(1, 2)) == 1).sum() >= len(images) - 1
    by_map = probability_of_kept(squeezenet, images, targets, maps.flatten(1).argsort(dim=1, descending=True))
    by_chance = probability_of_kept(squeezenet, images, targets, torch.rand(maps.shape).flatten(1).argsort(dim=1))
    worst = probability_of_kept(squeezenet, images, targets, maps.flatten(1).argsort(dim=1))
    assert by_map.mean() > 3 * by_chance.mean()
    assert by_map.mean() > 3 * worst.mean()


def test_metrics_tell_good_maps_from_noise_and_from_class_independent_maps(squeezenet, samples):
    # On ten images Grad-CAM has a ROAD score of 0.24, noise 0.00. Eigen-CAM depends on neither class nor head.
    images, targets = (each[:4] for each in samples)
    explainers = {name: get_explainer(name) for name in ("grad-cam", "eigen-cam")}
    maps = {name: explainer(squeezenet, images, targets).maps for name, explainer in explainers.items()}
    combined = {}
    for name, saliency in {"grad-cam": maps["grad-cam"], "noise": torch.rand(4, 224, 224)}.items():
        road = ROAD([50])
        road.update(squeezenet, images, saliency, targets)
        combined[name] = road.compute()["combined"]
    assert combined["grad-cam"] > 0.1 > 0.05 > abs(combined["noise"])
    trust_metrics = {}
    for name, explainer in explainers.items():
        trust = Trust(explainer)
        trust.update(squeezenet, images, maps[name], targets)
        trust_metrics[name] = trust.compute()
    assert trust_metrics["eigen-cam"]["class_similarity"] == trust_metrics["eigen-cam"]["head_similarity"] == 1
    assert trust_metrics["grad-cam"]["class_similarity"] < 0.9
    assert trust_metrics["grad-cam"]["head_similarity"] < 0.5


def test_some_of_32_groups_are_zero_everywhere(squeezenet, samples):
    # The published code divides 0 by 0 there.
    images, targets = samples
    assert find_layer(squeezenet, images).name == "features"
    features = spatial_features(squeezenet, images).requires_grad_()
    logits = squeezenet.classifier(features).flatten(1)
    (gradients,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), features)
    maps = group_maps(features.detach(), 32, channel_weights(gradients))
    is_zero = maps.amax(dim=(2, 3)) == 0
    assert is_zero.any(dim=1).sum() > len(images) / 2
    assert not is_zero.all(dim=1).any()
