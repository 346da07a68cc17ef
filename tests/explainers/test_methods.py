"""Each method by hand, or by an identity that it owes; the peers are in test_oracles."""

from __future__ import annotations

import math
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from camaug import get_explainer, list_explainers
from camaug.explainers import CAM, GradCAM, LayerExplainer
from camaug.explainers.layer_explainer import fuse_maps
from camaug.explainers.methods.ablation_cam import ablated_scores
from camaug.explainers.methods.cam import pooled_head
from camaug.explainers.methods.eigen_cam import principal_component
from camaug.explainers.methods.feature_maps import tile
from camaug.explainers.methods.fem import rare_positions
from camaug.explainers.methods.finer_cam import similar_classes
from camaug.explainers.methods.full_grad import full_gradients, implicit_bias
from camaug.explainers.methods.grad_cam_plus_plus import plus_plus_weights
from camaug.explainers.methods.group_cam import cluster_channels, group_maps
from camaug.explainers.methods.rise import random_masks
from camaug.explainers.methods.x_grad_cam import axiom_weights
from camaug.explainers.methods.xrai import grow_region, segments
from tests.toys import Scale

TARGETS = torch.tensor([0, 3, 2, 4])


def gathered(name: str, model: nn.Module, images: torch.Tensor, targets, **settings):
    explainer = get_explainer(name, **settings)
    with torch.no_grad():
        return explainer, explainer.gather(model, model, images, targets)


def raw(name: str, model: nn.Module, images: torch.Tensor, targets, **settings) -> torch.Tensor:
    explainer, evidence = gathered(name, model, images, targets, **settings)
    with torch.no_grad():
        return explainer.saliency(evidence)


# Class activation maps


@pytest.mark.parametrize("name", ["grad-cam", "x-grad-cam", "hires-cam", "shapley-cam"])
def test_all_are_cam_where_the_head_is_pooling_and_one_linear_layer(net, images, name):
    expected = CAM()(net, images, TARGETS).maps
    torch.testing.assert_close(get_explainer(name)(net, images, TARGETS).maps, expected, rtol=1e-4, atol=1e-5)


def test_cam_by_hand():
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
        model[3].weight.copy_(torch.tensor([[1.0, -0.25], [0.0, 0.5]]))
    image = torch.tensor([[[[1.0, 2.0], [3.0, -4.0]]]])
    # Features x and 2x: class 0 sums to x - 0.5 x, class 1 to x.
    torch.testing.assert_close(raw("cam", model, image, 0), torch.tensor([[[0.5, 1.0], [1.5, 0.0]]]))
    torch.testing.assert_close(raw("cam", model, image, 1), torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]))


def test_cam_refuses_other_heads_and_functions(net, images):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 8), nn.ReLU())
    model.append(nn.Linear(8, 5))
    with pytest.raises(ValueError, match=r"cam needs a model whose logits are one linear layer .* 'grad-cam'"):
        CAM()(model, images)
    with pytest.raises(ValueError, match="one linear layer on the average of its target layer, and at 'stem'"):
        CAM(layer="stem")(net, images)
    with pytest.raises(ValueError, match="cam explains a class: give `targets` as class indices"):
        CAM()(net, images, lambda logits: logits[:, 0])


def test_pooled_head_may_be_a_convolution(images):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 5, 1), nn.Flatten())
    with torch.no_grad():
        weight = pooled_head(model, model[0](images), model(images))
    torch.testing.assert_close(weight, model[2].weight.flatten(1))


def test_plus_plus_weights_by_hand():
    activations = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    g = torch.tensor([0.5, -1.0]).view(1, 1, 1, 2)
    # Of the first place: .25 / (.5 + 4 * .125) = .25, times .5; the second's gradient is negative.
    assert plus_plus_weights(activations, g, g**2, g**3).tolist() == [[0.125]]
    # A denominator of 0: 2 * .25 + (-4) * .125 = 0.
    assert plus_plus_weights(-activations, g.abs(), torch.tensor(0.25), torch.tensor(0.125)).tolist() == [[0.0]]


