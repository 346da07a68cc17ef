"""Raw maps in float64, compared with other implementations: pytorch-grad-cam, torchcam and captum.

A new method gets an entry in ``ORACLES``. Where there is no other implementation, or it deviates from the paper, the
method's ``info.check`` says what the maps are compared with instead. Known deviations:

* FEM in pytorch-grad-cam uses the share of marked positions as weights rather than the mean, and sums activations
  rather than marks.
* Grad-CAM++ in torchcam divides a copy, so that its alpha stays the squared gradient.
* Smooth Grad-CAM++ in torchcam rectifies the last copy's gradient rather than the mean, and sums ``A * g^3`` where the
  paper has ``sum(A) * g^3``; both are the same for one copy before average pooling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from camaug import get_explainer, list_explainers
from camaug.explainers import explainer_class
from camaug.explainers.methods import score_cam
from camaug.explainers.methods.eigen_cam import oriented
from camaug.functional.masks import normalise, upsample
from tests.explainers.compared_networks import (
    TARGETS,
    Network,
    assert_same,
    convolutional,
    full_size,
    full_size_with_relu,
    network_maps,
    pooled,
    transformer,
)
from tests.toys import Scale

pytestmark = pytest.mark.filterwarnings("default")
PYTORCH_GRAD_CAM, TORCHCAM, CAPTUM = "pytorch-grad-cam", "torchcam", "captum"
Comparison = Callable[[Network], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Oracle:
    """Another implementation of a method.

    Attributes:
        library: Name of the library.
        compare: Function from a network to our raw maps and the library's.
        networks: Networks to compare on.
        tolerance: Largest difference, as a share of a map's range.
    """

    library: str
    compare: Comparison
    networks: tuple[Callable[[], Network], ...] = (convolutional, transformer)
    tolerance: float = 1e-5


# pytorch-grad-cam


def grad_cam_package() -> Any:
    return pytest.importorskip("pytorch_grad_cam")


def pytorch_grad_cam_maps(method: str, network: Network, eigen_smooth: bool = False, **settings: Any) -> Tensor:
    package = grad_cam_package()
    activations, gradients = (each.numpy() for each in network.maps)
    targets = [package.utils.model_targets.ClassifierOutputTarget(int(target)) for target in TARGETS]
    layer = network.model.get_submodule(network.layer)
    with getattr(package, method)(network.model, [], **settings) as cam:
        maps = cam.get_cam_image(network.images, layer, targets, activations, gradients, eigen_smooth)
    return torch.from_numpy(np.asarray(maps)).double()


def by_pytorch_grad_cam(name: str, theirs: str) -> Comparison:
    return lambda network: (network_maps(name, network), pytorch_grad_cam_maps(theirs, network).relu())


def grad_cam_plus_plus(network: Network) -> tuple[Tensor, Tensor]:
    """Compare with a scaled score: the paper has no epsilon beside the squared gradients."""
    large = replace(network, model=nn.Sequential(network.model, Scale(1e4)), layer=f"0.{network.layer}")
    return network_maps("grad-cam++", large), pytorch_grad_cam_maps("GradCAMPlusPlus", large).relu()


def x_grad_cam(network: Network) -> tuple[Tensor, Tensor]:
    """Compare with scaled activations: the paper has no epsilon beside their sum."""
    large = replace(network, to_maps=lambda output: 1e3 * network.to_maps(output))
    return network_maps("x-grad-cam", network), pytorch_grad_cam_maps("XGradCAM", large).relu() / 1e6


def principal_component(name: str, theirs: str, theirs_settings: dict[str, Any], **settings: Any) -> Comparison:
    """Compare the maps up to their sign, which is arbitrary in the reference."""

    def compare(network: Network) -> tuple[Tensor, Tensor]:
        maps = pytorch_grad_cam_maps(theirs, network, **theirs_settings)
        activations, gradients = network.maps
        evidence = (activations * gradients if "grad" in name else activations).sum(dim=1)
        return network_maps(name, network, **settings), with_sign(maps, evidence)

    return compare


def eigen_smooth(inner: str, theirs: str) -> Comparison:
    def compare(network: Network) -> tuple[Tensor, Tensor]:
        maps = pytorch_grad_cam_maps(theirs, network, eigen_smooth=True)
        activations, gradients = network.maps
        weights = gradients.mean(dim=(2, 3), keepdim=True) if inner == "grad-cam" else gradients.relu()
        explainer = get_explainer("eigen-smooth", explainer=get_explainer(inner, layer=network.layer))
        return network_maps(explainer, network), with_sign(maps, (weights * activations).sum(dim=1))

    return compare


def with_sign(maps: Tensor, evidence: Tensor) -> Tensor:
    """Return the positive part of maps, after choosing their sign by the evidence."""
    return oriented(maps.flatten(1), evidence.flatten(1)).view_as(maps).relu()


def shapley_cam(network: Network) -> tuple[Tensor, Tensor]:
    with sdpa_kernel(SDPBackend.MATH):  # the other kernels cannot be differentiated twice
        activations, gradients = network.derivatives(graph=True)
    with grad_cam_package().ShapleyCAM(network.model, [], reshape_transform=network.to_maps) as cam:
        weights = torch.from_numpy(cam.get_cam_weights(network.images, None, None, activations, gradients))
    return network_maps("shapley-cam", network), torch.einsum("nk,nkuv->nuv", weights, network.maps[0]).relu()


def ablation_cam(network: Network) -> tuple[Tensor, Tensor]:
    """Compare after undoing the reference's division by the score, which inverts maps of negative logits.

    The reference replaces channels with negative activations by a large negative number, the paper by 0.
    """
    network.model[3] = nn.ReLU()
    scores = network.model(network.images).gather(1, TARGETS[:, None]).detach()
    theirs = pytorch_grad_cam_maps("AblationCAM", network) * scores.sign()[:, :, None]
    return network_maps("ablation-cam", network), theirs.relu()


def with_biases_of_convolutions() -> Network:
    """Return a network whose biases all belong to convolutions, the only ones that pytorch-grad-cam counts."""
    torch.manual_seed(6)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5, bias=False),
    )  # fmt: skip
    model[3].running_mean.normal_()
    model[3].weight.data.normal_()
    model[7].weight.data.mul_(1e4)  # so that its epsilon beside small contributions vanishes
    return Network(model.eval(), "4", torch.rand(2, 3, 16, 16))


def full_grad(network: Network) -> tuple[Tensor, Tensor]:
    """Compare maps normalised to [0, 1]. OpenCV's interpolation rounds differently from torch's."""
    package = grad_cam_package()
    targets = [package.utils.model_targets.ClassifierOutputTarget(int(target)) for target in TARGETS]
    with package.FullGrad(network.model, []) as cam:
        theirs = torch.from_numpy(cam(network.images, targets)).double()
    return get_explainer("full-grad")(network.model, network.images, TARGETS).maps.double(), theirs


# torchcam


def torchcam() -> Any:
    """Return torchcam's methods, or skip the test: torchcam needs a newer Python than camaug."""
    return pytest.importorskip("torchcam.methods", reason="torchcam is not installed")


