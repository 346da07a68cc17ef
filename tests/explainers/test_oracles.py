"""Raw maps, in float64, against other people's code: pytorch-grad-cam, torchcam and captum.

Where a peer deviates from its method's paper, the method is tested against the formula instead: FEM (pytorch-grad-cam
weighs by the share of marked places rather than by the mean, and sums the activations rather than the marks),
Grad-CAM++ (torchcam divides a copy, so that its alpha stays the squared gradient) and Smooth Grad-CAM++ (torchcam
rectifies the last copy's gradient rather than the mean, and sums ``A * g^3`` where the paper has ``sum(A) * g^3``: the
two are one for a single copy behind average pooling).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from camaug import get_explainer
from camaug.explainers import LayerExplainer, Target
from camaug.explainers.methods.eigen_cam import oriented
from tests.toys import Scale

peer = pytest.importorskip("pytorch_grad_cam")

pytestmark = pytest.mark.filterwarnings("default")
TARGETS = torch.tensor([0, 3])


@dataclass(frozen=True)
class Case:
    """A network in float64, a layer of it, and how that layer's output becomes maps."""

    model: nn.Module
    layer: str
    images: Tensor
    to_maps: Callable[[Tensor], Tensor]

    def derivatives(self, *, graph: bool = False) -> tuple[Tensor, Tensor]:
        """Activations and gradients, raw, by a hook and autograd of the test's own."""
        kept: list[Tensor] = []
        handle = self.model.get_submodule(self.layer).register_forward_hook(lambda m, i, output: kept.append(output))
        score = self.model(self.images).gather(1, TARGETS[:, None]).sum()
        handle.remove()
        return kept[0], torch.autograd.grad(score, kept[0], create_graph=graph)[0]

    @property
    def maps(self) -> tuple[Tensor, Tensor]:
        return tuple(self.to_maps(each).detach() for each in self.derivatives())


def convolutional() -> Case:
    """A head with a hidden layer, so that gradients differ from place to place, and curvature is not zero."""
    torch.manual_seed(7)
    features = [nn.Conv2d(3, 6, 3, 2, 1), nn.Tanh(), nn.Conv2d(6, 8, 3, 2, 1), nn.ELU()]
    model = nn.Sequential(*features, nn.Flatten(), nn.Linear(128, 10), nn.Tanh(), nn.Linear(10, 5))
    return Case(model.double().eval(), "3", torch.rand(2, 3, 16, 16).double(), lambda output: output)


def transformer() -> Case:
    torch.manual_seed(4)
    model = timm.create_model("test_vit", num_classes=5, img_size=64).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    images = torch.rand(2, 3, 64, 64).double()
    return Case(model, "blocks.3", images, lambda tokens: tokens[:, 1:].transpose(1, 2).unflatten(2, (4, 4)))


@pytest.fixture(params=[convolutional, transformer], ids=["cnn", "vit"])
def case(request: pytest.FixtureRequest) -> Case:
    return request.param()


def ours(name: str, case: Case, **settings: Any) -> Tensor:
    """The raw map of our method, before it is enlarged and stretched."""
    explainer = get_explainer(name, layer=case.layer, **settings)
    assert isinstance(explainer, LayerExplainer)
    with torch.no_grad():
        evidence = explainer.gather(case.model, case.model, case.images, TARGETS)
        return explainer.saliency(evidence)


def assert_same(own: Tensor, reference: Tensor) -> None:
    """At most 1e-5 of the map's range apart."""
    assert own.dtype == reference.dtype == torch.float64
    extent = reference.amax(dim=(1, 2), keepdim=True) - reference.amin(dim=(1, 2), keepdim=True)
    assert (extent > 0).all()
    assert ((own - reference).abs() / extent).amax() < 1e-5


# pytorch-grad-cam


def _reference_pytorch_grad_cam(method: str, case: Case, eigen_smooth: bool = False, **settings: Any) -> Tensor:
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    activations, gradients = (each.numpy() for each in case.maps)
    targets = [ClassifierOutputTarget(int(target)) for target in TARGETS]
    with getattr(peer, method)(case.model, [], **settings) as cam:
        arguments = (case.images, case.model.get_submodule(case.layer), targets, activations, gradients, eigen_smooth)
        return torch.from_numpy(np.asarray(cam.get_cam_image(*arguments))).double()


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("grad-cam", "GradCAM"),
        ("hires-cam", "HiResCAM"),
        ("layer-cam", "LayerCAM"),
        ("grad-cam-elementwise", "GradCAMElementWise"),
    ],
)
def test_pytorch_grad_cam(case, name, theirs):
    assert_same(ours(name, case), _reference_pytorch_grad_cam(theirs, case).relu())