def test_grad_cam_plus_plus_with_gradients_whose_cubes_vanish(net, images):
    expected = raw("grad-cam++", net.double(), images.double(), TARGETS)
    weak = nn.Sequential(net, Scale(1e-30))
    found = raw("grad-cam++", weak, images.double(), TARGETS)
    assert (found > 0).any()
    # Alpha is 1 / (2 + g sum(A)), so tiny gradients leave alpha at one half, and the maps alike but for it.
    weights = GradCAM().gather(weak, weak, images.double(), TARGETS).gradients.relu().sum(dim=(2, 3)) / 2
    half = torch.einsum("nk,nkuv->nuv", weights, net.body(net.stem(images.double()))).detach()
    torch.testing.assert_close(found / found.amax(), half / half.amax())
    assert not torch.allclose(expected / expected.amax(), half / half.amax(), rtol=1e-3)


def test_axiom_weights_of_a_channel_without_activations():
    assert axiom_weights(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).tolist() == [[0.0]]


def test_layer_cam_and_elementwise_by_hand():
    """Features x; logit 0 is the sum of x times (1, -1, 2, 0)."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[2].weight.copy_(torch.tensor([[1.0, -1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    image = torch.tensor([[[[3.0, -1.0], [-2.0, 5.0]]]])
    at = {"layer": "0"}
    assert raw("hires-cam", model, image, 0, **at).tolist() == [[[3.0, 1.0], [0.0, 0.0]]]
    assert raw("layer-cam", model, image, 0, **at).tolist() == [[[3.0, 0.0], [0.0, 0.0]]]
    assert raw("grad-cam-elementwise", model, image, 0, **at).tolist() == [[[3.0, 1.0], [0.0, 0.0]]]
    assert raw("grad-cam", model, image, 0, **at).tolist() == [[[1.5, 0.0], [0.0, 2.5]]]


def test_fem_by_hand():
    values = torch.zeros(1, 2, 2, 5)
    values[0, 0, 0, 0], values[0, 1, 1, 4] = 10, 20
    # Mean 1, deviation 3: 10 > 1 + 2 * 3, and nothing else is; weights 1 and 2.
    marked = rare_positions(values, 2)
    assert marked.nonzero().tolist() == [[0, 0, 0, 0], [0, 1, 1, 4]]
    assert rare_positions(values, 3.5).eq(0).all()
    model = nn.Sequential(Constant(values), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    expected = torch.zeros(2, 5)
    expected[0, 0], expected[1, 4] = 1, 2
    torch.testing.assert_close(raw("fem", model, torch.rand(1, 3, 4, 10), 0, layer="0")[0], expected)


class Constant(nn.Module):
    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, images):
        return self.values + 0 * images.mean()


@pytest.mark.parametrize("centred", [False, True])
def test_principal_component_is_the_best_map_of_rank_one(centred):
    maps = torch.randn(3, 6, 4, 5)
    matrix = maps.flatten(2).transpose(1, 2)
    matrix = matrix - matrix.mean(dim=1, keepdim=True) if centred else matrix
    found = principal_component(maps, centred=centred).flatten(1)
    for projection, each in zip(found, matrix, strict=True):
        assert projection.norm() == pytest.approx(torch.linalg.matrix_norm(each, 2).item(), rel=1e-4)
        direction = each.T @ projection / projection.norm()
        torch.testing.assert_close(each @ direction / direction.norm(), projection, rtol=1e-3, atol=1e-4)


def test_principal_component_grows_with_the_evidence():
    maps = torch.rand(5, 8, 4, 4)
    maps[:, :, 1:3, 1:3] += 3
    for each in (principal_component(maps), principal_component(maps, centred=True)):
        assert (each[:, 1:3, 1:3].amin(dim=(1, 2)) > each[:, 0].amax(dim=1)).all()
    assert principal_component(torch.full((1, 2, 3, 3), float("nan"))).eq(0).all()


# Queries


def test_score_cam_by_hand():
    """Two channels, of which one is the left half and the other the right; the logit is the left half's mean."""
    model = HalvesNet()
    image = torch.ones(1, 1, 4, 4)
    # The image behind the left mask has logit 1/2 of the whole mean, behind the right mask 0: softmax of (2, 0).
    weights = torch.tensor([2.0, 0.0]).softmax(dim=0)
    expected = torch.cat([weights[0].expand(4, 2), weights[1].expand(4, 2)], dim=1)
    torch.testing.assert_close(raw("score-cam", model, image, 0, layer="halves")[0], expected)


class HalvesNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.halves = Halves()

    def forward(self, images):
        left = self.halves(images)[:, 0].sum(dim=(1, 2)) / 4
        return torch.stack([left, -left], dim=1)


