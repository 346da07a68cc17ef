from __future__ import annotations

import pytest
import torch

from camaug.explainers.methods.eigen_cam import principal_component


@pytest.mark.parametrize("centred", [False, True])
def test_principal_component_is_the_best_map_of_rank_one(centred):
    maps = torch.randn(3, 6, 4, 5)
    matrix = maps.flatten(2).transpose(1, 2)
    matrix = matrix - matrix.mean(dim=1, keepdim=True) if centred else matrix
    projections = principal_component(maps, centred=centred).flatten(1)
    for projection, each in zip(projections, matrix, strict=True):
        assert projection.norm() == pytest.approx(torch.linalg.matrix_norm(each, 2).item(), rel=1e-4)
        direction = each.T @ projection / projection.norm()
        torch.testing.assert_close(each @ direction / direction.norm(), projection, rtol=1e-3, atol=1e-4)


def test_principal_component_grows_with_the_evidence():
    maps = torch.rand(5, 8, 4, 4)
    maps[:, :, 1:3, 1:3] += 3
    for each in (principal_component(maps), principal_component(maps, centred=True)):
        assert (each[:, 1:3, 1:3].amin(dim=(1, 2)) > each[:, 0].amax(dim=1)).all()
    assert principal_component(torch.full((1, 2, 3, 3), float("nan"))).eq(0).all()
