"""Target layer of every architecture: ``python benchmarks/coverage.py [--families beit swin_transformer]``.

The models are the smallest one of every family in timm and every classification model of torchvision, with random
weights. The tables show the layer that ``find_layer`` finds, and whether its feature maps

* have the aspect ratio of the input, for a wide image too if the model accepts one;
* have the image's spatial positions: noise in one quadrant of the image changes the same quadrant of the maps most. If
  a model does not pass all four (many networks mix globally), a noise patch moves from left to right and from top to
  bottom, and the centre of the change must follow it, without the shift that all positions share. If the model's own
  ``forward_intermediates`` fail that as well, "own" means that the features equal one of these;
* reach the score: the gradients of the logits at the features are not all zero;
* give a finite Grad-CAM map.

If signals vanish without training (LayerScale of 1e-6, heads that start at zero), all weights are drawn again from a
normal distribution with the variance of one over the fan-in, and a note says so. The tables are printed and written to
``benchmarks/coverage.md``.
"""

from __future__ import annotations

import argparse
import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from camaug import GradCAM, find_layer, spatial_features
from camaug.inspection.capture import capture
from camaug.inspection.neutral import neutral
from camaug.inspection.resolve_layer import resolve_layer
from camaug.utils.replaced_attribute import replaced_attribute

Size = tuple[int, int]
TITLE = "# Target layers\n\nMade by `python benchmarks/coverage.py`, which explains the columns.\n\n"
LARGE = 40_000_000
QUADRANTS = {"◰": (0, 0), "◳": (0, 1), "◱": (1, 0), "◲": (1, 1)}
HEADINGS = ("family", "model", "layer", "kind", "input", "features", "wide", "quadrants", "moves", "score", "map", "")


@dataclass
class Finding:
    """One row of the table."""

    family: str
    model: str
    layer: str = ""
    kind: str = ""
    size: Size = (0, 0)
    features: tuple[int, ...] = ()
    wide: str = ""
    quadrants: str = ""
    moves: str = ""
    score: bool = False
    map: bool = False
    has_aspect_ratio: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def passes(self) -> bool:
        """True if the layer passes every check."""
        is_positioned = len(self.quadrants) == 4 or self.moves in ("yes", "own")
        return self.has_aspect_ratio and "wrong" not in self.wide and is_positioned and self.score and self.map

    def row(self) -> list[str]:
        """Return the cells of the row."""
        checks = ["" if not self.layer else "yes" if ok else "NO" for ok in (self.score, self.map)]
        shape = " × ".join(map(str, self.features))
        size = "{} × {}".format(*self.size) if self.layer else ""
        cells = [self.family, self.model, self.layer, self.kind, size, shape, self.wide, self.quadrants, self.moves]
        return [*cells, *checks, "; ".join([*([] if self.passes else ["FAILS"]), *self.notes])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="*", help="families of timm; without, all and torchvision's")
    parser.add_argument("--all-torchvision", action="store_true", help="torchvision's models besides --families")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_flush_denormal(True)  # denormal numbers of vanishing signals would take minutes

    console = Console(width=200)
    parts = []
    if arguments.families != []:
        families = arguments.families or timm.list_modules()
        parts.append(("timm, the smallest model of every family", check_family, families))
    if arguments.families is None or arguments.all_torchvision:
        names = torchvision.models.list_models(module=torchvision.models)
        parts.append(("torchvision, every classification model", check_torchvision, names))
    text, summaries = TITLE, []
    for title, check_one, names in parts:
        findings = []
        for name in names:
            findings.append(check_one(name))
            console.print(" | ".join(findings[-1].row()), highlight=False)
        summaries.append(report(console, title, findings))
        text += markdown(title, findings, summaries[-1])
        if arguments.families is None:
            arguments.output.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    for summary in summaries[::-1]:
        console.print(summary)


def report(console: Console, title: str, findings: Sequence[Finding]) -> str:
    """Print a table and return the sentence that sums it up."""
    table = Table(*HEADINGS, title=title)
    for finding in findings:
        table.add_row(*finding.row())
    console.print(table)
    return f"{title.split(',')[0]}: {sum(finding.passes for finding in findings)} of {len(findings)}"


def markdown(title: str, findings: Sequence[Finding], summary: str) -> str:
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(finding.row() for finding in findings)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return f"## {title}\n\n" + "\n".join(lines) + f"\n\n{summary}\n\n"


