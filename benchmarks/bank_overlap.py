"""Overlap of carried and exact maps, by cause: ``python benchmarks/bank_overlap.py``.

The saliency bank keeps the map of the whole image at the layer's resolution, and carries it through the random crop.
Here an EfficientNet-Lite0 with ImageNet weights explains its predicted class for ImageNet photos of ``CAMAUG_DATA``, so
that nothing is stale. The table has the mean IoU of binary masks with those of exact maps of the same crop: of maps of
the whole image that are cut at full resolution, so that only the view differs, at the layer's resolution, and as the
bank stores them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision.io import decode_image
from torchvision.transforms import v2
from torchvision.transforms.v2 import RandomResizedCrop
from torchvision.transforms.v2.functional import resized_crop

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.subjects import DATA  # noqa: E402
from camaug import get_explainer  # noqa: E402
from camaug.augmentation.augmentation_explainer import augmentation_explainer  # noqa: E402
from camaug.functional.masks import map_iou, mask_iou, undo_upsample, upsample  # noqa: E402
from camaug.functional.top_area import top_area  # noqa: E402

SIDE, GRID = 224, (7, 7)
IMAGES = 24
SCALES = (1.0, 1.0), (0.5, 1.0), (0.08, 1.0)
Boxes = Sequence[Mapping[str, int]]


def main() -> None:
    """Print a table with a row for each method and size of the crops."""
    torch.set_num_threads(1)
    model = timm.create_model("tf_efficientnet_lite0").eval()
    model.load_state_dict(load_file(DATA / "tf_efficientnet_lite0_imagenet.safetensors"))
    images = _read(sorted((DATA / "imagenet_samples").glob("*.jpg"))[:: 100 // IMAGES][:IMAGES])
    with torch.no_grad():
        targets = model(images).argmax(1)
    print("| method | crop's share of the area | whole, cut | at the layer's grid | in bytes | in bytes, top 20 % |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, explainer in {"grad-cam": get_explainer("grad-cam"), "group-cam": augmentation_explainer()}.items():
        whole = explainer(model, images, targets).maps
        for scale in SCALES:
            boxes = _draw_boxes(images, scale)
            exact = explainer(model, _cut(images, boxes), targets).maps
            values = " | ".join(f"{value:.2f}" for value in _overlaps(whole, exact, boxes))
            print(f"| {name} | {scale[0]:g} to {scale[1]:g} | {values} |", flush=True)


def _overlaps(whole: Tensor, exact: Tensor, boxes: Boxes) -> list[float]:
    """Return the mean IoU of each kind of carried map with the exact maps, and of the top 20 % of the last kind."""
    has_evidence = exact.amax((1, 2)) > 0
    grid = undo_upsample(whole, GRID).clamp(0, 1)
    kinds = whole, upsample(grid, (SIDE, SIDE)), upsample((grid * 255).round() / 255, (SIDE, SIDE))
    carried = [_cut(maps[:, None], boxes)[:, 0] for maps in kinds]
    overlaps = [map_iou(maps, exact) for maps in carried]
    overlaps.append(mask_iou(top_area(carried[-1], 0.2), top_area(exact, 0.2)))
    return [float(each[has_evidence].mean()) for each in overlaps]


def _draw_boxes(images: Tensor, scale: tuple[float, float]) -> Boxes:
    torch.manual_seed(0)
    crop = RandomResizedCrop(SIDE, scale=scale)
    drawn = [crop.make_params([image]) for image in images]
    return [{key: box[key] for key in ("top", "left", "height", "width")} for box in drawn]


def _cut(images: Tensor, boxes: Boxes) -> Tensor:
    cuts = [resized_crop(image, **box, size=[SIDE, SIDE]) for image, box in zip(images, boxes, strict=True)]
    return torch.stack(cuts)


def _read(paths: Sequence[Path]) -> Tensor:
    resize = v2.Compose([v2.Resize(SIDE), v2.CenterCrop(SIDE)])
    pixels = torch.stack([resize(decode_image(str(path), mode="RGB")) for path in paths])
    return pixels / 127.5 - 1


if __name__ == "__main__":
    main()