def test_grad_cam_plus_plus_against_pytorch_grad_cam(case):
    """Its epsilon beside squared gradients is not in the paper: the score is scaled until it vanishes."""
    large = replace(case, model=nn.Sequential(case.model, Scale(1e4)), layer=f"0.{case.layer}")
    assert_same(ours("grad-cam++", large), _reference_pytorch_grad_cam("GradCAMPlusPlus", large).relu())


def test_x_grad_cam_against_pytorch_grad_cam(case):
    """Its epsilon beside the sum of activations is not in the paper: they are scaled until it vanishes."""
    large = replace(case, to_maps=lambda output: 1e3 * case.to_maps(output))
    reference = _reference_pytorch_grad_cam("XGradCAM", large).relu() / 1e6
    assert_same(ours("x-grad-cam", case), reference)


@pytest.mark.parametrize(
    ("name", "theirs", "settings"),
    [
        ("eigen-cam", "EigenCAM", {"centred": True}),
        ("eigen-grad-cam", "EigenGradCAM", {"centred": True}),
        ("kpca-cam", "KPCA_CAM", {}),
        ("kpca-cam", "KPCA_CAM", {"kernel": "rbf", "gamma": 0.01}),
    ],
)
def test_principal_components_against_pytorch_grad_cam(case, name, theirs, settings):
    """But for the sign, which it leaves to chance."""
    kernel = {} if "centred" in settings else settings
    theirs = _reference_pytorch_grad_cam(theirs, case, **kernel)
    activations, gradients = case.maps
    evidence = (activations * gradients if "grad" in name else activations).sum(dim=1)
    assert_same(ours(name, case, **settings), oriented(theirs.flatten(1), evidence.flatten(1)).view_as(theirs).relu())


@pytest.mark.parametrize(("inner", "theirs"), [("grad-cam", "GradCAM"), ("layer-cam", "LayerCAM")])
def test_eigen_smooth_against_pytorch_grad_cam(case, inner, theirs):
    theirs = _reference_pytorch_grad_cam(theirs, case, eigen_smooth=True)
    activations, gradients = case.maps
    weights = gradients.mean(dim=(2, 3), keepdim=True) if inner == "grad-cam" else gradients.relu()
    evidence = (weights * activations).sum(dim=1).flatten(1)
    explainer = get_explainer("eigen-smooth", explainer=get_explainer(inner, layer=case.layer))
    with torch.no_grad():
        own = explainer.saliency(explainer.gather(case.model, case.model, case.images, TARGETS))
    assert_same(own, oriented(theirs.flatten(1), evidence).view_as(theirs).relu())


@pytest.mark.parametrize("network", [convolutional, transformer])
def test_shapley_cam_against_pytorch_grad_cam(network):
    with sdpa_kernel(SDPBackend.MATH):  # the others cannot be differentiated twice
        case = network()
        activations, gradients = case.derivatives(graph=True)
    with peer.ShapleyCAM(case.model, [], reshape_transform=case.to_maps) as cam:
        theirs = torch.from_numpy(cam.get_cam_weights(case.images, None, None, activations, gradients))
    reference = torch.einsum("nk,nkuv->nuv", theirs, case.maps[0]).relu()
    assert_same(ours("shapley-cam", case), reference)
    if case.layer == "3":
        assert (ours("grad-cam", case) - reference).abs().amax() > 1e-3 * reference.amax()


def at_full_size() -> Case:
    """The layer has the images' size: pytorch-grad-cam aligns corners where it enlarges masks, the papers do not."""
    torch.manual_seed(5)
    features = [nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 8, 3, padding=1), nn.ELU()]
    model = nn.Sequential(*features, nn.MaxPool2d(4), nn.Flatten(), nn.Linear(32, 5))
    return Case(model.double().eval(), "3", torch.rand(2, 3, 8, 8).double(), lambda output: output)


def test_score_cam_against_pytorch_grad_cam():
    case = at_full_size()
    assert_same(ours("score-cam", case), _reference_pytorch_grad_cam("ScoreCAM", case).relu())


def test_ablation_cam_against_pytorch_grad_cam():
    """It divides by the score itself, and so turns the map of a class with a negative logit.

    Where activations are negative, it ablates with a large negative number; the paper says 0.
    """
    case = convolutional()
    case.model[3] = nn.ReLU()
    scores = case.model(case.images).gather(1, TARGETS[:, None]).detach()
    theirs = _reference_pytorch_grad_cam("AblationCAM", case) * scores.sign()[:, :, None]
    assert_same(ours("ablation-cam", case), theirs.relu())