def check_family(family: str) -> Finding:
    """Check the smallest model of a timm family."""
    name, settings, size = smallest_model(family)

    def create(size: Size | None = None) -> nn.Module:
        given = {**settings, **({"img_size": size} if size else {})}
        return timm.create_model(name, pretrained=False, num_classes=10, **given).eval()

    notes = [f"built with {key}={value}" for key, value in settings.items()]
    return check(Finding(family, name, size=size, notes=notes), create)


def check_torchvision(name: str) -> Finding:
    """Check a classification model of torchvision."""
    settings = {"inception_v3": {"aux_logits": True}, "googlenet": {"aux_logits": True}}.get(name, {})
    size = (224, 224)
    with suppress(Exception), zero_init():
        model = torchvision.models.get_model(name, **settings).eval().to("meta")
        model(torch.empty(1, 3, 160, 160, device="meta"))
        size = (160, 160)  # a grid of 5 × 5 is enough

    def create(size: Size | None = None) -> nn.Module:
        if size is not None:
            raise TypeError("torchvision's models are built for one size")
        # The largest models take minutes to initialise, so all weights are drawn again instead.
        with zero_init():
            model = torchvision.models.get_model(name, num_classes=10, **settings)
        redraw(model)
        return model.eval()

    return check(Finding("", name, size=size, notes=["weights drawn again"]), create)


@contextmanager
def zero_init() -> Iterator[None]:
    """Leave new weights zero inside the block."""
    with ExitStack() as stack:
        for name in ("kaiming_normal_", "kaiming_uniform_", "normal_", "trunc_normal_", "uniform_", "xavier_uniform_"):
            stack.enter_context(replaced_attribute(nn.init, name, lambda tensor, *_, **__: tensor.data.zero_()))
        yield


def smallest_model(family: str) -> tuple[str, dict[str, Any], Size]:
    """Return a small model's name, settings and input size, with few layers or smaller images if it is still large."""
    counts = {}
    for name in timm.list_models(module=family):
        with suppress(Exception), torch.device("meta"):
            model = timm.create_model(name, num_classes=10)
            if model.num_classes == 10:  # encoders are no classifiers
                counts[name] = sum(p.numel() for p in model.parameters())
    name = min(counts, key=lambda name: (counts[name], name))
    settings: dict[str, Any] = {}
    size = timm.get_pretrained_cfg(name).input_size[1:]
    if counts[name] > LARGE:
        with suppress(Exception), torch.device("meta"):
            timm.create_model(name, num_classes=10, depth=3)
            settings["depth"] = 3
    if max(size) <= 384:
        return name, settings, size
    for smaller in ((side, side) for side in (224, 240, 256)):
        for given in ({"img_size": smaller}, {}):
            with suppress(Exception), torch.device("meta"):
                model = timm.create_model(name, num_classes=10, **settings, **given)
                model.eval()(torch.empty(1, 3, *smaller))
                return name, {**settings, **given}, smaller
    return name, settings, size


def check(finding: Finding, create: Callable[..., nn.Module]) -> Finding:
    """Fill in a finding."""
    torch.manual_seed(0)
    try:
        model = create()
        first = check_model(finding, model)
        if not (first.passes and len(first.quadrants) == 4) and "weights drawn again" not in first.notes:
            redraw(model)
            again = check_model(replace(finding, notes=[*finding.notes, "weights drawn again"]), model)
            first = max(first, again, key=lambda found: (found.passes, len(found.quadrants)))
        first.wide = check_wide(model, create, first.size)
    except Exception as error:
        finding.notes.append(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return finding
    finally:
        gc.collect()
    return first


def check_model(finding: Finding, model: nn.Module) -> Finding:
    size = finding.size
    images = 0.1 * torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    target = find_layer(model, images)
    with neutral(model):
        layer = resolve_layer(model, None, images)
        with capture(layer.module, gradients=True) as captured:
            logits = model(images)
        weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))
        gradient = torch.autograd.grad(logits, captured.output, weights, allow_unused=True)[0]
    features = spatial_features(model, images)
    return replace(
        finding,
        layer=target.name,
        kind=layer.feature_grid.kind if layer.feature_grid else "",
        features=tuple(features.shape[1:]),
        has_aspect_ratio=has_aspect_ratio(features, size),
        quadrants=(quadrants := passed_quadrants(model, images)),
        moves="" if len(quadrants) == 4 else moves(model, images),
        score=gradient is not None and bool(layer.to_maps(gradient, size).abs().sum() > 0),
        map=bool(GradCAM()(model, images).maps.isfinite().all()),
        notes=list(finding.notes),
    )


