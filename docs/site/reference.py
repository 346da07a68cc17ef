"""Pages of the reference: every public name of the package, by topic, written from the packages' ``__all__``."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any, NamedTuple

import lightning as L
from commands import commands_page

from camaug.augmentation.recipes import as_recipe, list_recipes
from camaug.explainers import explainer_class, list_explainers

__all__ = ["PACKAGES", "public_objects", "reference_pages"]

PACKAGES = (
    "camaug",
    "camaug.callbacks",
    "camaug.datamodules",
    "camaug.explainers",
    "camaug.augmentation.recipes",
    "camaug.metrics",
    "camaug.experiments",
)
"""Packages whose ``__all__`` is public."""


class Topic(NamedTuple):
    """A page of the reference.

    Attributes:
        title: Its title.
        introduction: What the reader finds there.
        names: Dotted paths of its names.
    """

    title: str
    introduction: str
    names: tuple[str, ...]


def names_of(package: str) -> tuple[str, ...]:
    """Return the dotted paths of a package's public names, in its own order."""
    module = importlib.import_module(package)
    return tuple(f"{package}.{name}" for name in module.__all__ if not name.startswith("_"))


@functools.cache
def topics() -> dict[str, Topic]:
    """Return the pages by their file names, every name on one of them."""
    methods = tuple(path_of(explainer_class(name)) for name in list_explainers())
    explainers = [path for path in names_of("camaug.explainers") if path.rpartition(".")[2] not in class_names(methods)]
    recipes = tuple(path_of(type(as_recipe(name))) for name in list_recipes())
    return {
        "callbacks": Topic("Callbacks", "Lightning callbacks, from `camaug.callbacks`.", names_of("camaug.callbacks")),
        "datamodules": Topic(
            "Data modules", "Lightning data modules, from `camaug.datamodules`.", names_of("camaug.datamodules")
        ),
        "explain": Topic(
            "One image",
            "One call for one image, from `camaug`.",
            ("camaug.explain", "camaug.ExplainedImage"),
        ),
        "explainers": Topic(
            "Explainers",
            "Base classes, the registry and the results of explanation methods, from `camaug.explainers`; the search "
            "for the target layer, from `camaug`.",
            (
                *explainers,
                "camaug.find_layer",
                "camaug.find_layers",
                "camaug.TargetLayer",
                "camaug.spatial_features",
                "camaug.FastForward",
                "camaug.inspection.random_weights.head_layers",
                "camaug.inspection.sharded_weights.whole_weights",
            ),
        ),
        "methods": Topic(
            "Explanation methods",
            "The classes of all methods, from `camaug.explainers`. Every one has the arguments of "
            ":class:`camaug.explainers.Explainer`, and its `__call__`.",
            methods,
        ),
        "recipes": Topic(
            "Augmentation and recipes",
            "The batch transform, from `camaug`, and the recipes, by their names in a configuration or from their "
            "modules.",
            ("camaug.GroupCamTransform", *names_of("camaug.augmentation.recipes"), *recipes),
        ),
        "metrics": Topic(
            "Metrics", "TorchMetrics metrics and their functions, from `camaug.metrics`.", names_of("camaug.metrics")
        ),
        "experiments": Topic(
            "Experiments", "Experiments and their reports, from `camaug.experiments`.", names_of("camaug.experiments")
        ),
        "film": Topic(
            "Films and stills",
            "The parts of ``camaug film``, from their modules: a film is read from the files of a run, and its frames "
            "and stills are drawn in a style.",
            (
                "camaug.film.film.Film",
                "camaug.film.probe_history.ProbeHistory",
                "camaug.film.probe_snapshot.ProbeSnapshot",
                "camaug.film.film_style.FilmStyle",
                "camaug.film.draw_frame.draw_frame",
                "camaug.film.draw_still.draw_still",
                "camaug.film.draw_still.spread_snapshots",
                "camaug.film.frame_times.frame_times",
            ),
        ),
        "training": Topic(
            "Training",
            "The classifier and the Trainer of the command line.",
            (
                "camaug.training.image_classifier.ImageClassifier",
                "camaug.training.trainer.CamaugTrainer",
                "camaug.cli.CamaugCLI",
                "camaug.cli.main",
            ),
        ),
    }


def class_names(paths: tuple[str, ...]) -> set[str]:
    """Return the last parts of dotted paths."""
    return {path.rpartition(".")[2] for path in paths}


def path_of(value: type) -> str:
    """Return the path under which a registered class is documented: from the package where it is public."""
    public = f"camaug.explainers.{value.__name__}"
    is_public = getattr(importlib.import_module("camaug.explainers"), value.__name__, None) is value
    return public if is_public else f"{value.__module__}.{value.__name__}"


@functools.cache
def public_objects() -> dict[str, Any]:
    """Return every object of the reference by its dotted path, without those of one name that are the same object."""
    paths = [path for topic in topics().values() for path in topic.names]
    return {path: getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2]) for path in paths}


def reference_pages() -> dict[str, str]:
    """Return the reStructuredText of each page by its file name."""
    return {name: page(topic) for name, topic in topics().items()} | {"commands": commands_page()}


def page(topic: Topic) -> str:
    """Write a page: the title, the introduction, and a directive for each name."""
    title = f"{topic.title}\n{'=' * len(topic.title)}\n\n{topic.introduction}\n"
    return title + "".join(f"\n{directive(path, public_objects()[path])}" for path in topic.names)


def lightning_hooks(value: type) -> list[str]:
    """Return the methods of a callback that Lightning calls and no user does."""
    if not issubclass(value, L.Callback):
        return []
    return sorted(name for name in vars(value) if name in vars(L.Callback) and not name.startswith("_"))


def has_public_bases(value: type) -> bool:
    """Return True if no base of a class is in a private module."""
    return not any(part.startswith("_") for base in value.__bases__ for part in base.__module__.split("."))


def directive(path: str, value: Any) -> str:
    """Write the heading and the autodoc directive of a name."""
    name = path.rpartition(".")[2]
    heading = f"{name}\n{'-' * len(name)}\n\n"
    if inspect.isclass(value):
        bases = "   :show-inheritance:\n" if has_public_bases(value) else ""
        hooks = f"   :exclude-members: {', '.join(lightning_hooks(value))}\n" if lightning_hooks(value) else ""
        return f"{heading}.. autoclass:: {path}\n   :members:\n{bases}{hooks}"
    if callable(value):
        return f"{heading}.. autofunction:: {path}\n"
    return f"{heading}.. autodata:: {path}\n"