class Halves(nn.Module):
    def forward(self, images):
        left = torch.zeros_like(images)
        left[..., : images.shape[-1] // 2] = 1
        return torch.cat([images * left, images * (1 - left)], dim=1)


@pytest.mark.parametrize("name", ["score-cam", "ss-cam", "is-cam", "group-cam", "rise", "ablation-cam"])
def test_chunks_do_not_matter(net, images, name):
    settings = {"ss-cam": {"samples": 2}, "is-cam": {"steps": 2}, "group-cam": {"groups": 6}, "rise": {"masks": 80}}
    net, images = net.double(), images.double()
    whole, parts = (
        get_explainer(name, chunk_size=size, **settings.get(name, {}))(net, images).maps for size in (None, 5)
    )
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="`chunk_size` must be at least 1"):
        get_explainer(name, chunk_size=0)


@pytest.mark.parametrize("name", ["score-cam", "rise", "ablation-cam"])
def test_chunks_shrink_where_memory_is_short(net, images, name):
    net, images = net.double(), images.double()
    settings = {"rise": {"masks": 40}}.get(name, {})

    def forward(batch):
        logits = net(batch)
        if len(logits) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return logits

    expected = get_explainer(name, **settings)(net, images).maps
    torch.testing.assert_close(
        get_explainer(name, **settings)(net, images, forward=forward).maps, expected, rtol=1e-5, atol=1e-6
    )


def test_ss_cam_without_noise_and_is_cam_of_one_step_are_score_cam(net, images):
    expected = raw("score-cam", net, images, TARGETS)
    torch.testing.assert_close(raw("ss-cam", net, images, TARGETS, samples=3, std=0.0), expected)
    torch.testing.assert_close(raw("is-cam", net, images, TARGETS, steps=1), expected)
    assert not torch.allclose(raw("ss-cam", net, images, TARGETS, samples=3, std=1.0), expected, rtol=1e-3)
    assert not torch.allclose(raw("is-cam", net, images, TARGETS, steps=3), expected, rtol=1e-3)


def test_random_masks():
    masks = random_masks(2000, (20, 30), 5, 0.3, torch.Generator().manual_seed(0))
    assert masks.shape == (2000, 20, 30)
    assert masks.amin() == 0
    assert masks.amax().item() == pytest.approx(1)
    torch.testing.assert_close(masks.mean(dim=0), torch.full((20, 30), 0.3), rtol=0, atol=0.06)
    shifts = masks[:, 10].diff(dim=1).abs().argmax(dim=1)
    assert len(shifts.unique()) > 10


def test_rise_by_hand():
    """A model that answers all alike weighs all masks alike: the map is their mean, over p."""

    def forward(images):
        return torch.zeros(len(images), 2)

    masks = random_masks(40, (16, 16), 4, 0.5, torch.Generator().manual_seed(3))
    explainer = get_explainer("rise", masks=40, cells=4, seed=3)
    found = explainer(nn.Linear(1, 1), torch.rand(1, 3, 16, 16), 0, forward=forward).maps
    mean = masks.mean(dim=0)
    torch.testing.assert_close(found[0], (mean - mean.min()) / (mean.max() - mean.min()), rtol=1e-4, atol=1e-5)


def test_rise_finds_the_place_that_the_model_looks_at():
    def forward(images):
        corner = 8 * (images[:, :, 16:, :16].mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack([corner, -corner], dim=1)

    maps = get_explainer("rise", masks=1000)(nn.Linear(1, 1), torch.ones(1, 3, 32, 32), 0, forward=forward).maps
    quadrants = F.avg_pool2d(maps, 16)[0]
    assert quadrants.argmax() == 2
    assert quadrants[1, 0] > 1.5 * quadrants[0, 1]


def test_ablated_scores_by_hand(net, images):
    _, evidence = gathered("ablation-cam", net, images, TARGETS)
    features = net.body(net.stem(images)).detach()
    for channel in (0, 7):
        without = features.clone()
        without[:, channel] = 0
        expected = net.head(without.mean(dim=(2, 3))).gather(1, TARGETS[:, None])[:, 0]
        with torch.no_grad():
            torch.testing.assert_close(ablated_scores(evidence)[:, channel], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reshapes", [False, True])
def test_ablation_of_a_model_whose_batch_goes_past_the_layer(net, images, reshapes):
    """Where copies cannot be made at the layer alone, the images are copied."""

    def forward(batch):
        logits = net(batch).view(len(batch), 5) if reshapes else net(batch)
        return logits + torch.stack([image.mean() for image in batch])[:, None]  # one for each image that came in

    expected = []
    features = net.body(net.stem(images)).detach()
    score = forward(images).gather(1, TARGETS[:, None])
    for channel in range(12):
        without = features.clone()
        without[:, channel] = 0
        logits = net.head(without.mean(dim=(2, 3))) + images.mean(dim=(1, 2, 3))[:, None]
        expected.append(score - logits.gather(1, TARGETS[:, None]))
    weights = (torch.cat(expected, dim=1) / score.abs()).detach()
    explainer = get_explainer("ablation-cam")
    with torch.no_grad():
        evidence = explainer.gather(net, forward, images[:1], TARGETS[:1])
        found = explainer.weights(evidence, evidence.activations)
    torch.testing.assert_close(found, weights[:1], rtol=1e-3, atol=1e-4)


# Pixels


def linear_model() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, 4)).eval()


