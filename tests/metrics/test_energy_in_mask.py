from __future__ import annotations

import pytest
import torch

from camaug.metrics import EnergyInMask, energy_in_mask

MAPS = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.5], [0.5, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
MASKS = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [0, 0]], [[1, 1], [1, 0]]]).bool()


def test_energy_of_three_maps():
    # (1 + 4) / 10, 0.5 / 1, and an empty map.
    assert energy_in_mask(MAPS, MASKS).tolist() == [0.5, 0.5, 0.0]
    assert energy_in_mask(MAPS, torch.ones_like(MASKS)).tolist() == [1.0, 1.0, 0.0]
    assert energy_in_mask(MAPS, torch.zeros_like(MASKS)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.filterwarnings("default")
def test_energy_against_quantus(net):
    quantus = pytest.importorskip("quantus", exc_type=ImportError)
    maps, masks = torch.rand(6, 16, 16), torch.rand(6, 16, 16) > 0.7
    theirs = quantus.RelevanceMassAccuracy(
        abs=False, normalise=False, disable_warnings=True, display_progressbar=False
    )(
        model=net,
        x_batch=torch.rand(6, 3, 16, 16).numpy(),
        y_batch=torch.zeros(6, dtype=torch.int64).numpy(),
        a_batch=maps[:, None].numpy(),
        s_batch=masks[:, None].numpy(),
        device="cpu",
    )
    torch.testing.assert_close(
        energy_in_mask(maps, masks).tolist(), [float(share) for share in theirs], rtol=1e-5, atol=0
    )


def test_scale_does_not_matter():
    torch.testing.assert_close(energy_in_mask(1e-6 * MAPS, MASKS), energy_in_mask(1e6 * MAPS, MASKS))


def test_uniform_maps_reach_chance():
    metric = EnergyInMask()
    metric.update(torch.full((3, 2, 2), 0.3), MASKS)
    values = metric.compute()
    torch.testing.assert_close(values["energy"], values["area"])


def test_metric_is_the_mean_over_batches_and_counts_empty_maps():
    metric = EnergyInMask()
    metric.update(MAPS[:1], MASKS[:1])
    metric.update(MAPS[1:], MASKS[1:])
    values = metric.compute()
    assert values["energy"].item() == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert values["area"].item() == pytest.approx((2 + 1 + 3) / 12)
    metric.reset()
    metric.update(MAPS[:1], MASKS[:1])
    assert metric.compute()["energy"].item() == 0.5


def test_no_images_are_refused():
    metric = EnergyInMask()
    metric.update(MAPS[:0], MASKS[:0])
    with pytest.raises(ValueError, match="EnergyInMask has seen no images: call update first"):
        metric.compute()


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"maps \(3, 2, 2\) and masks \(2, 2, 2\) must have one shape"):
        EnergyInMask().update(MAPS, MASKS[:2])
    with pytest.raises(ValueError, match=r"maps \(3, 2, 2\) and masks \(3, 4, 4\) must have one shape"):
        EnergyInMask().update(MAPS, torch.ones(3, 4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"must have one shape, \(N, H, W\), and masks be boolean, got torch.float32"):
        EnergyInMask().update(MAPS, MASKS.float())


def test_an_empty_mask_is_refused():
    masks = MASKS.clone()
    masks[1] = False
    metric = EnergyInMask()
    with pytest.raises(ValueError, match=r"the masks of images \[1\] are empty: leave out images without an object"):
        metric.update(MAPS, masks)
    assert metric.count == 0
