"""The command ``camaug explain``: heatmaps of photos."""

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from camaug._cli.check_checkpoint import check_checkpoint
from camaug._cli.find_checkpoint import find_checkpoint
from camaug._cli.summary import print_summary
from camaug.datamodules import PhotoFolder
from camaug.explainers import Explainer, get_explainer
from camaug.images.class_names import find_class, known_class_names
from camaug.images.eight_bits import check_value_range
from camaug.images.preprocessing import model_preprocessing
from camaug.single_image.explain import explain
from camaug.single_image.explained_image import ExplainedImage
from camaug.single_image.photo_names import PhotoNames
from camaug.single_image.written_targets import WrittenTarget, written_targets
from camaug.training.checkpoints import read_checkpoint
from camaug.training.image_classifier import ImageClassifier
from camaug.utils.check_folder import check_folder
from camaug.utils.command_parser import CommandParser
from camaug.utils.did_you_mean import did_you_mean
from camaug.utils.printable import printable
from camaug.utils.progress import with_progress
from camaug.utils.remote_address import check_local

__all__ = ["explain_command"]


def explain_command(arguments: Sequence[str]) -> Path:
    """Run the command ``camaug explain``.

    Args:
        arguments: Command-line arguments after ``explain``.

    Returns:
        The folder of the results.

    Raises:
        SystemExit: With status 1 if a photo could not be explained.
    """
    parser = _parser()
    options = parser.parse_args(list(arguments))
    check_local(options.output, "the heatmaps")
    photos = _find_photos(parser, options.photos)
    explainer = get_explainer(options.explainer, **({} if options.layer is None else {"layer": options.layer}))
    device = _device(parser, options.device)
    module = _classifier(parser, options).to(device)
    targets = written_targets(None, _classes(parser, options.target, module))
    _check_layer(parser, options.layer, module)
    _check_value_range(parser, options.value_range)
    folder = Path(options.output).expanduser()
    check_folder(folder, "the heatmaps")
    names = PhotoNames(_common_folder(photos), photos, [target.suffix for target in targets])
    _refuse_overwriting(parser, photos, [folder / f"{names.output(p)}{t.suffix}" for p in photos for t in targets])
    console = Console(highlight=False, soft_wrap=True)
    console.print(_description(module, options, explainer), markup=False)
    failed = 0
    for photo in with_progress(photos, "explaining photos", console=console):
        try:
            explained = _explain(module, photo, explainer, targets, options.value_range)
        except (OSError, ValueError) as error:
            failed += 1
            console.print(f"{printable(photo)}: failed: {printable(str(error))}", markup=False)
            continue
        for target, each in zip(targets, explained, strict=True):
            overlay, *_ = each.save(folder, f"{names.output(photo)}{target.suffix}")
            console.print(_line(photo, each, overlay), markup=False)
    print_summary({"photos": f"{len(photos) - failed} explained, {failed} failed", "results": str(folder)})
    if failed:
        raise SystemExit(1)  # a script that called this should know
    return folder


def _parser() -> CommandParser:
    parser = CommandParser(
        "explain",
        "Explain what a classifier sees in photos: for each an overlay, the raw map and a record. A fine-tuned model "
        "brings its own class names, image size, crop and normalisation.",
        "cat.jpg --checkpoint runs/camaug/version_0",
    )
    add = parser.add_argument
    add("photos", nargs="+", metavar="PHOTO", help="photos, folders of photos, or patterns such as '*.jpg'")
    checkpoints = "checkpoint of `fit`, the folder of a run, or best or last of the newest run in runs/"
    add("--checkpoint", metavar="RUN", help=checkpoints)
    add("--model", metavar="NAME", help="model of timm or torchvision, with its pretrained weights")
    add("--weights", metavar="FILE", help="file with weights of --model, instead of a download")
    add("--num_classes", type=int, default=1000, metavar="N", help="number of classes of --weights, by default 1000")
    add("--explainer", default="verified-cam", metavar="METHOD", help="method, by default verified-cam")
    add("--layer", metavar="NAME", help="target layer, by default the last one with positions")
    classes = "class to explain by name or index, once or several times, by default the predicted one"
    add("--target", "--class", action="append", type=_class, metavar="CLASS", help=classes)
    values = "values of black and white in photos of more than 8 bits, such as 0 4095"
    add("--value_range", nargs=2, type=float, metavar=("BLACK", "WHITE"), help=values)
    add("--output", default="explained", metavar="FOLDER", help="folder of the results, by default explained")
    add("--device", metavar="DEVICE", help="cpu, cuda or mps, by default the accelerator if there is one")
    return parser


