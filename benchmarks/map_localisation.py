"""Share of several methods' maps that lies on the objects: ``python benchmarks/map_localisation.py``.

Two measurements that no method here selects by:

* boxes: the share of the map's energy inside COCO's boxes, for every pair of an image and a category whose class the
  network gives a probability of at least 0.1 (the mapping is that of configs/experiments/pointing_game.yaml);
* grid: the share of the energy in the right quarter of mosaics of four ImageNet photos of different classes.

    python benchmarks/map_localisation.py --networks squeezenet1_0 --output localisation.csv
    python benchmarks/map_localisation.py --summarise localisation.csv

The time of an explanation is measured on ten photos in forward passes of the same photos (processor time of one thread,
the shortest of three). ``CAMAUG_DATA`` (by default ``../shared/data``) has the photos and the weights.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
import yaml
from torch import Tensor

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.map_quality import METHODS, load_subject  # noqa: E402
from benchmarks.measurement_rows import read_rows, write_rows  # noqa: E402
from benchmarks.pretrained import NETWORKS, Pretrained, load_pretrained  # noqa: E402
from benchmarks.subjects import DATA  # noqa: E402
from camaug import Explainer  # noqa: E402
from camaug.datamodules import BoxesDataModule  # noqa: E402
from camaug.experiments.image_batch import ImageBatch  # noqa: E402
from camaug.experiments.mean_interval import paired_interval  # noqa: E402
from camaug.experiments.object_batch import ObjectBatch, find_objects  # noqa: E402
from camaug.experiments.table import Table  # noqa: E402
from camaug.experiments.table_text import to_markdown  # noqa: E402
from camaug.explainers import as_explainer  # noqa: E402
from camaug.metrics import energy_in_mask, points_at  # noqa: E402
from camaug.metrics.grid_pointing_game import choose_mosaics, energy_in_cell, mosaic_maps  # noqa: E402

BATCH = 8
MINIMUM_CONFIDENCE = 0.1
MAPPING = Path(__file__).parents[1] / "configs" / "experiments" / "pointing_game.yaml"
CHOSEN = (
    "random",
    "grad-cam",
    "verified-cam, 7 passes",
    "verified-cam",
    "verified-cam, two sizes",
    "group-cam",
    "layer-cam",
    "finer-cam",
)
COLUMNS = ("network", "method", "kind", "item", "energy", "hit")


def load_objects(pretrained: Pretrained) -> list[ObjectBatch]:
    """Load the pairs of an image and a category of COCO whose class the network predicts."""
    mapping = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))["data"]["init_args"]["class_indices"]
    data = BoxesDataModule(
        images=str(DATA / "coco128" / "images"),
        annotations=str(DATA / "coco128" / "labels"),
        names=str(DATA / "coco_classes.txt"),
        class_indices=mapping,
        batch_size=BATCH,
        num_workers=0,
        mean=pretrained.mean,
        std=pretrained.std,
        on_bad_box="skip",
    )
    data.setup("predict")
    return [
        find_objects(pretrained.model, ImageBatch(batch.images, source=batch), MINIMUM_CONFIDENCE)
        for batch in data.predict_dataloader()
    ]


def measure_boxes(
    explainer: Explainer, pretrained: Pretrained, objects: Sequence[ObjectBatch]
) -> Iterator[dict[str, object]]:
    """Yield the energy inside the boxes of each pair, and whether the maximum is inside."""
    for number, batch in enumerate(objects):
        for start in range(0, len(batch.images), BATCH):
            part = slice(start, start + BATCH)
            maps = explainer(pretrained.model, batch.images[part], batch.targets[part]).maps
            energy, hits = energy_in_mask(maps, batch.masks[part]), points_at(maps, batch.masks[part])
            for index, (share, hit) in enumerate(zip(energy.tolist(), hits.tolist(), strict=True)):
                yield {"kind": "boxes", "item": f"{number}-{start + index}", "energy": round(share, 5), "hit": int(hit)}


def measure_grid(
    explainer: Explainer, pretrained: Pretrained, images: Tensor, labels: Tensor, mosaics: Sequence[Sequence[int]]
) -> Iterator[dict[str, object]]:
    """Yield the energy in the right quarter of each mosaic, for each of its classes."""
    for number, chosen in enumerate(mosaics):
        maps, cells = mosaic_maps(explainer, pretrained.model, images, labels, [chosen])
        for cell, share in enumerate(energy_in_cell(maps, cells, n=2).tolist()):
            yield {"kind": "grid", "item": f"{number}-{cell}", "energy": round(share, 5), "hit": ""}


def measure_time(explainer: Explainer, pretrained: Pretrained, images: Tensor) -> float:
    """Return the time of an explanation in forward passes of the same images."""
    with torch.no_grad():
        return _shortest(lambda: explainer(pretrained.model, images)) / _shortest(lambda: pretrained.model(images))


def _shortest(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def summarise(rows: Sequence[dict[str, str]], network: str) -> Table:
    """Return the table of one network: mean energies, and paired differences to Grad-CAM."""
    found = [row for row in rows if row["network"] == network]

    def column(method: str, kind: str, name: str = "energy") -> Tensor:
        return 100 * torch.tensor([float(r[name]) for r in found if (r["method"], r["kind"]) == (method, kind)])

    methods = [method for method in CHOSEN if any(row["method"] == method for row in found)]
    return Table(
        network,
        [
            *("method", "in boxes, %", "minus grad-cam", "maximum in boxes, %"),
            *("in the quarter, %", "minus grad-cam", "time, forwards"),
        ],
        [
            [
                method,
                column(method, "boxes").mean().item(),
                None if method == "grad-cam" else paired_interval(column(method, "boxes"), column("grad-cam", "boxes")),
                column(method, "boxes", "hit").mean().item(),
                column(method, "grid").mean().item(),
                None if method == "grad-cam" else paired_interval(column(method, "grid"), column("grad-cam", "grid")),
                column(method, "time").mean().item() / 100,
            ]
            for method in sorted(methods, key=lambda method: -column(method, "boxes").mean().item())
        ],
    )


def main(args: Sequence[str] | None = None) -> None:
    """Measure the methods, or print the tables of a file of measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["tf_efficientnet_lite0", "squeezenet1_0"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(CHOSEN))
    parser.add_argument("--output", type=Path, default=Path("map_localisation.csv"))
    parser.add_argument("--summarise", type=Path, metavar="FILE")
    arguments = parser.parse_args(args)
    if arguments.summarise:
        rows = read_rows(arguments.summarise)
        for network in dict.fromkeys(row["network"] for row in rows):
            print(f"{network}\n\n{to_markdown(summarise(rows, network))}\n")
        return
    torch.set_num_threads(1)
    measured = (
        {"network": network, "method": method, **row}
        for network in arguments.networks
        for method, row in _measure(network, arguments.methods)
    )
    write_rows(arguments.output, COLUMNS, measured)


def _measure(network: str, methods: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
    pretrained, subject = load_pretrained(network), load_subject(network, "report")
    objects = load_objects(pretrained)
    labels = torch.tensor([int(name[:3]) for name in subject.names])
    confidences = subject.logits.softmax(dim=1).gather(1, labels[:, None])[:, 0]
    mosaics = choose_mosaics(confidences, labels)
    for method in methods:
        explainer = as_explainer(METHODS[method])
        for row in measure_boxes(explainer, pretrained, objects):
            yield method, row
        for row in measure_grid(explainer, pretrained, subject.images, labels, mosaics):
            yield method, row
        forwards = measure_time(explainer, pretrained, subject.images[:10])
        yield method, {"kind": "time", "item": "", "energy": round(forwards, 3), "hit": ""}


if __name__ == "__main__":
    main()
