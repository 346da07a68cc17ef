"""Cost of every method, in forward passes of its own batch.

Each method explains the whole batch in one call. *Queries* are the images that passed through the model for each
explained image, including its own forward pass. *Forwards a query* is the cost of one query including all overhead: at
1, only the forward passes take time. Methods with gradients make few queries, and need backward passes besides.
Ablation-CAM runs parts of the network, which are not counted.

Methods with a query for each channel use the layer with the fewest channels here, and other methods that are expensive
by default have fewer samples, so that the table takes minutes. The cost of a query does not depend on that. The other
libraries use the same layers; torchcam's and captum's maps stay at the layer's size. *Fast* is the same method with
:class:`camaug.FastForward` as its forward. All other rows use the model itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from benchmarks.options import Options
from benchmarks.peers import count_images, hooks_left, peers, targets_of, versions
from benchmarks.subjects import layers_by_channels, make_images, make_model
from benchmarks.timing import FORWARD, forward_pass, medians, without_warnings
from camaug import Explainer, FastForward, find_layer, get_explainer, list_explainers
from camaug.experiments.counting_forward import CountingForward
from camaug.experiments.named_methods import method_label
from camaug.experiments.table import Cell, Table

__all__ = ["measure"]

SMALL: dict[str, dict[str, Any]] = {
    "integrated-gradients": {"steps": 8},
    "is-cam": {"steps": 2},
    "noise-smooth": {"samples": 4},
    "rise": {"masks": 32},
    "smooth-grad": {"samples": 4},
    "smooth-grad-cam++": {"samples": 4},
    "ss-cam": {"samples": 2},
    "xrai": {"steps": 4},
}
A_QUERY_A_CHANNEL = ("ablation-cam", "is-cam", "score-cam", "ss-cam")
ALSO_FAST = ("grad-cam", "grad-cam++", "group-cam", "rise", "score-cam")
QUICK = ("grad-cam", "group-cam", "score-cam", "rise", "legrad")


def measure(options: Options) -> list[Table]:
    """Return one table with a row for each method that works on the model, here and in the other libraries."""
    model, _ = make_model(options)
    images = make_images(options)
    targets = targets_of(model, images)
    layer, narrow = find_layer(model, images).name, layers_by_channels(model, images)[0][0]
    work: dict[str, Callable[[], object]] = {FORWARD: forward_pass(model, images)}
    queries: dict[str, float] = {FORWARD: 1.0}
    notes = []
    for name in QUICK if options.quick else list_explainers():
        explainer = _explainer(name, narrow)
        counting = CountingForward(model)
        try:
            with without_warnings():
                explainer(model, images, targets)  # the first call finds the layer
                explainer(model, images, targets, forward=counting)
        except (ValueError, ImportError) as error:
            notes.append(f"Left out: {name}, which refuses this model: {str(error).splitlines()[0]}")
            continue
        row = _row_name(explainer)
        work[row] = partial(explainer, model, images, targets)
        queries[row] = counting.images / len(images)
        if name in ALSO_FAST:
            fast = f"{row}, fast"
            work[fast] = partial(explainer, model, images, targets, forward=FastForward(model))
            queries[fast] = queries[row]
    modules = dict(model.named_modules())
    for name, run in peers(model, modules[layer], modules[narrow], images, targets).items():
        if options.quick and not name.endswith((" GradCAM", " LayerGradCam")):
            continue
        with without_warnings(), count_images(model) as counts:
            try:
                run()
            except Exception as error:  # whatever another library may raise on this model
                lines = str(error).splitlines() or [""]
                notes.append(f"Left out: {name}: {type(error).__name__}: {lines[0]}")
                continue
        work[name] = run
        queries[name] = sum(counts) / len(images)
    with without_warnings():
        seconds = medians(work, options.device, rounds=options.rounds, clock=options.clock)
    if left := hooks_left(model):
        notes.append(f"The methods left {left} hooks on the model.")
    return [_table(options, seconds, queries, [_layers(layer, narrow, model, images), *notes, versions() + "."])]


def _explainer(name: str, narrow: str) -> Explainer:
    where = {"layer": narrow} if name in A_QUERY_A_CHANNEL else {}
    return get_explainer(name, **SMALL.get(name, {}), **where)


def _row_name(explainer: Explainer) -> str:
    """Return the explainer's name and settings without the layer, which a note names."""
    return " ".join(part for part in method_label(explainer).split(" ") if not part.startswith("layer="))


def _layers(layer: str, narrow: str, model: nn.Module, images: Tensor) -> str:
    target_layer = find_layer(model, images)
    return (
        f"Layers: `{layer}` with {target_layer.channels} channels; `{narrow}` for {', '.join(A_QUERY_A_CHANNEL)} "
        "and the other libraries' Score-CAM."
    )


def _table(options: Options, seconds: dict[str, float], queries: dict[str, float], notes: list[str]) -> Table:
    unit = seconds[FORWARD]
    rows: list[list[Cell]] = [
        [name, queries[name], 1000 * time, time / unit, time / unit / queries[name]] for name, time in seconds.items()
    ]
    return Table(
        f"methods, {options.described}",
        ["method", "queries an image", "ms a batch", "forwards", "forwards a query"],
        rows,
        {"queries an image": "{:.4g}", "ms a batch": "{:.1f}", "forwards": "{:.2f}", "forwards a query": "{:.2f}"},
        notes,
    )