def test_ablation_of_tokens_by_hand():
    """The class token stays, the patches' channel is 0."""
    case = transformer()
    tokens = case.derivatives()[0].detach()
    score = case.model(case.images).gather(1, TARGETS[:, None])
    lost = []
    for channel in range(tokens.shape[2]):
        ablated = tokens.clone()
        ablated[:, 1:, channel] = 0
        for block in case.model.blocks[4:]:
            ablated = block(ablated)
        lost.append(score - case.model.forward_head(case.model.norm(ablated)).gather(1, TARGETS[:, None]))
    weights = torch.cat(lost, dim=1).detach() / score.abs().detach()
    assert_same(ours("ablation-cam", case), torch.einsum("nk,nkuv->nuv", weights, case.maps[0]).relu())


def test_full_grad_against_pytorch_grad_cam():
    """On a network whose biases are all of convolutions, which are what it counts."""
    torch.manual_seed(6)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5, bias=False),
    )  # fmt: skip
    model[3].running_mean.normal_()
    model[3].weight.data.normal_()
    model[7].weight.data.mul_(1e4)  # so that its epsilon beside small shares vanishes
    images = torch.rand(2, 3, 16, 16)
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    with peer.FullGrad(model.eval(), []) as cam:
        theirs = cam(images, [ClassifierOutputTarget(int(target)) for target in TARGETS])
    own = get_explainer("full-grad")(model, images, TARGETS).maps
    for map_, reference in zip(own, torch.from_numpy(theirs), strict=True):
        # Both are stretched to [0, 1]; OpenCV's enlargement rounds otherwise than torch's.
        assert (map_ - reference).abs().amax() < 1e-3


# torchcam


def torchcam() -> Any:
    """Its methods; it asks for Python 3.11, and camaug does not."""
    return pytest.importorskip("torchcam.methods", reason="torchcam is not installed")


def _reference_torchcam(method: str, case: Case, layer: Any = None, **settings: Any) -> Tensor:
    settings = {"reshape_transform": case.to_maps} | settings
    with getattr(torchcam(), method)(case.model, layer or case.layer, **settings) as cam:
        scores = case.model(case.images.clone().requires_grad_())
        (found,) = cam(class_idx=TARGETS.tolist(), scores=scores, normalized=False)
    return found.detach().double()


@pytest.mark.parametrize(
    ("name", "theirs"), [("grad-cam", "GradCAM"), ("x-grad-cam", "XGradCAM"), ("layer-cam", "LayerCAM")]
)
def test_torchcam(case, name, theirs):
    assert_same(ours(name, case), _reference_torchcam(theirs, case).relu())


@pytest.mark.parametrize(
    ("name", "theirs", "settings", "their_settings"),
    [
        ("score-cam", "ScoreCAM", {}, {}),
        ("ss-cam", "SSCAM", {"samples": 2, "std": 0.0}, {"num_samples": 2, "std": 1e-30}),
        ("is-cam", "ISCAM", {"steps": 3}, {"num_samples": 3}),
    ],
)
def test_queries_against_torchcam(case, name, theirs, settings, their_settings, monkeypatch):
    """It stretches the masks before it enlarges them, which moves them a little: ours are made to do so too."""
    from camaug.explainers.methods import score_cam

    monkeypatch.setattr(score_cam, "upsample", lambda maps, size: upsample_stretched(maps, size))
    monkeypatch.setattr(score_cam, "normalise", lambda masks: masks)
    assert_same(ours(name, case, **settings), _reference_torchcam(theirs, case, **their_settings).relu())


def upsample_stretched(maps: Tensor, size: tuple[int, int]) -> Tensor:
    from camaug.functional.masks import normalise, upsample

    return upsample(normalise(maps), size)


def test_cam_against_torchcam():
    torch.manual_seed(7)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    case = Case(model.double().eval(), "1", torch.rand(2, 3, 16, 16).double(), lambda output: output)
    assert_same(ours("cam", case), _reference_torchcam("CAM", case, fc_layer="4").relu())


@pytest.mark.parametrize("references", [1, 3])
def test_finer_cam_against_torchcam(case, references):
    explainer = get_explainer("finer-cam", explainer=get_explainer("grad-cam", layer=case.layer), references=references)
    with torch.no_grad():
        own = explainer.saliency(explainer.gather(case.model, case.model, case.images, TARGETS))
    theirs = _reference_torchcam("FinerCAM", case, base_method=torchcam().GradCAM, gamma=0.6, num_references=references)
    assert_same(own, theirs.relu())