def test_gradients_of_a_linear_model():
    model, images = linear_model(), torch.rand(2, 3, 6, 6)
    weights = model[1].weight.detach().view(4, 3, 6, 6)[[1, 2]]
    targets = torch.tensor([1, 2])
    torch.testing.assert_close(raw("gradient", model, images, targets, clip=100), weights.abs().amax(dim=1))
    torch.testing.assert_close(
        raw("smooth-grad", model, images, targets, samples=3, clip=100), weights.abs().amax(dim=1)
    )
    integrated = raw("integrated-gradients", model, images, targets, steps=2, clip=100)
    torch.testing.assert_close(integrated, (weights * images).sum(dim=1).abs())


def test_gradients_in_float64_against_autograd(net, images):
    net, images = net.double(), images.double().requires_grad_()
    (expected,) = torch.autograd.grad(net(images).gather(1, TARGETS[:, None]).sum(), images)
    torch.testing.assert_close(raw("gradient", net, images.detach(), TARGETS, clip=100), expected.abs().amax(dim=1))


def test_integrated_gradients_sum_to_what_the_score_gains(net, images):
    net, images = net.double(), images.double()
    for baseline in (0.0, None, 0.7):
        explainer, evidence = gathered("integrated-gradients", net, images, TARGETS, steps=300, baseline=baseline)
        start = images.amin(dim=(2, 3), keepdim=True).expand_as(images) if baseline is None else images * 0 + baseline
        with torch.no_grad():
            gain = (net(images) - net(start)).gather(1, TARGETS[:, None])[:, 0]
            total = explainer.attributions(evidence).sum(dim=(1, 2, 3))
        torch.testing.assert_close(total, gain, rtol=0.02, atol=0.02)


def test_smooth_grad_is_the_mean_of_noisy_gradients(net, images):
    from camaug.explainers.noise import noisy_copies

    explainer, evidence = gathered("smooth-grad", net, images, TARGETS, samples=4, noise=0.2)
    found = explainer.attributions(evidence)
    copies = list(noisy_copies(images, 4, 0.2, 0))
    total = 0
    for copy in copies:
        copy.requires_grad_()
        total += torch.autograd.grad(net(copy).gather(1, TARGETS[:, None]).sum(), copy)[0]
    torch.testing.assert_close(found, total / 4, rtol=1e-4, atol=1e-6)
    noise = (copies[0] - images).detach()[0]
    assert noise.std() == pytest.approx(0.2 * (images[0].max() - images[0].min()).item(), rel=0.1)


@pytest.mark.parametrize("name", ["gradient", "guided-grad-cam", "integrated-gradients", "smooth-grad"])
def test_one_pixel_above_all_others_does_not_darken_the_map(net, images, name):
    clipped, whole = (get_explainer(name, clip=clip)(net, images, TARGETS).maps for clip in (90, 100))
    mean = (raw(name, net, images, TARGETS, clip=90), raw(name, net, images, TARGETS, clip=100))
    limit = mean[1].flatten(1).quantile(0.9, dim=1)[:, None, None]
    torch.testing.assert_close(mean[0], torch.minimum(mean[1], limit))
    assert clipped.mean() > whole.mean()
    with pytest.raises(ValueError, match="`clip` is a percentile and must be above 0 and at most 100, got 0"):
        get_explainer(name, clip=0)


