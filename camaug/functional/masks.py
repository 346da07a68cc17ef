"""Operations on saliency maps, masks and masked images.

Maps and masks are (..., H, W). Every function treats each map of a batch separately.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from camaug.functional.percentile import percentile

__all__ = [
    "binarise",
    "blend",
    "denoise",
    "gaussian_blur",
    "map_iou",
    "mask_iou",
    "normalise",
    "resize",
    "undo_upsample",
    "upsample",
]


def normalise(maps: Tensor) -> Tensor:
    """Stretch every map to the range [0, 1]: ``(M - min M) / (max M - min M)``.

    Values that are not finite count as 0. A constant map has no evidence and becomes all zero.

    Args:
        maps: Maps of shape (..., H, W).

    Returns:
        Maps of the same shape, in [0, 1], never NaN.

    Example:
        >>> normalise(torch.tensor([[2.0, 4.0], [6.0, float("nan")]]))
        tensor([[0.3333, 0.6667],
                [1.0000, 0.0000]])
    """
    maps = torch.where(maps.isfinite(), maps, 0)
    # Dividing by the largest magnitude first keeps the differences below representable for huge and tiny maps.
    maps = maps / _positive(maps.abs().amax(dim=(-2, -1), keepdim=True))
    low, high = maps.amin(dim=(-2, -1), keepdim=True), maps.amax(dim=(-2, -1), keepdim=True)
    return (maps - low) / _positive(high - low)


def _positive(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, 1)


def denoise(maps: Tensor, theta: float) -> Tensor:
    """Keep the values above each map's ``theta``-th percentile and set the others to 0.

    Group-CAM (Zhang, Rao, Yang 2021, arXiv 2103.13859), step 3. The percentile is interpolated linearly.

    Args:
        maps: Maps of shape (..., H, W).
        theta: Percentile in [0, 100].

    Returns:
        Maps of the same shape.

    Raises:
        ValueError: If ``theta`` is outside [0, 100].

    Example:
        >>> denoise(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), theta=50)
        tensor([[0., 0.],
                [3., 4.]])
    """
    if not 0 <= theta <= 100:
        raise ValueError(f"`theta` is a percentile and must be between 0 and 100, got {theta}")
    threshold = percentile(maps.flatten(-2), theta)[..., None, None]
    return torch.where(maps > threshold, maps, 0)


def binarise(maps: Tensor) -> Tensor:
    """Mark where each map is at least its own mean: ``B = L >= mean(L)``.

    Group-CAM as augmentation (arXiv 2103.13859, section 5), step 2. A constant map offers no evidence and
    is marked everywhere.

    Args:
        maps: Maps of shape (..., H, W).

    Returns:
        Boolean masks of the same shape.

    Example:
        >>> binarise(torch.tensor([[0.0, 0.2], [0.9, 0.1]]))
        tensor([[False, False],
                [ True, False]])
    """
    # The mean of a constant map may round to just above its value, so the maximum bounds it.
    return maps >= torch.minimum(maps.mean(dim=(-2, -1), keepdim=True), maps.amax(dim=(-2, -1), keepdim=True))


def blend(images: Tensor, baseline: Tensor, masks: Tensor) -> Tensor:
    """Show the image where the mask is 1 and the baseline where it is 0: ``X * M + baseline * (1 - M)``.

    Args:
        images: Images of shape (N, C, H, W).
        baseline: Images of the same shape.
        masks: Masks of shape (N, H, W), in [0, 1] or boolean.

    Returns:
        New images of shape (N, C, H, W), in the images' dtype.

    Example:
        >>> blend(torch.ones(1, 1, 1, 2), torch.zeros(1, 1, 1, 2), torch.tensor([[[1.0, 0.25]]]))
        tensor([[[[1.0000, 0.2500]]]])
    """
    if masks.dtype == torch.bool:
        return torch.where(masks[:, None], images, baseline)
    return torch.lerp(baseline, images, masks[:, None].to(images.dtype))


def mask_iou(masks: Tensor, others: Tensor) -> Tensor:
    """Compute the intersection over union of masks.

    Args:
        masks: Boolean, (N, H, W).
        others: Boolean, (N, H, W).

    Returns:
        (N,), in [0, 1]; 1 where both masks are empty.

    Example:
        >>> mask_iou(torch.tensor([[[True, True, False]]]), torch.tensor([[[False, True, True]]]))
        tensor([0.3333])
    """
    union = (masks | others).sum(dim=(1, 2))
    shared = (masks & others).sum(dim=(1, 2))
    return torch.where(union > 0, shared / union.clamp(min=1), 1.0)


def map_iou(maps: Tensor, others: Tensor) -> Tensor:
    """Compute the intersection over union of the binary masks of maps (:func:`binarise`).

    Args:
        maps: (N, H, W).
        others: (N, H, W).

    Returns:
        (N,), in [0, 1].

    Example:
        >>> map_iou(torch.tensor([[[0.0, 0.9, 0.8]]]), torch.tensor([[[0.1, 0.9, 0.2]]]))
        tensor([0.5000])
    """
    return mask_iou(binarise(maps), binarise(others))


def upsample(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Enlarge maps by bilinear interpolation.

    Args:
        maps: Maps of shape (N, u, v) or (N, M, u, v).
        size: Height and width of the result.

    Returns:
        Maps of shape (N, *size) or (N, M, *size).
    """
    if maps.shape[-2:] == size:
        return maps
    if maps.dim() == 3:
        return upsample(maps[:, None], size)[:, 0]
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def undo_upsample(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Compute the small maps that :func:`upsample` enlarges to the given maps, exactly or with least squared error.

    Sampling at the centres of the cells is nearly as exact only for cells many pixels wide, and smooths small ones.

    Args:
        maps: (N, H, W).
        size: Height and width of the result.

    Returns:
        (N, *size).

    Example:
        >>> small = torch.tensor([[[0.0, 1.0, 4.0]]])
        >>> undo_upsample(upsample(small[None], (2, 9))[0], (1, 3)).round(decimals=5)
        tensor([[[0., 1., 4.]]])
    """
    rows, columns = (
        _shrink_matrix(side, cells, maps.device, maps.dtype) for side, cells in zip(maps.shape[1:], size, strict=True)
    )
    return rows @ maps @ columns.T


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _shrink_matrix(size: int, cells: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the pseudo-inverse (cells, size) of the matrix that enlarges ``cells`` values to ``size``."""
    unit = torch.eye(cells, dtype=torch.float64, device="cpu")[:, None]
    enlarge_matrix = F.interpolate(unit, size=size, mode="linear", align_corners=False)[:, 0].T
    inverse: Tensor = torch.linalg.pinv(enlarge_matrix)
    return inverse.to(device, dtype)


def resize(images: Tensor, scale: float) -> Tensor:
    """Shrink images, each pixel becoming the mean of the pixels it replaces.

    Args:
        images: (N, C, H, W).
        scale: Height and width of the result as a share of the images'.

    Returns:
        (N, C, round(scale * H), round(scale * W)).

    Example:
        >>> resize(torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]]), scale=0.5)
        tensor([[[[3.]]]])
    """
    size = [max(1, round(side * scale)) for side in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="area")


def gaussian_blur(images: Tensor, kernel_size: int = 51, sigma: float = 50.0) -> Tensor:
    """Blur images with a Gaussian, reflecting them at their borders.

    The blur is separable and linear, so it is one matrix product along the height and one along the width. The cost
    does not depend on the kernel's size, and images smaller than the kernel are no special case.

    Args:
        images: Images of shape (N, C, H, W).
        kernel_size: Width of the window in pixels, odd. The paper's is 51, at 224 × 224.
        sigma: Standard deviation in pixels. The paper's 50 makes the window nearly a box.

    Returns:
        Blurred images of the same shape and dtype.

    Raises:
        ValueError: If ``kernel_size`` is not a positive odd number or ``sigma`` is not positive.

    Example:
        >>> gaussian_blur(torch.tensor([[[[0.0, 0.0, 3.0, 0.0, 0.0]]]]), kernel_size=3, sigma=1e6)
        tensor([[[[0., 1., 1., 1., 0.]]]])
    """
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"`kernel_size` must be a positive odd number of pixels, got {kernel_size}")
    if sigma <= 0:
        raise ValueError(f"`sigma` must be a positive number of pixels, got {sigma}")
    height, width = images.shape[-2:]
    with torch.autocast(images.device.type, enabled=False):
        along_height = _blur_matrix(height, kernel_size, sigma, images.device)
        along_width = _blur_matrix(width, kernel_size, sigma, images.device)
        return (along_height @ images.float() @ along_width.T).to(images.dtype)


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _blur_matrix(size: int, kernel_size: int, sigma: float, device: torch.device) -> Tensor:
    """Return the (size, size) matrix whose product with a column of pixels is the blurred column."""
    reach = kernel_size // 2
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64, device="cpu")
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    sources = _reflect(torch.arange(size, device="cpu")[:, None] + offsets.long(), size)
    matrix = torch.zeros(size, size, dtype=torch.float64, device="cpu")
    matrix.scatter_add_(1, sources, (kernel / kernel.sum()).expand(size, -1))
    return matrix.to(device, torch.float32)


def _reflect(index: Tensor, size: int) -> Tensor:
    """Fold indices outside 0…size-1 back inside, mirrored at the border pixels as often as needed."""
    period = max(2 * (size - 1), 1)
    index = index.remainder(period)
    return torch.minimum(index, period - index) if size > 1 else torch.zeros_like(index)