def _class(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _find_photos(parser: CommandParser, given: Sequence[str]) -> list[str]:
    """Return the photos that paths, folders and patterns name, each once."""
    photos: dict[str, None] = {}
    for path in (Path(each).expanduser() for each in given):
        if path.is_dir():
            found = PhotoFolder(str(path)).photos
        elif path.is_file():
            found = [str(path)]
        else:
            found = sorted(glob.glob(str(path)))
        if not found:
            problem = "matches no file" if glob.has_magic(str(path)) else "does not exist"
            parser.error(f"{path.absolute()} {problem}: give photos, a folder of photos, or a pattern such as '*.jpg'")
        photos.update(dict.fromkeys(found))
    return list(photos)


def _classifier(parser: CommandParser, options: argparse.Namespace) -> ImageClassifier:
    """Return the classifier that the options name, with weights."""
    if options.checkpoint is not None and options.model is not None:
        parser.error("--checkpoint and --model both choose the model: give one of them")
    if options.checkpoint is not None:
        path = find_checkpoint(options.checkpoint)
        check_checkpoint(read_checkpoint(path), str(path))
        options.checkpoint = str(path)
        return ImageClassifier.load_from_checkpoint(path, map_location="cpu", weights_only=True).eval()
    if options.model is None:
        parser.error(
            "random weights explain nothing: give a model that was fine-tuned here (--checkpoint RUN), or one with "
            "pretrained weights (--model resnet50), which may be in a file (--weights FILE)"
        )
    return ImageClassifier(options.model, options.num_classes, options.weights is None, options.weights).eval()


def _device(parser: CommandParser, name: str | None) -> torch.device:
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name in (None, "gpu", "auto"):
        if name == "gpu" and accelerator is None:
            parser.error("there is no GPU here that PyTorch can use: leave --device out, or give cpu")
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        known = " or ".join(str(each) for each in ("cpu", accelerator) if each is not None)
        parser.error(f"there is no device {name!r} here that PyTorch can use: leave --device out, or give {known}")
    return device


def _classes(
    parser: CommandParser, given: Sequence[int | str] | None, module: ImageClassifier
) -> Sequence[int | str] | None:
    """Return classes by index or by the model's own spelling of their names."""
    count = int(module.hparams["num_classes"])
    names = known_class_names(module, count)
    chosen: list[int | str] = []
    for each in given or []:
        if isinstance(each, int) and not 0 <= each < count:
            parser.error(f"there is no class {each}: the model has {count} classes, 0 to {count - 1}")
        try:
            chosen.append(each if isinstance(each, int) else names[find_class(each, names)] if names else each)
        except ValueError as error:
            parser.error(str(error))
    return chosen or None


def _check_layer(parser: CommandParser, name: str | None, module: ImageClassifier) -> None:
    layers = [layer for layer, _ in module.named_modules() if layer]
    if name is not None and name not in layers:
        last = ", ".join(layers[-5:])
        parser.error(f"the model has no layer {name!r}, {did_you_mean(name, layers)}its last ones are {last}")


def _check_value_range(parser: CommandParser, limits: Sequence[float] | None) -> None:
    try:
        check_value_range(None if limits is None else (limits[0], limits[1]))
    except ValueError as error:
        parser.error(str(error))


def _common_folder(photos: Sequence[str]) -> Path:
    """Return the folder that all photos are in, which the results' names leave out."""
    return Path(os.path.commonpath([os.path.dirname(os.path.abspath(photo)) for photo in photos]))


def _refuse_overwriting(parser: CommandParser, photos: Sequence[str], results: Sequence[Path]) -> None:
    """End the program if a result would replace a photo."""
    given = {os.path.abspath(photo) for photo in photos}
    for result in results:
        for end in ("_overlay.png", "_map.png", ".json"):
            if (path := os.path.abspath(f"{result}{end}")) in given:
                parser.error(f"the result {path} would replace a photo of that name: give another folder, --output")


def _explain(
    module: ImageClassifier,
    photo: str,
    explainer: Explainer,
    targets: Sequence[WrittenTarget],
    value_range: Sequence[float] | None,
) -> list[ExplainedImage]:
    """Explain a photo for each target."""
    requests = [target.request for target in targets if target.request is not None]
    limits = None if value_range is None else (value_range[0], value_range[1])
    if requests:
        return explain(module, photo, explainer, targets=requests, value_range=limits)
    return [explain(module, photo, explainer, value_range=limits)]


def _description(module: ImageClassifier, options: argparse.Namespace, explainer: Explainer) -> str:
    """Return a line on the model, its classes, its images and the method."""
    source = options.checkpoint or options.weights or "its pretrained weights"
    names = module.class_names or []
    shown = f" ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})" if names else ""
    settings = model_preprocessing(module).settings
    size, share = settings.get("image_size"), settings.get("crop_pct", 1.0)
    crop = "" if share == 1 else f" (the middle {share:.0%} of the shorter side)"
    images = f", images of {size} pixels{crop}" if size else ""
    return printable(
        f"{module.hparams['name']} of {source}: {module.hparams['num_classes']} classes{shown}{images}, explained by "
        f"{explainer.name}"
    )


def _line(photo: str, explained: ExplainedImage, overlay: Path) -> str:
    """Return a line on one photo: the most probable classes, the explained one if it is another, and the file."""
    top = ", ".join(f"{name.split(',')[0]} {value:.0%}" for name, value in explained.top(3))
    is_predicted = explained.target == int(explained.logits.argmax())
    target = "" if is_predicted else f" (explained: {explained.class_name})"
    return printable(f"{photo}: {top}{target}: {overlay}")