def check_wide(model: nn.Module, create: Callable[..., nn.Module], size: Size) -> str:
    """Describe the grid for a wide image, if the model accepts one or can be built for one."""
    wide = (size[0], 3 * size[1] // 2) if size[1] % 64 == 0 else (size[0], 2 * size[1])
    images = torch.randn(1, 3, *wide)
    for make in (lambda: model, lambda: create(wide)):
        try:
            chosen = make()
            with torch.no_grad():
                chosen(images)
        except Exception:
            continue
        features = spatial_features(chosen, images)
        grid = "{} × {}".format(*features.shape[2:])
        if has_aspect_ratio(features, wide):
            return grid
        # A model may squeeze the image to its own aspect ratio.
        return f"{grid}, squeezed" if len(passed_quadrants(chosen, 0.1 * images)) == 4 else f"{grid} wrong"
    return "not accepted"


def has_aspect_ratio(features: Tensor, size: Size) -> bool:
    """Return True if the features have the image's aspect ratio, within one row or column."""
    height, width = features.shape[2:]
    return min(height, width) > 1 and abs(width - height * size[1] / size[0]) <= max(1, size[1] / size[0])


def passed_quadrants(model: nn.Module, images: Tensor) -> str:
    """Return the quadrants of the image in which noise changes the features of the same quadrant most."""
    height, width = images.shape[2] // 2, images.shape[3] // 2
    before = spatial_features(model, images)
    passed = ""
    for sign, (row, column) in QUADRANTS.items():
        changed = images.clone()
        noise = torch.randn(len(images), 3, height, width, generator=torch.Generator().manual_seed(2))
        changed[..., row * height :, column * width :][..., :height, :width] = noise
        difference = (spatial_features(model, changed) - before).abs().mean(dim=(0, 1))
        means = quadrant_means(difference)
        if means[2 * row + column] > max(means[: 2 * row + column] + means[2 * row + column + 1 :]):
            passed += sign
    return passed


def quadrant_means(difference: Tensor) -> list[float]:
    """Return the means of the four quadrants of (h, w), without a middle row or column."""
    height, width = (side // 2 for side in difference.shape)
    halves = (difference[:height], difference[-height:])
    return [float(part.mean()) for rows in halves for part in (rows[:, :width], rows[:, -width:])]


def moves(model: nn.Module, images: Tensor) -> str:
    """Return whether features that fail a quadrant follow a moving patch, or are the model's own."""
    if moves_along(model, images):
        return "yes"
    host: Any = next((module for module in model.modules() if hasattr(module, "forward_intermediates")), None)
    if host is None:
        return "NO"
    other = torch.randn(images.shape, generator=torch.Generator().manual_seed(4))
    features = spatial_features(model, other)
    with torch.no_grad():
        own = host.forward_intermediates(other, intermediates_only=True)
    same = (maps.shape == features.shape and torch.allclose(maps, features, rtol=1e-4, atol=1e-4) for maps in own)
    return "own" if any(same) else "NO"


def moves_along(model: nn.Module, images: Tensor) -> bool:
    """Return True if the centre of the change follows a noise patch from left to right and from top to bottom."""
    height, width = images.shape[2:]
    before = spatial_features(model, images)

    def centre(row: int, column: int) -> tuple[float, float]:
        changed = images.clone()
        top, left = row * height // 3, column * width // 3
        patch = changed[..., top : top + height // 3, left : left + width // 3]
        patch.copy_(torch.randn(patch.shape, generator=torch.Generator().manual_seed(3)))
        change = spatial_features(model, changed) - before
        # Global mixing changes all positions by the same amount. That shift is not the patch.
        change = (change - change.flatten(2).median(dim=2).values[..., None, None]).square().mean(dim=(0, 1))
        change = change / change.sum()
        rows, columns = (torch.linspace(0, 1, side) for side in change.shape)
        return float((change.sum(1) * rows).sum()), float((change.sum(0) * columns).sum())

    across = centre(1, 2)[1] - centre(1, 0)[1]
    down = centre(2, 1)[0] - centre(0, 1)[0]
    return across > 0.05 and down > 0.05


@torch.no_grad()
def redraw(model: nn.Module) -> None:
    """Draw all weights with the variance of one over the fan-in, and set scales to 1 and biases to 0."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and parameter[0].numel() > 1:
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter[0].numel() ** 0.5)
        else:
            parameter.fill_(0.0 if "bias" in name else 1.0)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_var is not None:
            module.reset_running_stats()


if __name__ == "__main__":
    main()