def torchcam_maps(method: str, network: Network, layer: Any = None, **settings: Any) -> Tensor:
    settings = {"reshape_transform": network.to_maps} | settings
    with getattr(torchcam(), method)(network.model, layer or network.layer, **settings) as cam:
        scores = network.model(network.images.clone().requires_grad_())
        (maps,) = cam(class_idx=TARGETS.tolist(), scores=scores, normalized=False)
    return maps.detach().double()


def by_torchcam(name: str, theirs: str, theirs_settings: dict[str, Any] | None = None, **settings: Any) -> Comparison:
    def compare(network: Network) -> tuple[Tensor, Tensor]:
        return network_maps(name, network, **settings), torchcam_maps(theirs, network, **(theirs_settings or {})).relu()

    return compare


def queries_by_torchcam(name: str, theirs: str, theirs_settings: dict[str, Any], **settings: Any) -> Comparison:
    """Compare with masks that are normalised before they are enlarged, as in the reference."""

    def compare(network: Network) -> tuple[Tensor, Tensor]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(score_cam, "upsample", lambda maps, size: upsample(normalise(maps), size))
            patch.setattr(score_cam, "normalise", lambda masks: masks)
            return by_torchcam(name, theirs, theirs_settings, **settings)(network)

    return compare


def finer_cam(references: int) -> Comparison:
    def compare(network: Network) -> tuple[Tensor, Tensor]:
        inner = get_explainer("grad-cam", layer=network.layer)
        settings = {"base_method": torchcam().GradCAM, "gamma": 0.6, "num_references": references}
        explainer = get_explainer("finer-cam", explainer=inner, references=references)
        return network_maps(explainer, network), torchcam_maps("FinerCAM", network, **settings).relu()

    return compare


