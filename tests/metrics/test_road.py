from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from camaug.metrics import ROAD, noisy_linear_imputation

OFFSETS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)]


def exact(image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Impute by the system written out pixel by pixel, and solved densely in float64."""
    _, height, width = image.shape
    system, right = np.eye(height * width), image.double().flatten(1).T.numpy().copy()
    for row, column in mask.nonzero().tolist():
        here, near = row * width + column, []
        for down, across in OFFSETS:
            if 0 <= row + down < height and 0 <= column + across < width:
                weight = 1 / 6 if 0 in (down, across) else 1 / 12
                near.append((here + down * width + across, weight))
        total = sum(weight for _, weight in near)
        right[here] = 0
        for there, weight in near:
            system[here, there] = -weight / total
    return torch.from_numpy(np.linalg.solve(system, right).T.copy()).view(image.shape)


def some_masks(size: int = 24) -> torch.Tensor:
    """Return masks of a few scattered pixels, most pixels, a hole up to the border, and all but one corner."""
    masks = torch.rand(4, size, size) < torch.tensor([0.1, 0.9, 0.0, 0.0])[:, None, None]
    masks[2, 4:, 2:20] = True
    masks[3] = True
    masks[3, 0, 0] = False
    return masks


def test_one_removed_pixel_is_the_weighted_mean_of_its_neighbours():
    """One pixel removed: in the middle, at an edge and in a corner."""
    image = torch.arange(9.0).view(1, 1, 3, 3) ** 2
    masks = torch.zeros(3, 3, 3, dtype=torch.bool)
    masks[0, 1, 1] = masks[1, 0, 1] = masks[2, 0, 0] = True
    filled = noisy_linear_imputation(image.expand(3, 1, 3, 3), masks, noise=0)
    assert filled[0, 0, 1, 1].item() == pytest.approx((2 * (1 + 9 + 25 + 49) + 0 + 4 + 36 + 64) / 12)
    assert filled[1, 0, 0, 1].item() == pytest.approx((2 * (0 + 4 + 16) + 9 + 25) / 8)
    assert filled[2, 0, 0, 0].item() == pytest.approx((2 * (1 + 9) + 16) / 5)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_imputation_against_an_exact_solution(dtype, error):
    images, masks = torch.randn(4, 3, 24, 24, dtype=dtype), some_masks()
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    ours = noisy_linear_imputation(images, masks, noise=0, tolerance=tolerance)
    for image, mask, filled in zip(images, masks, ours, strict=True):
        torch.testing.assert_close(filled.double(), exact(image, mask), rtol=0, atol=error)


def test_the_default_error_is_a_hundredth_of_the_noise_in_the_slowest_case():
    """One large hole up to the border of an image of 224 × 224 pixels."""
    images = nn.functional.interpolate(torch.randn(1, 3, 30, 30), size=(224, 224), mode="bilinear")
    masks = torch.ones(1, 224, 224, dtype=torch.bool)
    masks[:, :12] = masks[:, :, :12] = False
    filled = noisy_linear_imputation(images, masks, noise=0)
    solved = noisy_linear_imputation(images.double(), masks, noise=0, tolerance=1e-12)
    assert 1e-6 < (filled - solved).abs().max() < 3e-4  # 1.1e-4


@pytest.mark.filterwarnings("default")
def test_imputation_against_pytorch_grad_cam():
    road = pytest.importorskip("pytorch_grad_cam.metrics.road")
    images, masks = torch.randn(4, 3, 24, 24), some_masks()
    ours = noisy_linear_imputation(images.double(), masks, noise=0, tolerance=1e-12)
    for image, mask, filled in zip(images, masks, ours, strict=True):
        theirs = road.NoisyLinearImputer(noise=0)(image, (~mask).float())
        torch.testing.assert_close(filled.float(), theirs, rtol=0, atol=2e-6)


def test_noise_is_added_only_to_removed_pixels():
    images, masks = torch.randn(4, 3, 24, 24), some_masks()
    images[1] = images[0]
    quiet, loud = (noisy_linear_imputation(images, masks, noise) for noise in (0, 0.5))
    kept = (~masks)[:, None].expand_as(images)
    assert torch.equal(loud[kept], images[kept])
    assert (loud - quiet)[~kept].std().item() == pytest.approx(0.5, rel=0.05)
    alone = noisy_linear_imputation(images[2:3], masks[2:3], 0.5)
    torch.testing.assert_close(alone, loud[2:3], rtol=0, atol=1e-3)
    other = noisy_linear_imputation(images, masks, 0.5, seed=1)
    assert not torch.equal(other, loud)
    assert noisy_linear_imputation(images.half(), masks).dtype == torch.float16


def test_images_without_removed_pixels_and_constant_images_are_unchanged():
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(noisy_linear_imputation(images, torch.zeros(2, 8, 8, dtype=torch.bool)), images)
    masks = torch.rand(2, 8, 8) < 0.7
    for value in (0.0, 3.0):
        constant = torch.full((2, 3, 8, 8), value)
        torch.testing.assert_close(noisy_linear_imputation(constant, masks, noise=0), constant, rtol=0, atol=1e-3)


def test_imputation_refuses_invalid_inputs():
    images, masks = torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"got torch.bool masks \(2, 8, 7\) and images \(2, 3, 8, 8\)"):
        noisy_linear_imputation(images, masks[:, :, 1:])
    with pytest.raises(ValueError, match=r"`masks` must be boolean \(N, H, W\).* got torch.float32"):
        noisy_linear_imputation(images, masks.float())
    masks[1] = True
    with pytest.raises(ValueError, match=r"the masks of images \[1\] remove every pixel"):
        noisy_linear_imputation(images, masks)
    masks[1, 0, 0] = False
    with pytest.raises(ValueError, match="`noise` must be a standard deviation of at least 0, got -1"):
        noisy_linear_imputation(images, masks, -1)
    with pytest.raises(RuntimeError, match=r"the imputation is not solved: a residual of nan is left.*finite"):
        noisy_linear_imputation(images * torch.nan, masks)


# The metric


@pytest.mark.parametrize("percentiles", [[50], [10, 30, 50, 70, 90]])
@pytest.mark.filterwarnings("default")
def test_metric_against_pytorch_grad_cam(net, images, percentiles):
    """The reference's percentile 90 removes a tenth of the pixels, so that the mean over percentiles is the same.

    At some other percentiles it removes one of the 256 pixels more, the pixel at the threshold.
    """
    road = pytest.importorskip("pytorch_grad_cam.metrics.road")
    targets_of = pytest.importorskip("pytorch_grad_cam.utils.model_targets").ClassifierOutputSoftmaxTarget
    confidence = pytest.importorskip("pytorch_grad_cam.metrics.perturbation_confidence")
    maps, targets = torch.rand(4, 16, 16), torch.tensor([1, 3, 0, 2])

    def theirs(remove):
        """Return the reference's average, without noise."""

        def metric(percentile):
            imputer = road.NoisyLinearImputer(noise=0)
            return confidence.PerturbationConfidenceMetric(remove(percentile, imputer))

        averager = confidence.AveragerAcrossThresholds(metric, percentiles)
        return averager(images, maps.numpy(), [targets_of(int(target)) for target in targets], net).mean()

    most, least = theirs(confidence.RemoveMostRelevantFirst), theirs(confidence.RemoveLeastRelevantFirst)
    ours = ROAD(percentiles, noise=0)
    ours.update(net, images, maps, targets)
    values = ours.compute()
    assert abs(most) > 0.005  # large enough to compare
    assert values["most_relevant_first"].item() == pytest.approx(most, abs=2e-5)
    assert values["least_relevant_first"].item() == pytest.approx(least, abs=2e-5)
    assert values["combined"].item() == pytest.approx((least - most) / 2, abs=2e-5)
    assert road.ROADCombined().percentiles == list(ROAD().percentiles)


def test_batches_and_chunks_do_not_matter(net, images):
    maps, targets = torch.rand(4, 16, 16), torch.tensor([1, 3, 0, 2])
    whole, parts = ROAD([20, 70]), ROAD([20, 70], chunk_size=3)
    whole.update(net, images, maps, targets)
    for part in (slice(0, 3), slice(3, 4)):
        parts.update(net, images[part], maps[part], targets[part])
    for name, value in whole.compute().items():
        torch.testing.assert_close(parts.compute()[name], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("order", ["most_relevant_first", "least_relevant_first"])
def test_each_order_by_itself_has_the_same_value(net, images, order):
    maps = torch.rand(4, 16, 16)
    both, one = ROAD([50]), ROAD([50], order)
    for metric in (both, one):
        metric.update(net, images, maps)
    assert one.compute() == {order: both.compute()[order]}


def test_a_good_map_is_better_than_a_constant_and_than_its_reverse():
    """The network depends on texture in the left half alone, and imputed pixels have none."""

    def left(images):
        texture = images[..., :8].diff(dim=2).abs().mean(dim=(1, 2, 3))
        return torch.stack([20 * texture, torch.full_like(texture, 3)], dim=1)

    images, good = torch.rand(3, 3, 16, 16), torch.zeros(3, 16, 16)
    good[..., :8] = 1
    values = []
    for maps in (good, torch.zeros_like(good), 1 - good):
        metric = ROAD(forward=left)
        metric.update(nn.Linear(1, 1), images, maps, torch.zeros(3, dtype=torch.int64))
        values.append(metric.compute()["combined"].item())
    assert values[0] > 0.1
    assert values[0] == pytest.approx(-values[2], abs=0.05)
    assert abs(values[1]) < 0.05


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.inference_mode])
def test_the_model_is_unchanged(restless_net, unchanged, mode):
    images, maps = torch.rand(2, 3, 16, 16), torch.rand(2, 16, 16)
    metric = ROAD([50])
    with unchanged(restless_net), mode():
        metric.reset()  # in validation its states are created in inference mode
        metric.update(restless_net, images, maps)


def test_no_images_and_wrong_maps_are_refused(net, images):
    metric = ROAD()
    metric.update(net, images[:0], torch.rand(0, 16, 16))
    with pytest.raises(ValueError, match="ROAD has seen no images: call update first"):
        metric.compute()
    with pytest.raises(ValueError, match=r"got maps \(4, 8, 8\) and images \(4, 3, 16, 16\)"):
        metric.update(net, images, torch.rand(4, 8, 8))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"percentiles": []}, r"`percentiles` must be per cents between 0 and 100, got \[\]"),
        ({"percentiles": [50, 100]}, r"`percentiles` must be per cents between 0 and 100, got \[50, 100\]"),
        ({"order": "morf"}, "`order` must be 'combined', 'most_relevant_first' or 'least_rel.* got 'morf'"),
        ({"noise": -0.1}, "`noise` must be a standard deviation of at least 0, got -0.1"),
        ({"chunk_size": 0}, "`chunk_size` must be at least 1 image, or None, got 0"),
    ],
)
def test_invalid_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ROAD(**settings)
