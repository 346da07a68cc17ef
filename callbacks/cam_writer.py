"""Explanations of photos, as files."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from camaug.augmentation.batch import find_images
from camaug.augmentation.batch_leaves import Selector
from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.explainers.float16_fallback import Float16Fallback
from camaug.explainers.provenance import describe_explainer, describe_model
from camaug.images.class_names import find_class, known_class_names
from camaug.inspection.model_digest import model_digest
from camaug.inspection.probability_outputs import describe_probabilities
from camaug.single_image.explained_image import ExplainedImage, RawMap
from camaug.single_image.explanation_record import explanation_record
from camaug.single_image.photo_names import PhotoNames
from camaug.single_image.written_targets import written_targets
from camaug.utils.check_folder import check_folder
from camaug.utils.check_types import check_types
from camaug.utils.counted import counted
from camaug.utils.replaced_attribute import replaced_attribute

from ._logging.check_arguments import check_display, check_overlay
from ._logging.find_class_names import find_class_names
from ._logging.image_display import ImageDisplay
from ._logging.is_explained import is_explained
from ._logging.read_photos import read_photos
from ._logging.warn_once import WarnOnce
from ._trainer.bound_forward import ModuleForward, bind_forward
from ._trainer.strategies import refuse_fsdp2, refuse_sharded

__all__ = ["CamWriter"]


class CamWriter(L.Callback):
    """Callback that explains every image of ``trainer.predict`` and writes the explanations to files.

    Each photo NAME gets, in the same subfolder of ``directory``,

    - ``NAME_overlay.png``: the heatmap over the model's input, which is the transform's crop of the photo;
    - ``NAME_map.png``, the map as 16-bit grey values with 65535 for 1, or ``NAME_map.npy``, float32 in [0, 1];
    - ``NAME.json``: class, confidence, layers, method and its settings, model, versions.

    NAME has the photo's suffix only if two photos of a folder differ in nothing else, or if another data module than
    :class:`~camaug.datamodules.PhotoFolder` loads them (its batches need the files' paths under ``path`` or ``paths``).
    The JSON file comes last and no file is ever half written, so that an interrupted run continues where it stopped:
    a ``PhotoFolder`` does not load photos whose JSON has the same photo, method, settings, model, weights, transform
    and target. A photo that cannot be read is a warning. The numbers of images are reported at the end and stay in
    :attr:`written`, :attr:`skipped` and :attr:`failed`. The module needs no ``predict_step``.

    Args:
        explainer: Name of a method in ``camaug.list_explainers()``, or an explainer.
        directory: Directory of the files. Photos inside it, as earlier results, are not explained.
        target: Index or name of the class to explain, None for each image's predicted class.
        targets: Several classes to explain in each image, as of a model with several labels. The files of class 3 are
            NAME_class3_overlay.png and so on, those of a class given by name have its name.
        raw: Format of the map, ``png`` or ``npy``.
        bands: Indices, counted from 0, of the channels that overlays show as red, green and blue, or of one that they
            show as grey. None for the first three, or for the first of one or two.
        colormap: ``viridis``, ``cividis``, ``inferno``, ``turbo``, ``jet`` or ``gray``.
        strength: Share of the heatmap in the overlay, in [0, 1].
        resume: Whether images with results are skipped.
        class_names: Names of the classes. By default the data module's or the model's, ImageNet's for 1000 classes.
        forward: ``forward(module, images)`` returns logits, for a LightningModule whose own forward does not.
        images: Where a batch has its images, if they are not found: a key, an index, a path such as ``"0.image"``, or a
            function of the batch. Labels are not read.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> writer = CamWriter("grad-cam", directory="explained", target="flamingo")
        >>> trainer = L.Trainer(callbacks=[writer], logger=False, accelerator="cpu")
    """

    def __init__(
        self,
        explainer: str | Explainer = "verified-cam",
        directory: str = "explained",
        target: int | str | None = None,
        raw: RawMap = "png",
        bands: Sequence[int] | None = None,
        colormap: str = "viridis",
        strength: float = 0.5,
        resume: bool = True,
        class_names: Sequence[str] | None = None,
        forward: ModuleForward | None = None,
        images: Selector | None = None,
        targets: Sequence[int | str] | None = None,
    ) -> None:
        self.explainer = as_explainer(explainer)
        check_types(CamWriter.__init__, locals())
        check_overlay(colormap, strength)
        check_display(bands)
        self.directory = Path(directory).expanduser()
        self.targets = written_targets(target, targets)
        self.raw, self.resume = raw, resume
        self.colormap, self.strength, self.bands = colormap, strength, bands
        self.class_names, self.forward, self.images = class_names, forward, images
        self._replacements = ExitStack()
        self._reset()

    def _reset(self) -> None:
        self.written = self.skipped = 0
        self.failed: dict[str, str] = {}
        self._settings: dict[str, Any] | None = None
        self._classes: list[int | None] | None = None  # of the targets
        self._names = PhotoNames()
        self._warn_once = WarnOnce("CamWriter")
        self._fallback = Float16Fallback(lambda sentence: rank_zero_warn(f"CamWriter: {sentence}"), waits=True)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check everything that can be checked without data, and let the data module load unexplained photos only."""
        if stage != "predict":
            return
        refuse_sharded(trainer, self)
        refuse_fsdp2(trainer, self)
        self._reset()
        datamodule: Any = getattr(trainer, "datamodule", None)
        root = None if getattr(datamodule, "root", None) is None else _absolute(datamodule.root)
        _check_directory(self.directory, root)
        self._names = PhotoNames(root)
        if hasattr(datamodule, "choose_by"):
            datamodule.choose_by(lambda photos: self._choose_photos(trainer, pl_module, root, photos))
            self._replacements.callback(datamodule.choose_by, None)
        if getattr(pl_module.predict_step, "__func__", None) is L.LightningModule.predict_step:
            forward = bind_forward(self.forward, pl_module) or pl_module
            self._replacements.enter_context(_images_only(pl_module, forward, self.images))

    def on_predict_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Explain the batch and write its files."""
        photos = read_photos(batch, self.images, with_labels=False)
        if photos.paths is None:
            raise ValueError(
                f"CamWriter names its files after the images', and the batch, a {type(batch).__name__}, carries no "
                "paths: use the data module PhotoFolder, or let the data set's items be dicts with 'image' and 'path'"
            )
        self.failed |= photos.errors
        for error in photos.errors.values():
            warnings.warn(f"CamWriter leaves out one image and goes on: {error}", stacklevel=2)
        if photos.paths:
            self._explain(trainer, pl_module, photos.images, photos.paths)

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add up the numbers of all processes."""
        if trainer.world_size > 1:
            self.written, self.failed = _added_up(trainer.world_size, self.written, self.failed)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Restore the module and the data module, and report the numbers of images."""
        if stage != "predict":
            return
        self._replacements.close()
        rank_zero_info(  # each failed image has had a warning with its path
            f"CamWriter: {counted(self.written, 'image')} written to {self.directory}, {self.skipped} skipped because "
            f"they were done, {len(self.failed)} failed"
        )

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Restore the module and the data module, and report how many images were written."""
        if trainer.predicting:
            self._replacements.close()
            if self.written:
                done = counted(self.written, "image")
                rank_zero_info(f"CamWriter: ended after {done}. The next run leaves them out and goes on from there")

    def _choose_photos(
        self, trainer: L.Trainer, pl_module: L.LightningModule, root: Path | None, photos: Sequence[str]
    ) -> list[str]:
        """Return the photos without results. Rank zero decides for all, before any process writes results."""
        directory = _absolute(self.directory)
        photos = [photo for photo in photos if directory not in _absolute(photo).parents]
        self._names = names = PhotoNames(root, photos, [target.suffix for target in self.targets])
        settings = self._result_settings(trainer, pl_module)
        chosen = photos
        if self.resume and trainer.is_global_zero:
            chosen = [photo for photo in photos if not self._is_explained(photo, names, settings)]
        chosen = trainer.strategy.broadcast(chosen)
        self.skipped = len(photos) - len(chosen)
        if not chosen:  # Lightning warns of data without images, which are no mistake here
            self._replacements.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="Total length of `list` across ranks is zero")
        return chosen

    def _is_explained(self, photo: str, names: PhotoNames, settings: dict[str, Any]) -> bool:
        return all(
            is_explained(photo, names, self.directory, target.settings(settings), target.suffix)
            for target in self.targets
        )

    def _result_settings(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        """Return everything but the photo and the class that a result depends on, in JSON's types."""
        if self._settings is None:
            self._settings = json.loads(json.dumps(_describe_settings(self, trainer, pl_module)))
        return self._settings

    def _explain(self, trainer: L.Trainer, pl_module: L.LightningModule, images: Tensor, paths: Sequence[str]) -> None:
        forward = bind_forward(self.forward, pl_module)
        with trainer.precision_plugin.forward_context():
            if self._classes is None:
                self._classes = self._find_classes(trainer, pl_module, images[:1], forward)
            several = len(self._classes) > 1
            classes = torch.tensor(self._classes, device=images.device).expand(len(images), -1) if several else None
            targets = classes if several else self._classes[0]
            explanation = self._fallback.run(
                lambda: self.explainer(pl_module, images, targets, forward=forward), images
            )
        if not self.written and (sentence := describe_probabilities(explanation.logits)):
            self._warn_once("probabilities", f"CamWriter: {sentence}")
        names = self._class_names(trainer, pl_module, explanation.logits.shape[1])
        shown = self._find_display(trainer, images.shape[1]).to_rgb(images)
        settings = self._result_settings(trainer, pl_module)
        for position, path in enumerate(paths):
            for target, of_target in zip(self.targets, _of_each_target(explanation), strict=True):
                about = explanation_record(of_target, position, names)
                ExplainedImage(
                    shown[position],
                    of_target.maps[position].cpu(),
                    of_target.logits[position].float().cpu(),
                    int(of_target.targets[position]),
                    names,
                    {"photo": self._names.record(path), **about, **target.settings(settings)},
                    self.colormap,
                    self.strength,
                ).save(self.directory, f"{self._names.output(path)}{target.suffix}", self.raw)
            self.written += 1

    def _find_classes(
        self, trainer: L.Trainer, pl_module: L.LightningModule, images: Tensor, forward: Callable[..., Tensor] | None
    ) -> list[int | None]:
        """Return the indices of the targets, of which names are looked up."""
        requests = [target.request for target in self.targets]
        if not any(isinstance(request, str) for request in requests):
            return [request for request in requests if not isinstance(request, str)]
        with torch.no_grad():
            classes = int((forward or pl_module)(images).shape[1])
        names = self._class_names(trainer, pl_module, classes)
        return [find_class(request, names) if isinstance(request, str) else request for request in requests]

    def _find_display(self, trainer: L.Trainer, channels: int) -> ImageDisplay:
        dataset = getattr(trainer.predict_dataloaders, "dataset", None)
        return ImageDisplay.find(
            trainer,
            dataset,
            channels,
            lambda sentence: self._warn_once(sentence, f"CamWriter: {sentence}"),
            bands=self.bands,
        )

    def _class_names(self, trainer: L.Trainer, pl_module: L.LightningModule, classes: int) -> Sequence[str] | None:
        if self.class_names is not None and len(self.class_names) != classes:
            raise ValueError(
                f"`class_names` must name the model's {classes} classes, got {len(self.class_names)} names"
            )
        dataset = getattr(trainer.predict_dataloaders, "dataset", None)
        return self.class_names or find_class_names(trainer, dataset) or known_class_names(pl_module, classes)


def _describe_settings(writer: CamWriter, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
    preprocessing = getattr(getattr(trainer, "datamodule", None), "preprocessing", None)
    return {
        "explainer": describe_explainer(writer.explainer, pl_module),
        "model": {**describe_model(pl_module), "weights": model_digest(pl_module)},
        "transform": getattr(preprocessing, "settings", None),
        "precision": str(trainer.precision),
        "written": {name: getattr(writer, name) for name in ("raw", "colormap", "strength", "bands")},
        "class_names": None if writer.class_names is None else list(writer.class_names),
    }


def _of_each_target(explanation: Explanation) -> list[Explanation]:
    """Return the explanations for each of several targets, or the given one."""
    if explanation.targets.dim() == 1:
        return [explanation]
    columns = zip(explanation.maps.unbind(dim=1), explanation.targets.unbind(dim=1), strict=True)
    return [replace(explanation, maps=maps, targets=targets) for maps, targets in columns]


def _added_up(processes: int, written: int, failed: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Return the number of images and the failures of all processes, each of which must call this."""
    parts: list[Any] = [None] * processes
    torch.distributed.all_gather_object(parts, (written, failed))
    return sum(count for count, _ in parts), {path: error for _, errors in parts for path, error in errors.items()}


def _images_only(
    pl_module: L.LightningModule, forward: Callable[[Tensor], Tensor], images: Selector | None
) -> AbstractContextManager[None]:
    """Replace Lightning's ``predict_step``, which hands the whole batch to ``forward``."""
    return replaced_attribute(pl_module, "predict_step", lambda batch, *_: forward(find_images(batch, images)))


def _check_directory(directory: Path, root: Path | None) -> None:
    if root is not None and _absolute(directory) in (root, *root.parents):
        raise ValueError(
            f"`directory` {directory} holds the photos themselves ({root}), so that results could not be told from "
            "photos: give another folder, which may lie within that of the photos"
        )
    check_folder(directory, "the results")


def _absolute(path: str | Path) -> Path:
    """Return the absolute path without following links."""
    return Path(os.path.abspath(path))
