"""Explanations of photos, as files."""

from __future__ import annotations

import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from camaug.augmentation.batch import find_images_and_labels, find_strings
from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.explainers.provenance import describe_explainer, describe_model
from camaug.images.class_names import find_class, known_class_names
from camaug.images.render import COLORMAPS, denormalise
from camaug.inspection.model_digest import model_digest
from camaug.single_image.explain import explanation_record
from camaug.single_image.explained_image import ExplainedImage, RawMap
from camaug.utils.printable import printable

from ._logging.find_class_names import find_class_names
from ._logging.find_normalisation import find_normalisation
from ._trainer.strategies import refuse_fsdp2, refuse_sharded

__all__ = ["CamWriter"]


class CamWriter(L.Callback):
    """Explains every image that ``trainer.predict`` sees, and writes what it finds.

    For each image NAME of the photos there appear, in the same folders below ``directory``,

    - ``NAME_overlay.png``: the heat over what the model saw, which is the crop that the transform made of the photo;
    - ``NAME_map.png``, the raw map, 16-bit grey with 65535 for 1, or ``NAME_map.npy``, float32 in [0, 1];
    - ``NAME.json``: class, confidence, layers, method and its settings, model, versions.

    NAME is the file's without its ending; with it, where photos of one folder differ in nothing else, and for data
    modules of your own, whose batches say under ``path`` or ``paths`` what file each image is. The JSON comes last and
    no file appears in parts, so that a run which was ended in any way goes on where it stopped: with a
    :class:`~camaug.datamodules.PhotoFolder`, images whose JSON tells of the same photo, method, settings, model,
    weights, transform and target are neither read nor sent through the model again.

    A photo that cannot be read is a warning that names it; the others go on. At the end the numbers of images written,
    skipped and failed are said; they stay in :attr:`written`, :attr:`skipped` and :attr:`failed`. With several
    processes each writes its own images. A module without a ``predict_step`` of its own needs none.

    Args:
        explainer: The method: a name of ``camaug.list_explainers()``, or an explainer with its settings.
        directory: Where to. Photos that lie in it, as after an earlier run, are not explained.
        target: The class to explain, by index or name; None for each image's predicted class.
        raw: How the raw map is written: ``png`` or ``npy``.
        colormap: Colours of the heat: ``viridis``, ``cividis``, ``inferno``, ``turbo``, ``jet`` or ``gray``.
        strength: Share of the heat in the overlay, in [0, 1].
        resume: Whether images that are done are skipped; False explains all of them again.
        class_names: Names of the classes. By default the model's or the data module's; ImageNet's for 1000 classes.
        forward: ``forward(module, images)`` gives logits, for a LightningModule whose own forward does not.

    Raises:
        ValueError: If an argument is out of range, or a name is unknown.

    Example:
        >>> writer = CamWriter("grad-cam", directory="explained", target="flamingo")
        >>> trainer = L.Trainer(callbacks=[writer], logger=False, accelerator="cpu")
    """

    def __init__(
        self,
        explainer: str | Explainer = "group-cam",
        directory: str = "explained",
        target: int | str | None = None,
        raw: RawMap = "png",
        colormap: str = "viridis",
        strength: float = 0.5,
        resume: bool = True,
        class_names: Sequence[str] | None = None,
        forward: Callable[[L.LightningModule, Tensor], Tensor] | None = None,
    ) -> None:
        if raw not in ("png", "npy"):
            raise ValueError(f"`raw` must be 'png' or 'npy', got {raw!r}")
        if not 0 <= strength <= 1:
            raise ValueError(f"`strength` must be between 0 and 1, got {strength}")
        if colormap not in COLORMAPS:
            raise ValueError(f"unknown colour map {colormap!r}, expected one of {', '.join(COLORMAPS)}")
        self.explainer = as_explainer(explainer)
        self.directory = Path(directory).expanduser()
        self.target = target
        self.raw: RawMap = raw
        self.colormap = colormap
        self.strength = strength
        self.resume = resume
        self.class_names = class_names
        self.forward = forward
        self._begin()

    def _begin(self) -> None:
        self.written = 0
        self.skipped = 0
        self.failed: dict[str, str] = {}
        self._settings: dict[str, Any] | None = None
        self._class: int | None = None
        self._names: dict[str, str] = {}
        self._root: Path | None = None

    # Lightning's hooks

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check what can be checked before there are data, and ask for the images that are not done."""
        if stage != "predict":
            return
        refuse_sharded(trainer, self)
        refuse_fsdp2(trainer, self)
        if self.directory.exists() and not self.directory.is_dir():
            raise ValueError(f"`directory` is where the results go, and {self.directory} is a file: give a folder")
        self._begin()
        datamodule = getattr(trainer, "datamodule", None)
        self._root = None if getattr(datamodule, "root", None) is None else Path(os.path.abspath(datamodule.root))
        directory = Path(os.path.abspath(self.directory))
        if self._root is not None and directory in (self._root, *self._root.parents):
            raise ValueError(
                f"`directory` {self.directory} holds the photos themselves ({datamodule.root}), so that results could "
                "not be told from photos: give another folder, which may lie within that of the photos"
            )
        if hasattr(datamodule, "choose_by"):
            datamodule.choose_by(lambda photos: self._to_do(trainer, pl_module, photos))
        if type(pl_module).predict_step is L.LightningModule.predict_step:  # which hands the whole batch to forward
            pl_module.predict_step = lambda batch, *_: self._logits(pl_module, find_images_and_labels(batch).images)

    def on_predict_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Explain the batch and write its images."""
        images = find_images_and_labels(batch).images
        paths = find_strings(batch, "paths", len(images))
        if paths is None:
            raise ValueError(
                f"CamWriter names its files after the images', and the batch, a {type(batch).__name__}, carries no "
                "paths: use the data module PhotoFolder, or let the data set's items be dicts with 'image' and 'path'"
            )
        errors = find_strings(batch, "errors", len(images)) or [""] * len(images)
        for path, error in zip(paths, errors, strict=True):
            if error:
                self._fail(path, error)
        good = [index for index, error in enumerate(errors) if not error]
        if good:
            self._explain(trainer, pl_module, images[good], [paths[index] for index in good])

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add up what the processes did."""
        if trainer.world_size > 1:
            parts: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(parts, (self.written, self.failed))
            self.written = sum(written for written, _ in parts)
            self.failed = {path: error for _, failed in parts for path, error in failed.items()}

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Say how many images were written, skipped and failed."""
        if stage != "predict":
            return
        self._let_go(trainer, pl_module)
        failed = "".join(f"\n  failed: {printable(path)}" for path in self.failed)
        rank_zero_info(
            f"CamWriter: {self.written} images written to {self.directory}, {self.skipped} skipped because they were "
            f"done, {len(self.failed)} failed{failed}"
        )

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Leave the module and the data as they were, and say that what is done is done."""
        if trainer.predicting:
            self._let_go(trainer, pl_module)
            rank_zero_info(f"CamWriter: ended after {self.written} images; run it again to go on from there")

    def _let_go(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        pl_module.__dict__.pop("predict_step", None)
        datamodule = getattr(trainer, "datamodule", None)
        if hasattr(datamodule, "choose_by"):
            datamodule.choose_by(None)

    # What is to do

    def _to_do(self, trainer: L.Trainer, pl_module: L.LightningModule, photos: Sequence[str]) -> list[str]:
        """The photos that are not done. Rank zero says it for all: others may look when it has begun to write."""
        inside = Path(os.path.abspath(self.directory))
        photos = [photo for photo in photos if inside not in Path(os.path.abspath(photo)).parents]
        self._names = output_names([self._relative(photo) for photo in photos])
        settings = self._the_settings(trainer, pl_module)
        if self.resume and trainer.is_global_zero:
            left = [photo for photo in photos if not self._done(photo, settings)]
        else:
            left = list(photos)
        left = trainer.strategy.broadcast(left)
        self.skipped = len(photos) - len(left)
        if not left:  # Lightning asks whether it was the intention to have nothing to do: it was
            warnings.filterwarnings("ignore", message="Total length of `list` across ranks is zero")
        return left

    def _done(self, photo: str, settings: dict[str, Any]) -> bool:
        file = self.directory / f"{self._name(photo)}.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            files = [file.with_name(name) for name in record["files"].values()]
            same = {**record, **settings, "photo": self._photo(photo)} == record
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # absent, or not written by this class
            return False
        return same and all(written.is_file() for written in files)

    def _the_settings(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        """All that an image's result depends on beside the image, as JSON gives it back."""
        if self._settings is None:
            preprocessing = getattr(getattr(trainer, "datamodule", None), "preprocessing", None)
            settings = {
                "explainer": describe_explainer(self.explainer, pl_module),
                "asked": self.target,
                "model": {**describe_model(pl_module), "weights": model_digest(pl_module)},
                "transform": getattr(preprocessing, "settings", None),
                "precision": str(trainer.precision),
                "written": {"raw": self.raw, "colormap": self.colormap, "strength": self.strength},
                "class_names": None if self.class_names is None else list(self.class_names),
            }
            self._settings = json.loads(json.dumps(settings))
        return self._settings

    # One batch

    def _explain(self, trainer: L.Trainer, pl_module: L.LightningModule, images: Tensor, paths: Sequence[str]) -> None:
        forward = None if self.forward is None else lambda queries: self._logits(pl_module, queries)
        with trainer.precision_plugin.forward_context():
            if isinstance(self.target, str) and self._class is None:
                with torch.no_grad():
                    classes = int(self._logits(pl_module, images[:1]).shape[1])
                self._class = find_class(self.target, self._class_names(trainer, pl_module, classes))
            target = self._class if isinstance(self.target, str) else self.target
            explanation = self.explainer(pl_module, images, target, forward=forward)
        names = self._class_names(trainer, pl_module, explanation.logits.shape[1])
        loader = trainer.predict_dataloaders
        pictures = denormalise(images, *find_normalisation(trainer, getattr(loader, "dataset", None)))
        settings = self._the_settings(trainer, pl_module)
        for index, path in enumerate(paths):
            record = {"photo": self._photo(path), **explanation_record(explanation, index, names), **settings}
            self._image(explanation, index, pictures[index], names, record).save(
                self.directory, self._name(path), self.raw
            )
            self.written += 1

    def _image(
        self,
        explanation: Explanation,
        index: int,
        picture: Tensor,
        names: Sequence[str] | None,
        record: dict[str, Any],
    ) -> ExplainedImage:
        return ExplainedImage(
            picture,
            explanation.maps[index].cpu(),
            explanation.logits[index].float().cpu(),
            int(explanation.targets[index]),
            names,
            record,
            self.colormap,
            self.strength,
        )

    def _class_names(self, trainer: L.Trainer, pl_module: L.LightningModule, classes: int) -> Sequence[str] | None:
        given = self.class_names
        if given is not None and len(given) != classes:
            raise ValueError(f"`class_names` must name the model's {classes} classes, got {len(given)} names")
        datasets = getattr(trainer.predict_dataloaders, "dataset", None)
        return given or find_class_names(trainer, datasets) or known_class_names(pl_module, classes)

    def _logits(self, pl_module: L.LightningModule, images: Tensor) -> Tensor:
        return pl_module(images) if self.forward is None else self.forward(pl_module, images)

    def _fail(self, path: str, error: str) -> None:
        self.failed[path] = error
        warnings.warn(f"CamWriter leaves out one image and goes on: {error}", stacklevel=2)

    # Names

    def _relative(self, path: str) -> str:
        """The path below the root of the photos; of a file elsewhere the whole path, without what anchors it."""
        absolute = PurePath(os.path.abspath(path))
        root = self._root if self._root is not None and self._root in absolute.parents else absolute.anchor
        return absolute.relative_to(root).as_posix()

    def _name(self, path: str) -> str:
        relative = self._relative(path)
        return self._names.get(relative, relative)

    def _photo(self, path: str) -> dict[str, Any]:
        found = Path(path).stat()
        return {"path": self._relative(path), "bytes": found.st_size, "modified": found.st_mtime_ns}


def output_names(paths: Sequence[str]) -> dict[str, str]:
    """What the results of each of some files are called: without the ending, or with it where two would be the same.

    Example:
        >>> output_names(["a/x.jpg", "b/x.jpg", "b/x.png"])
        {'a/x.jpg': 'a/x', 'b/x.jpg': 'b/x.jpg', 'b/x.png': 'b/x.png'}
    """
    stems = {path: PurePath(path).with_suffix("").as_posix() for path in paths}
    uses = Counter(stem.casefold() for stem in stems.values())
    return {path: stem if uses[stem.casefold()] == 1 else path for path, stem in stems.items()}
