"""Change of several methods' maps between epochs: ``python benchmarks/map_stability.py``.

EfficientNet-Lite0 with ImageNet weights is fine-tuned on the ants and bees (a new head, AdamW at 3e-4, random crops and
flips). After each epoch the same 40 validation photos are explained for their labels. A method's drift is 1 minus the
rank correlation of a photo's maps after two successive epochs, and the overlap is the intersection over union of the
20 % most salient pixels.

    python benchmarks/map_stability.py --output stability.csv
    python benchmarks/map_stability.py --summarise stability.csv

``CAMAUG_DATA`` (by default ``../shared/data``) has the photos and the weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.map_quality import METHODS  # noqa: E402
from benchmarks.measurement_rows import read_rows, write_rows  # noqa: E402
from benchmarks.pretrained import Pretrained, load_pretrained  # noqa: E402
from benchmarks.subjects import DATA  # noqa: E402
from camaug.experiments.mean_interval import paired_interval  # noqa: E402
from camaug.experiments.table import Table  # noqa: E402
from camaug.experiments.table_text import to_markdown  # noqa: E402
from camaug.explainers import as_explainer  # noqa: E402
from camaug.explainers.methods.verified_cam import VerifiedCAM  # noqa: E402
from camaug.functional.pixel_ranks import pixel_ranks  # noqa: E402
from camaug.functional.rank_correlation import rank_correlation  # noqa: E402

PHOTOS, BATCH, TOP = 40, 16, 0.2
METHODS_OF_EPOCHS = {
    "grad-cam": METHODS["grad-cam"],
    "verified-cam": METHODS["verified-cam"],
    "verified-cam, the best version alone": VerifiedCAM(temperature=0),
    "verified-cam, 7 passes": METHODS["verified-cam, 7 passes"],
    "group-cam": METHODS["group-cam"],
    "layer-cam": METHODS["layer-cam"],
}
COLUMNS = ("seed", "method", "epoch", "photo", "drift", "overlap")


def train(pretrained: Pretrained, epochs: int, seed: int) -> Iterator[nn.Module]:
    """Yield the network after each epoch."""
    torch.manual_seed(seed)
    model = pretrained.model.requires_grad_(True)
    model.reset_classifier(2)  # type: ignore[operator]
    augment = v2.Compose(
        [
            v2.ToImage(),
            v2.RandomResizedCrop(224, scale=(0.35, 1)),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(pretrained.mean, pretrained.std),
        ]
    )
    folder = ImageFolder(DATA / "hymenoptera" / "train", transform=augment)
    loader = torch.utils.data.DataLoader(folder, BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for _ in range(epochs):
        model.train()
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield model.eval()


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Compute the intersection over union of the most salient pixels of maps (N, H, W), (N,)."""
    count = round(TOP * first[0].numel())
    tops = [pixel_ranks(maps) < count for maps in (first, second)]
    return (tops[0] & tops[1]).sum(dim=(1, 2)) / (tops[0] | tops[1]).sum(dim=(1, 2))


def measure(epochs: int, seed: int) -> Iterator[dict[str, object]]:
    """Yield the change of each photo's map after each epoch but the first."""
    pretrained = load_pretrained("tf_efficientnet_lite0")
    folder = ImageFolder(DATA / "hymenoptera" / "val", transform=pretrained.transform)
    chosen = torch.randperm(len(folder), generator=torch.Generator().manual_seed(0))[:PHOTOS].tolist()
    images = torch.stack([folder[index][0] for index in chosen])
    labels = torch.tensor([folder[index][1] for index in chosen])
    before: dict[str, Tensor] = {}
    for epoch, model in enumerate(train(pretrained, epochs, seed), start=1):
        with torch.no_grad():
            accuracy = (model(images).argmax(dim=1) == labels).float().mean()
        print(f"seed {seed}, epoch {epoch}: {accuracy:.1%} of the photos are classified correctly", flush=True)
        for method, explainer in METHODS_OF_EPOCHS.items():
            batches = zip(images.split(BATCH), labels.split(BATCH), strict=True)
            maps = torch.cat([as_explainer(explainer)(model, *batch).maps for batch in batches])
            if method in before:
                drift = (1 - rank_correlation(before[method], maps)).tolist()
                shared = overlap(before[method], maps).tolist()
                for photo, row in enumerate(zip(drift, shared, strict=True)):
                    values = dict(zip(COLUMNS[4:], (round(value, 5) for value in row), strict=True))
                    yield {"seed": seed, "method": method, "epoch": epoch, "photo": photo, **values}
            before[method] = maps


def summarise(rows: Sequence[dict[str, str]]) -> Table:
    """Return the table of the methods: means over epochs, and differences to Group-CAM paired by photo and seed."""

    def column(method: str, name: str) -> Tensor:
        changes: dict[tuple[str, str], list[float]] = {}
        for row in rows:
            if row["method"] == method:
                changes.setdefault((row["seed"], row["photo"]), []).append(float(row[name]))
        return torch.tensor([sum(values) / len(values) for values in changes.values()])

    return Table(
        "changes",
        ["method", "drift", "minus group-cam", "overlap of the top 20 %", "minus group-cam"],
        [
            [
                method,
                *(
                    cell
                    for name in ("drift", "overlap")
                    for cell in (
                        column(method, name).mean().item(),
                        None
                        if method == "group-cam"
                        else paired_interval(column(method, name), column("group-cam", name)),
                    )
                ),
            ]
            for method in METHODS_OF_EPOCHS
        ],
    )


def main(args: Sequence[str] | None = None) -> None:
    """Measure the methods, or print the table of a file of measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--output", type=Path, default=Path("map_stability.csv"))
    parser.add_argument("--summarise", type=Path, metavar="FILE")
    arguments = parser.parse_args(args)
    if arguments.summarise:
        print(to_markdown(summarise(read_rows(arguments.summarise))))
        return
    torch.set_num_threads(1)
    rows = (row for seed in arguments.seeds for row in measure(arguments.epochs, seed))
    write_rows(arguments.output, COLUMNS, rows)


if __name__ == "__main__":
    main()