def test_refine_cam_against_torchcam():
    """It multiplies at the size of the finest map; that is the images' size here, where ours are multiplied."""
    case = at_full_size()
    layers = ["1", "3"]
    explainer = get_explainer("refine-cam", explainer="layer-cam", layers=layers)
    with torch.no_grad():
        own = explainer.saliency(explainer.gather(case.model, case.model, case.images, TARGETS))
    theirs = _reference_torchcam("RefineCAM", case, layers, base_method=torchcam().LayerCAM)
    assert_same(own, theirs)


def test_smooth_grad_cam_plus_plus_against_torchcam():
    """With one copy and no noise, behind average pooling, the score scaled until its epsilon vanishes."""
    case = convolutional()
    pooled = nn.Sequential(*case.model[:4], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), Scale(1e4))
    case = replace(case, model=pooled.double().eval())
    own = ours("smooth-grad-cam++", case, samples=1, noise=0.0)
    assert_same(own, _reference_torchcam("SmoothGradCAMpp", case, num_samples=1, std=1e-30).relu())


def test_legrad_against_torchcam():
    """On torchvision's transformer, with its head on the class token as the score of each block."""
    import torchvision

    torch.manual_seed(8)
    model = torchvision.models.VisionTransformer(64, 16, 3, 2, 16, 32, num_classes=5).double().eval()
    nn.init.normal_(model.heads.head.weight)
    images = torch.rand(2, 3, 64, 64).double()
    with torch.no_grad():
        explainer = get_explainer("legrad")
        own = explainer.saliency(explainer.gather(model, model, images, TARGETS))

    def head(tokens: Tensor) -> Tensor:
        return model.heads(model.encoder.ln(tokens)[:, 0])

    with torchcam().LeGrad(model, list(model.encoder.layers), score_projection=head) as cam:
        model(images)
        (theirs,) = cam(class_idx=TARGETS.tolist(), normalized=False)
    assert_same(own, theirs.detach())


# captum


def test_grad_cam_against_captum(case):
    from captum.attr import LayerGradCam

    if case.layer != "3":
        pytest.skip("captum averages tokens over the wrong axes")
    theirs = LayerGradCam(case.model, case.model.get_submodule(case.layer)).attribute(case.images, TARGETS)
    assert_same(ours("grad-cam", case), theirs[:, 0].relu().detach())


def test_guided_grad_cam_against_captum():
    """It enlarges to the nearest place, so the layer has the images' size."""
    from captum.attr import GuidedGradCam

    case = at_full_size()
    case.model[1], case.model[3] = nn.ReLU(), nn.ReLU()
    theirs = GuidedGradCam(case.model, case.model[3]).attribute(case.images, TARGETS)
    assert_same(ours("guided-grad-cam", case, clip=100), theirs.abs().amax(dim=1).detach())


@pytest.mark.parametrize("name", ["gradient", "integrated-gradients", "guided-backprop", "deconvnet"])
def test_pixels_against_captum_called_directly(name):
    """Ours call it on the score: class by class it must give the same."""
    from captum.attr import Deconvolution, GuidedBackprop, IntegratedGradients, Saliency

    case = at_full_size()
    case.model[1], case.model[3] = nn.ReLU(), nn.ReLU()
    methods = {"gradient": Saliency, "guided-backprop": GuidedBackprop, "deconvnet": Deconvolution}
    explainer = get_explainer(name)
    with torch.no_grad():
        own = explainer.attributions(explainer.gather(case.model, case.model, case.images, TARGETS))
    if name == "integrated-gradients":
        theirs = IntegratedGradients(case.model).attribute(case.images, target=TARGETS)
    elif name == "gradient":
        theirs = Saliency(case.model).attribute(case.images.requires_grad_(), target=TARGETS, abs=False)
    else:
        theirs = methods[name](case.model).attribute(case.images, TARGETS)
    assert theirs.abs().amax() > 0
    torch.testing.assert_close(own, theirs.detach(), rtol=1e-6, atol=1e-9)


def test_score_of_another_target_is_another_map(case):
    """A function of the logits: the margin between two classes is the difference of their gradients."""
    explainer = get_explainer("grad-cam", layer=case.layer)
    with torch.no_grad():
        margin = explainer.gather(case.model, case.model, case.images, lambda logits: logits[:, 1] - logits[:, 4])
        first, second = (explainer.gather(case.model, case.model, case.images, target) for target in (1, 4))
    torch.testing.assert_close(margin.gradients, first.gradients - second.gradients)
    assert isinstance(margin.target, Target)
