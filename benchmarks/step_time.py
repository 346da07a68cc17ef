"""What augmentation adds to a training step: ``python benchmarks/step_time.py --model squeezenet1_0``.

Every round measures each setting once, in turn; the table gives medians over the rounds, as times and as ratios to the
plain step of the same run.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from camaug import GroupCAM, GroupCamTransform
from camaug.models import create_classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="squeezenet1_0")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device(arguments.device)
    model = create_classifier(arguments.model, num_classes=10).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    images = torch.rand(arguments.batch_size, 3, arguments.image_size, arguments.image_size, device=device)
    labels = torch.arange(arguments.batch_size, device=device) % 10

    def step(transform: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
        inputs, targets = transform(images, labels)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    def forward() -> None:
        with torch.no_grad():
            model(images)

    settings: dict[str, Callable[[], None]] = {"forward, no gradient": forward}
    settings["plain step"] = lambda: step(lambda x, y: (x, y))
    for share in (0.25, 0.5, 1.0):
        paper = GroupCamTransform(model, share=share)
        settings[f"Group-CAM, G = 16, share {share}"] = lambda transform=paper: step(transform)
    few = GroupCamTransform(model, GroupCAM(groups=4, theta=None, weighted=False))
    settings["Group-CAM, G = 4, share 1.0"] = lambda: step(few)
    gradient = GroupCamTransform(model, "grad-cam")
    settings["Grad-CAM, share 1.0"] = lambda: step(gradient)

    seconds: dict[str, list[float]] = {name: [] for name in settings}
    for round_number in range(arguments.rounds + 1):
        for name, run in settings.items():
            begun = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if round_number > 0:  # the first round warms up
                seconds[name].append(time.perf_counter() - begun)

    medians = {name: statistics.median(times) for name, times in seconds.items()}
    plain = medians["plain step"]
    machine = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    title = f"{arguments.model}, batch {arguments.batch_size}, {arguments.image_size} px, {machine}, "
    table = Table(title=title + f"torch {torch.__version__}, {platform.machine()}")
    for column in ("setting", "ms", "steps", "steps added"):
        table.add_column(column, justify="left" if column == "setting" else "right")
    for name, median in medians.items():
        table.add_row(name, f"{1000 * median:.0f}", f"{median / plain:.2f}", f"{median / plain - 1:+.2f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