@pytest.mark.parametrize("inplace", [False, True])
def test_guided_backpropagation_and_deconvnet_by_hand(inplace):
    """y = -r1 + 2 r2 with r = ReLU(x): a positive and a negative input, a positive and a negative gradient."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(inplace), nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[3].weight.copy_(torch.tensor([[-1.0, 2.0, -3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]))
    image = torch.tensor([[[[5.0, 5.0], [-5.0, -5.0]]]])
    assert raw("gradient", model, image, 0, clip=100).tolist() == [[[1.0, 2.0], [0.0, 0.0]]]
    assert raw("guided-backprop", model, image, 0, clip=100).tolist() == [[[0.0, 2.0], [0.0, 0.0]]]
    assert raw("deconvnet", model, image, 0, clip=100).tolist() == [[[0.0, 2.0], [0.0, 4.0]]]


def test_guided_grad_cam_is_the_product(net, images):
    guided, evidence = gathered("guided-backprop", net, images, TARGETS)
    cam = F.interpolate(raw("grad-cam", net, images, TARGETS)[:, None], size=(16, 16), mode="bilinear")
    expected = (guided.attributions(evidence) * cam).abs().amax(dim=1)
    torch.testing.assert_close(raw("guided-grad-cam", net, images, TARGETS, clip=100), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["guided-backprop", "deconvnet", "guided-grad-cam"])
def test_models_without_relu_modules(images, name):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    with pytest.raises(ValueError, match=rf"{name} changes how gradients pass torch.nn.ReLU modules, and Sequential"):
        get_explainer(name)(model, images)


def test_full_gradients_sum_to_the_score(images):
    """The completeness of a ReLU network, batch-norms and linear layers included."""
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, bias=False),
        nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 9),
        nn.BatchNorm1d(9, affine=False), nn.ReLU(), nn.Linear(9, 5),
    ).double().eval()  # fmt: skip
    for parameter in [*model.parameters(), model[4].running_mean, model[9].running_mean]:
        parameter.data += 0.3 * torch.randn_like(parameter)
    _, evidence = gathered("full-grad", model, images.double(), TARGETS)
    with torch.no_grad():
        at_input, at_biases = full_gradients(evidence)
        score = model(images.double()).gather(1, TARGETS[:, None])[:, 0]
    assert len(at_biases) == 5
    total = at_input.sum(dim=(1, 2, 3)) + sum(share.flatten(1).sum(dim=1) for share in at_biases)
    torch.testing.assert_close(total, score)


def test_implicit_bias_of_a_batch_norm():
    norm = nn.BatchNorm2d(3).eval()
    for value in (norm.running_mean, norm.weight.data, norm.bias.data):
        value.normal_()
    norm.running_var.uniform_(1, 2)
    expected = norm(torch.zeros(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(implicit_bias(norm), expected.detach())
    assert implicit_bias(nn.Conv2d(3, 4, 1, bias=False)) is None


def test_full_grad_without_biases_that_have_places():
    with pytest.raises(ValueError, match="full-grad shows the biases of convolutions and batch-norms, and Sequential"):
        get_explainer("full-grad")(linear_model(), torch.rand(1, 3, 6, 6))


def test_region_grows_by_mean_attribution():
    attribution = torch.tensor([[5.0, 3.0, 1.0, 1.0]]).numpy()
    rows = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]]
    masks = [torch.tensor([row]).bool().numpy() for row in rows]
    # First the 5 alone; then {3} and {3, 1}: the former through the second mask; then the last two places.
    assert grow_region(attribution, masks, smallest=1).tolist() == [[5.0, 3.0, 1.0, 1.0]]
    # Of at least two pixels: the left half, mean 4; then the right half, mean 1.
    assert grow_region(attribution, masks, smallest=2).tolist() == [[4.0, 4.0, 1.0, 1.0]]
    # What no segment brings has the mean of what is left.
    assert grow_region(attribution, masks[:1], smallest=1).tolist() == [[5.0, *[pytest.approx(5 / 3)] * 3]]


def test_segments_cover_the_image_and_follow_its_edges():
    image = torch.zeros(3, 40, 40)
    image[:, :, 20:] = 1
    masks = torch.stack([torch.from_numpy(mask) for mask in segments(image, [50])])
    assert masks.any(dim=0).all()
    crossing = masks[:, :, :14].any(dim=(1, 2)) & masks[:, :, 26:].any(dim=(1, 2))  # they are widened by 5 pixels
    assert not crossing.any()


def test_xrai_marks_the_half_that_the_model_looks_at():
    def forward(images):
        right = images[:, :, :, 20:].mean(dim=(1, 2, 3))
        return torch.stack([right, -right], dim=1)

    image = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 0.1
    image[..., 20:] += 0.8
    maps = get_explainer("xrai", steps=4)(nn.Linear(1, 1), image, 0, forward=forward).maps[0]
    assert maps[:, 26:].amin() > maps[:, :14].amax()


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("gradient", "captum.attr", "captum"),
        ("guided-grad-cam", "captum.attr", "captum"),
        ("xrai", "skimage.segmentation", "scikit-image"),
    ],
)
def test_extras_that_are_not_installed(monkeypatch, net, images, name, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"the explainer '{name}' needs {package}, which is not installed: pip install 'camaug\[pixels\]'"
    with pytest.raises(ImportError, match=message):
        get_explainer(name, **({"steps": 2} if name == "xrai" else {}))(net, images)


def test_clusters_without_scikit_learn(monkeypatch, net, images):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(ImportError, match=r"'k-means' needs scikit-learn, .* pip install 'camaug\[clusters\]'"):
        get_explainer("group-cam", groups=4, grouping="k-means")(net, images)


# Group-CAM by clusters


@pytest.mark.parametrize("grouping", ["k-means", "agglomerative"])
def test_channels_that_are_alike_are_one_group(grouping):
    patterns = torch.zeros(3, 4, 4)
    patterns[0, :2], patterns[1, 2:], patterns[2, :, :2] = 1, 1, 1
    kinds = torch.tensor([[0, 2, 1, 0, 1, 2, 0], [1, 1, 2, 0, 2, 0, 1]])
    maps = patterns[kinds] + 0.01 * torch.rand(2, 7, 4, 4)
    labels = cluster_channels(maps, 3, grouping)
    for found, kind in zip(labels, kinds, strict=True):
        assert torch.equal(found[:, None] == found, kind[:, None] == kind)
    sums = group_maps(maps, 3, grouping=grouping)
    expected = torch.stack([maps[0][labels[0] == group].sum(dim=0) for group in range(3)])
    torch.testing.assert_close(sums[0], expected)


@pytest.mark.parametrize("grouping", ["k-means", "agglomerative"])
def test_one_cluster_is_one_group(net, images, grouping):
    together, alone = (
        get_explainer("group-cam", groups=1, theta=None, grouping=how)(net, images).maps for how in (grouping, "order")
    )
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="`grouping` must be 'order', 'k-means' or 'agglomerative', got 'dbscan'"):
        get_explainer("group-cam", grouping="dbscan")


# Feature maps


def test_feature_maps_show_the_strongest_channels_first(net, images):
    features = net.body(net.stem(images)).detach()
    found = get_explainer("feature-maps", channels=4, columns=2)(net, images)
    grid = raw("feature-maps", net, images, 0, channels=4, columns=2)
    assert grid.shape == (4, 8, 8)
    order = features.mean(dim=(2, 3)).argsort(dim=1, descending=True)
    for image in range(4):
        for place in range(4):
            cell = grid[image, 4 * (place // 2) :, 4 * (place % 2) :][:4, :4]
            channel = features[image, order[image, place]]
            stretched = (channel - channel.min()) / (channel.max() - channel.min()).clamp(min=1e-30)
            torch.testing.assert_close(cell, stretched)
    assert found.maps.shape == (4, 16, 16)


def test_tile_leaves_missing_cells_empty():
    assert tile(torch.ones(1, 3, 2, 2), columns=2)[0].tolist() == [[1] * 4] * 2 + [[1, 1, 0, 0]] * 2


# Wrappers


def test_finer_cam_without_comparison_is_the_method(net, images):
    expected = GradCAM()(net, images, TARGETS)
    finer = get_explainer("finer-cam", gamma=0.0)(net, images, TARGETS)
    torch.testing.assert_close(finer.maps, expected.maps, rtol=1e-4, atol=1e-5)
    assert torch.equal(finer.targets, TARGETS)
    assert finer.layers == ("body",)
    strong = get_explainer("finer-cam", gamma=1.0, references=1)(net, images, TARGETS)
    logits = net(images)
    nearest = similar_classes(logits, TARGETS, 1)[:, 0]

    def margin(rows):
        return rows.gather(1, TARGETS[:, None])[:, 0] - rows.gather(1, nearest[:, None])[:, 0]

    torch.testing.assert_close(strong.maps, GradCAM()(net, images, margin).maps)


@pytest.mark.parametrize("outer", ["aug-smooth", "noise-smooth"])
def test_finer_cam_inside_another_wrapper(net, images, outer):
    """The comparison is made once, for the image itself, and explained in every copy."""
    settings = {"samples": 1, "noise": 0.0} if outer == "noise-smooth" else {"factors": [1.0]}
    found = get_explainer(outer, explainer="finer-cam", **settings)(net, images, TARGETS).maps
    if outer == "noise-smooth":
        torch.testing.assert_close(found, get_explainer("finer-cam")(net, images, TARGETS).maps, rtol=1e-4, atol=1e-5)
    assert found.amax() == pytest.approx(1)


def test_a_function_that_ignores_the_layer(net, images):
    with pytest.raises(
        ValueError, match="the function given as `targets` does not depend on the target layer's output"
    ):
        GradCAM()(net, images, lambda logits: torch.ones(len(logits)))


def test_similar_classes_of_few():
    assert similar_classes(torch.tensor([[1.0, 2.0]]), torch.tensor([1]), count=3).tolist() == [[0]]


def test_aug_smooth_by_hand(net, images):
    def map_of(batch):
        return GradCAM()(net, batch, TARGETS).maps

    views = [map_of(factor * images) for factor in (0.5, 1.0)]
    views += [map_of(factor * images.flip(-1)).flip(-1) for factor in (0.5, 1.0)]
    mean = torch.stack(views).mean(dim=0)
    low, high = mean.amin(dim=(1, 2), keepdim=True), mean.amax(dim=(1, 2), keepdim=True)
    found = get_explainer("aug-smooth", factors=[0.5, 1.0])(net, images, TARGETS).maps
    torch.testing.assert_close(found, (mean - low) / (high - low).clamp(min=1e-30), rtol=1e-3, atol=1e-4)


def test_refine_cam_is_the_product_of_the_last_layers_of_each_grid(net, images):
    found = get_explainer("refine-cam")(net, images, TARGETS)
    assert found.layers == ("body", "stem")
    product = GradCAM(layer=("body", "stem"), fuse="product")(net, images, TARGETS)
    torch.testing.assert_close(
        get_explainer("refine-cam", explainer="grad-cam")(net, images, TARGETS).maps, product.maps
    )
    assert get_explainer("refine-cam", count=1)(net, images, TARGETS).layers == ("body",)
    named = get_explainer("refine-cam", layers=["stem.0", net.body])(net, images, TARGETS)
    assert named.layers == ("stem.0", "body")


def test_refine_cam_needs_a_method_with_a_layer():
    with pytest.raises(ValueError, match="refine-cam multiplies the maps of several layers, and 'rise' reads none"):
        get_explainer("refine-cam", explainer="rise")


def test_noise_smooth_without_noise_is_the_method(net, images):
    expected = GradCAM()(net, images, TARGETS).maps
    torch.testing.assert_close(get_explainer("noise-smooth", samples=2, noise=0.0)(net, images, TARGETS).maps, expected)
    assert not torch.allclose(get_explainer("noise-smooth", noise=0.5)(net, images, TARGETS).maps, expected, atol=1e-3)


def test_eigen_smooth_needs_a_weighted_sum():
    for inner in ("rise", "eigen-cam", "gradient"):
        with pytest.raises(ValueError, match=f"and '{inner}' is no weighted sum of a layer's maps"):
            get_explainer("eigen-smooth", explainer=inner)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("noise-smooth", {"samples": 0}, "`samples` must be at least 1, got 0"),
        ("smooth-grad", {"noise": -1}, "`noise` is a share of an image's range and must be at least 0, got -1"),
        ("smooth-grad-cam++", {"samples": 0}, "`samples` must be at least 1, got 0"),
        ("ss-cam", {"std": -1}, "`samples` must be at least 1 and `std` at least 0, got 35 and -1"),
        ("is-cam", {"steps": 0}, "`steps` must be at least 1, got 0"),
        ("integrated-gradients", {"steps": 0}, "`steps` must be at least 1, got 0"),
        ("rise", {"masks": 0}, "`masks` and `cells` must be at least 1, got 0 and 7"),
        ("rise", {"keep_probability": 1}, "`keep_probability` must be between 0 and 1, got 1"),
        ("xrai", {"scales": []}, "`scales` must not be empty"),
        ("kpca-cam", {"kernel": "cosine"}, "`kernel` must be 'sigmoid' or 'rbf', got 'cosine'"),
        ("feature-maps", {"columns": 0}, "`channels` and `columns` must be at least 1, got 16 and 0"),
        ("finer-cam", {"references": 0}, "`references` must be at least 1 class, got 0"),
        ("aug-smooth", {"factors": []}, "`factors` must hold at least one factor"),
        ("refine-cam", {"count": 0}, "refine-cam needs at least one layer, got count=0"),
        ("legrad", {"blocks": 0}, "`blocks` must be at least 1, or None for all, got 0"),
        ("grad-cam", {"fuse": "sum"}, "`fuse` must be 'mean', 'max' or 'product', got 'sum'"),
        ("grad-cam", {"layer": []}, "`layer` must name at least one layer, got an empty list"),
        ("noise-smooth", {"explainer": "gradcam"}, "unknown explainer 'gradcam'"),
    ],
)
def test_impossible_settings(name, settings, message):
    with pytest.raises(ValueError, match=message):
        get_explainer(name, **settings)


# Several layers


@pytest.mark.parametrize("how", ["mean", "max", "product"])
def test_several_layers_are_fused(net, images, how):
    alone = [GradCAM(layer=layer)(net, images, TARGETS).maps for layer in ("stem", "body")]
    stacked = torch.stack(alone)
    fused = {"mean": stacked.mean(dim=0), "max": stacked.amax(dim=0), "product": stacked.prod(dim=0)}[how]
    low, high = fused.amin(dim=(1, 2), keepdim=True), fused.amax(dim=(1, 2), keepdim=True)
    found = GradCAM(layer=["stem", net.body], fuse=how)(net, images, TARGETS)
    assert found.layers == ("stem", "body")
    expected = torch.where(high > low, (fused - low) / (high - low), 0)
    torch.testing.assert_close(found.maps, expected, rtol=1e-3, atol=1e-4)


def test_fused_by_hand():
    maps = [torch.tensor([[[0.0, 4.0]]]), torch.tensor([[[3.0, 1.0]]])]
    assert fuse_maps(maps, (1, 2), "max").tolist() == [[[1.0, 1.0]]]


@pytest.mark.parametrize("name", sorted(set(list_explainers()) - {"cam", "legrad"}))
def test_every_layer_method_takes_several(net, images, name):
    explainer = get_explainer(name)
    if not isinstance(explainer, LayerExplainer):
        pytest.skip("looks at no layer")
    settings = {"group-cam": {"groups": 4}, "ss-cam": {"samples": 1}, "is-cam": {"steps": 1}}.get(name, {})
    found = get_explainer(name, layer=("stem", "body"), **settings)(net, images)
    assert found.maps.isfinite().all()
    assert (found.maps.amax(dim=(1, 2)) == 1).any()


# Targets


SCORED = ("group-cam", "rise", "noise-smooth", "aug-smooth")


def test_a_function_of_the_logits(explainer, net, images):
    if explainer.name == "cam":
        return
    if explainer.name == "finer-cam":
        with pytest.raises(ValueError, match="finer-cam explains a class"):
            explainer(net, images, lambda logits: logits[:, 2])
        return
    by_class = explainer(net, images, 2)
    by_function = explainer(net, images, lambda logits: logits[:, 2])
    assert torch.equal(by_function.targets, net(images).argmax(dim=1))
    if (explainer.name in SCORED and "Group" in repr(explainer)) or explainer.name == "rise":
        probability = explainer(net, images, lambda logits: logits.softmax(dim=1)[:, 2])
        if explainer.name == "rise":
            torch.testing.assert_close(probability.maps, by_class.maps, rtol=1e-4, atol=1e-5)
        return
    torch.testing.assert_close(by_function.maps, by_class.maps, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrong", [lambda logits: logits, lambda logits: 3, lambda logits: logits.sum()])
def test_functions_that_give_no_scores(net, images, wrong):
    with pytest.raises(ValueError, match=r"must turn logits \(4, 5\) into one score an image, \(4,\), got"):
        GradCAM()(net, images, wrong)


# Sanity


def test_a_random_head_changes_every_class_specific_map(explainer, make_net, images):
    """Adebayo et al. 2018 (arXiv 1810.03292): a map that survives another head says nothing about the class."""
    trained, random = make_net(), make_net()
    torch.manual_seed(9)
    nn.init.normal_(random.head.weight, std=random.head.weight.std().item())
    before, after = explainer(trained, images, 1).maps, explainer(random, images, 1).maps
    if not explainer.class_specific:
        assert torch.equal(before, after)
    else:
        assert not math.isclose((before - after).abs().amax().item(), 0, abs_tol=3e-3)
