"""Cost of hiding what a map highlights: ``python benchmarks/peer_augmentation.py``.

A batch is augmented whole, by camaug's `hide-salient` and, where it is installed, by bnnr's `ICD`, which hides tiles
behind a blurred image. Both take Grad-CAM's map of the label; bnnr's default, `opticam`, optimises each map in many
passes and was not measured. The unit is a forward of the same batch; bnnr takes images of 8 bits in NumPy's layout, and
returns such. All is measured in turn in one process.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import machine  # noqa: E402
from benchmarks.options import Options  # noqa: E402
from benchmarks.subjects import make_images, make_model  # noqa: E402
from benchmarks.timing import FORWARD, forward_pass, medians  # noqa: E402
from camaug import FastForward, GroupCamTransform, find_layer  # noqa: E402

CLASSES = 1000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["squeezenet1_0"])
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"processor time of one thread; {machine.describe(torch.device('cpu'))}")
    for name in arguments.models:
        options = Options(name, rounds=arguments.rounds)
        model, _ = make_model(options)
        work = {FORWARD: forward_pass(model, make_images(options)), **_augmentations(model, make_images(options))}
        seconds = medians(work, options.device, rounds=options.rounds, clock=lambda device: time.process_time())
        print(f"\n{options.described}\n\n| setting | forwards |\n| --- | ---: |")
        for setting, time_ in seconds.items():
            print(f"| {setting} | {time_ / seconds[FORWARD]:.2f} |")


def _augmentations(model: nn.Module, images: Tensor) -> dict[str, Callable[[], object]]:
    labels = torch.arange(len(images)) % CLASSES
    plain = GroupCamTransform(model, recipe="hide-salient", share=1.0)
    fast = GroupCamTransform(model, recipe="hide-salient", share=1.0, forward=FastForward(model), fast=False)
    found: dict[str, Callable[[], object]] = {
        "camaug hide-salient, Grad-CAM": lambda: plain(images, labels),
        "camaug hide-salient, Grad-CAM, fast forward": lambda: fast(images, labels),
    }
    if importlib.util.find_spec("bnnr") is None:
        return found
    from bnnr.icd import ICD

    layer = model.get_submodule(find_layer(model).name)
    bytes_ = ((images.clamp(-2, 2) + 2) * 63).byte().permute(0, 2, 3, 1).contiguous().numpy()
    version = importlib.metadata.version("bnnr")
    peer = ICD(model, [layer], explainer="gradcam", use_cuda=False, probability=1.0)
    found[f"bnnr {version} ICD, Grad-CAM"] = lambda: peer.apply_batch_with_labels(bytes_, labels.numpy())
    return found


if __name__ == "__main__":
    main()
