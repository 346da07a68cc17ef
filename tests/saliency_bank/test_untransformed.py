from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset
from torchvision import transforms as v1
from torchvision.transforms import v2

from camaug.functional.masks import mask_iou, upsample
from camaug.saliency_bank.untransformed import untransformed, untransformed_view, view_size
from tests.saliency_bank.blob_images import CROP, TO_TENSOR, BlobImages, blob_map


def test_what_is_not_random_is_kept():
    whole = untransformed_view(v2.Compose([v2.RGB(), v2.RandomRotation(9), CROP, v2.RandomErasing()]), (40, 30))
    names = [type(part).__name__ for part in whole.transforms]
    assert names == ["RGB", "Resize", "PILToTensor", "ToDtype", "Normalize"]
    inner = BlobImages(CROP)
    views = untransformed(Subset(inner, [4, 2]), (48, 64))
    image = views[1]["image"]
    assert image.shape == (3, 48, 64)
    assert torch.equal(image, views[1]["image"])
    blob = upsample(torch.from_numpy(blob_map(2))[None, None].float(), (48, 64))[0] > 127
    assert mask_iou((image[:1] > 0), blob) > 0.95
    assert inner.transform is CROP


def test_view_size():
    assert view_size(Subset(BlobImages(v2.Compose([v2.RandomCrop((50, 60)), *TO_TENSOR])), [3])) == (50, 60)


class Twice(BlobImages):
    def __getitem__(self, index):
        return [super(Twice, self).__getitem__(index) for _ in range(2)]


class Scaling(v2.Transform):
    """Enlarges images alone."""

    _transformed_types = (Image.Image,)

    def transform(self, inpt, params):
        return inpt.resize((30, 30))


OFF = "or leave the bank off"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (torch.utils.data.TensorDataset(torch.zeros(3, 2)), f"TensorDataset has no attribute `transform` .*{OFF}"),
        (ConcatDataset([BlobImages(CROP)]), f"ConcatDataset has no attribute `transform` .*{OFF}"),
        (BlobImages(v1.ToTensor()), f"torchvision.transforms.transforms.ToTensor, which takes an image and no .*{OFF}"),
        (BlobImages(lambda image: image), f"transform of BlobImages is a .*function, which takes .*{OFF}"),
        (BlobImages(v2.Compose([v1.RandomCrop(9), *TO_TENSOR])), f"take an image and its mask together .*{OFF}"),
        (
            BlobImages(v2.Compose([v2.RandAugment(), *TO_TENSOR])),
            "Inputs of type Mask are not supported by RandAugment",
        ),
        (Twice(CROP), f"Twice called its `transform` 2 times for item 0, .* a single call: .*{OFF}"),
        (BlobImages(v2.Compose([Scaling(), *TO_TENSOR])), rf"image of \(30, 30\) and a mask of \(192, 256\) .*{OFF}"),
        (BlobImages(v2.Compose([v2.ToImage(), v2.ToPureTensor(), v2.RandomCrop(9)])), "RandomCrop after ToPureTensor"),
        (BlobImages(v2.RandomCrop(9)), r"must return a tensor \(C, H, W\), got Image"),
        (
            BlobImages(v2.Compose([CROP, v2.Lambda(lambda x: x.double(), torch.Tensor)])),
            "torch.float64 .* torch.float32",
        ),
        (BlobImages(CROP, size=0), "BlobImages is empty"),
    ],
)
def test_what_cannot_carry_maps_is_an_error(dataset, message):
    with pytest.raises(ValueError, match=message):
        view_size(dataset)