def refine_cam(network: Network) -> tuple[Tensor, Tensor]:
    """Compare where the finest map has the images' size, because the reference multiplies at the map's size."""
    layers = ["1", "3"]
    explainer = get_explainer("refine-cam", explainer="layer-cam", layers=layers)
    return network_maps(explainer, network), torchcam_maps(
        "RefineCAM", network, layers, base_method=torchcam().LayerCAM
    )


def smooth_grad_cam_plus_plus(network: Network) -> tuple[Tensor, Tensor]:
    """Compare one copy without noise, with a score that makes the reference's epsilon negligible."""
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), Scale(1e4)]
    network = replace(network, model=nn.Sequential(*network.model[:4], *head).double().eval())
    theirs = torchcam_maps("SmoothGradCAMpp", network, num_samples=1, std=1e-30)
    return network_maps("smooth-grad-cam++", network, samples=1, noise=0.0), theirs.relu()


def torchvision_transformer() -> Network:
    torch.manual_seed(8)
    model = torchvision.models.VisionTransformer(64, 16, 3, 2, 16, 32, num_classes=5).double().eval()
    nn.init.normal_(model.heads.head.weight)
    return Network(model, "encoder.layers", torch.rand(2, 3, 64, 64).double())


def legrad(network: Network) -> tuple[Tensor, Tensor]:
    """Compare with the head on the class token as the score of each block."""
    model = network.model

    def head(tokens: Tensor) -> Tensor:
        return model.heads(model.encoder.ln(tokens)[:, 0])

    ours = network_maps(get_explainer("legrad"), network)
    with torchcam().LeGrad(model, list(model.encoder.layers), score_projection=head) as cam:
        model(network.images)
        (theirs,) = cam(class_idx=TARGETS.tolist(), normalized=False)
    return ours, theirs.detach()


# captum


def captum() -> Any:
    return pytest.importorskip("captum.attr")


def grad_cam_by_captum(network: Network) -> tuple[Tensor, Tensor]:
    layer = network.model.get_submodule(network.layer)
    theirs = captum().LayerGradCam(network.model, layer).attribute(network.images, TARGETS)
    return network_maps("grad-cam", network), theirs[:, 0].relu().detach()


def guided_grad_cam(network: Network) -> tuple[Tensor, Tensor]:
    """Compare at a layer of the images' size, because the reference enlarges by nearest neighbour."""
    theirs = captum().GuidedGradCam(network.model, network.model[3]).attribute(network.images, TARGETS)
    return network_maps("guided-grad-cam", network, clip=100), theirs.abs().amax(dim=1).detach()


def attributions(name: str, theirs: str, **settings: Any) -> Comparison:
    """Compare captum called on the target's score, as in camaug, with captum called on the model."""

    def compare(network: Network) -> tuple[Tensor, Tensor]:
        explainer = get_explainer(name)
        with torch.no_grad():
            evidence = explainer.gather(network.model, network.model, network.images, TARGETS)
            ours = explainer.attributions(evidence)
        images = network.images.clone().requires_grad_()
        reference = getattr(captum(), theirs)(network.model).attribute(images, target=TARGETS, **settings)
        return ours, reference.detach()

    return compare


ORACLES: dict[str, tuple[Oracle, ...]] = {
    "ablation-cam": (Oracle(PYTORCH_GRAD_CAM, ablation_cam, (convolutional,)),),
    "cam": (Oracle(TORCHCAM, by_torchcam("cam", "CAM", {"fc_layer": "4"}), (pooled,)),),
    "deconvnet": (Oracle(CAPTUM, attributions("deconvnet", "Deconvolution"), (full_size_with_relu,), 1e-7),),
    "eigen-cam": (Oracle(PYTORCH_GRAD_CAM, principal_component("eigen-cam", "EigenCAM", {}, centred=True)),),
    "eigen-grad-cam": (Oracle(PYTORCH_GRAD_CAM, principal_component("eigen-grad-cam", "EigenGradCAM", {})),),
    "eigen-smooth": (
        Oracle(PYTORCH_GRAD_CAM, eigen_smooth("grad-cam", "GradCAM")),
        Oracle(PYTORCH_GRAD_CAM, eigen_smooth("layer-cam", "LayerCAM")),
    ),
    "finer-cam": (Oracle(TORCHCAM, finer_cam(references=1)), Oracle(TORCHCAM, finer_cam(references=3))),
    "full-grad": (Oracle(PYTORCH_GRAD_CAM, full_grad, (with_biases_of_convolutions,), 1e-3),),
    "grad-cam": (
        Oracle(PYTORCH_GRAD_CAM, by_pytorch_grad_cam("grad-cam", "GradCAM")),
        Oracle(TORCHCAM, by_torchcam("grad-cam", "GradCAM")),
        Oracle(CAPTUM, grad_cam_by_captum, (convolutional,)),  # it averages tokens over the wrong axes
    ),
    "grad-cam++": (Oracle(PYTORCH_GRAD_CAM, grad_cam_plus_plus),),
    "grad-cam-elementwise": (
        Oracle(PYTORCH_GRAD_CAM, by_pytorch_grad_cam("grad-cam-elementwise", "GradCAMElementWise")),
    ),
    "gradient": (Oracle(CAPTUM, attributions("gradient", "Saliency", abs=False), (full_size_with_relu,), 1e-7),),
    "guided-backprop": (
        Oracle(CAPTUM, attributions("guided-backprop", "GuidedBackprop"), (full_size_with_relu,), 1e-7),
    ),
    "guided-grad-cam": (Oracle(CAPTUM, guided_grad_cam, (full_size_with_relu,)),),
    "hires-cam": (Oracle(PYTORCH_GRAD_CAM, by_pytorch_grad_cam("hires-cam", "HiResCAM")),),
    "integrated-gradients": (
        Oracle(CAPTUM, attributions("integrated-gradients", "IntegratedGradients"), (full_size_with_relu,), 1e-7),
    ),
    "is-cam": (Oracle(TORCHCAM, queries_by_torchcam("is-cam", "ISCAM", {"num_samples": 3}, steps=3)),),
    "kpca-cam": (
        Oracle(PYTORCH_GRAD_CAM, principal_component("kpca-cam", "KPCA_CAM", {})),
        Oracle(
            PYTORCH_GRAD_CAM,
            principal_component("kpca-cam", "KPCA_CAM", {"kernel": "rbf", "gamma": 0.01}, kernel="rbf", gamma=0.01),
        ),
    ),
    "layer-cam": (
        Oracle(PYTORCH_GRAD_CAM, by_pytorch_grad_cam("layer-cam", "LayerCAM")),
        Oracle(TORCHCAM, by_torchcam("layer-cam", "LayerCAM")),
    ),
    "legrad": (Oracle(TORCHCAM, legrad, (torchvision_transformer,)),),
    "refine-cam": (Oracle(TORCHCAM, refine_cam, (full_size,)),),
    "score-cam": (
        Oracle(PYTORCH_GRAD_CAM, by_pytorch_grad_cam("score-cam", "ScoreCAM"), (full_size,)),  # it aligns corners
        Oracle(TORCHCAM, queries_by_torchcam("score-cam", "ScoreCAM", {})),
    ),
    "shapley-cam": (Oracle(PYTORCH_GRAD_CAM, shapley_cam),),
    "smooth-grad-cam++": (Oracle(TORCHCAM, smooth_grad_cam_plus_plus, (convolutional,)),),
    "ss-cam": (
        Oracle(TORCHCAM, queries_by_torchcam("ss-cam", "SSCAM", {"num_samples": 2, "std": 1e-30}, samples=2, std=0.0)),
    ),
    "x-grad-cam": (
        Oracle(PYTORCH_GRAD_CAM, x_grad_cam),
        Oracle(TORCHCAM, by_torchcam("x-grad-cam", "XGradCAM")),
    ),
}
CASES = [
    pytest.param(oracle, network, id=f"{name}-{oracle.library}-{network.__name__}")
    for name, oracles in ORACLES.items()
    for oracle in oracles
    for network in oracle.networks
]


@pytest.mark.parametrize(("oracle", "network"), CASES)
def test_maps_are_those_of_another_implementation(oracle, network):
    ours, theirs = oracle.compare(network())
    assert_same(ours, theirs, oracle.tolerance)


@pytest.mark.parametrize("name", list_explainers())
def test_every_method_has_an_oracle_or_another_check(name):
    info = explainer_class(name).info
    assert info is not None, f"{name} has no `info`"
    assert bool(info.oracle) == (name in ORACLES), f"`info.oracle` of {name} and ORACLES must both name an oracle"
    assert info.oracle or info.check
    assert all(oracle.library in info.oracle for oracle in ORACLES.get(name, ()))


def test_no_oracle_is_left_over():
    assert set(ORACLES) <= set(list_explainers())
