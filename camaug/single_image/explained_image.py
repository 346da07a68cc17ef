"""One explained image, with its display in a notebook and its files."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from camaug.functional.masks import upsample
from camaug.images.class_names import class_label
from camaug.images.render import caption, enlarge, overlay, row
from camaug.images.writing import png_bytes
from camaug.utils.atomic_write import write_atomically
from camaug.utils.remote_address import check_local

__all__ = ["ExplainedImage", "RawMap"]

RawMap = Literal["png", "npy"]

_SHORTER_SIDE = 224


@dataclass(frozen=True, repr=False)
class ExplainedImage:
    """Saliency map and prediction of one image, displayed in a notebook as image and overlay.

    Attributes:
        image: The model's input with the normalisation undone, (3, H, W) in [0, 1], on the CPU.
        map: The saliency map, (H, W), float32 in [0, 1]; all zero where there is no evidence for the class.
        logits: The model's logits, (classes,), float32.
        target: The explained class, or the predicted class if a function of the logits was explained (which is in the
            record's ``target``).
        class_names: One name a class; None where they are not known.
        record: The method, settings, layers, class, confidence and versions, in JSON's types.
        colormap: Name of the heatmap's colours.
        strength: Opacity of the heatmap in the overlay, in [0, 1].
    """

    image: Tensor
    map: Tensor
    logits: Tensor
    target: int
    class_names: Sequence[str] | None = None
    record: dict[str, Any] = field(default_factory=dict)
    colormap: str = "viridis"
    strength: float = 0.5

    @property
    def overlay(self) -> Tensor:
        """The heatmap over the image, (3, H, W) in [0, 1]."""
        return overlay(self.image[None], self.map[None], self.colormap, self.strength)[0]

    @property
    def class_name(self) -> str:
        """The name of the explained class, or ``class INDEX`` where it has none."""
        return class_label(self.class_names, self.target)

    @property
    def confidence(self) -> float:
        """The softmax probability of the explained class."""
        return float(self.logits.softmax(dim=0)[self.target])

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """Return names and probabilities of the k most probable classes, or of all if there are fewer, in order."""
        values, indices = self.logits.softmax(dim=0).topk(min(k, len(self.logits)))
        return [
            (class_label(self.class_names, index), value)
            for index, value in zip(indices.tolist(), values.tolist(), strict=True)
        ]

    def save(self, folder: str | os.PathLike[str], name: str, raw: RawMap = "png") -> list[Path]:
        """Write ``NAME_overlay.png``, the raw map as ``NAME_map.png`` or ``NAME_map.npy``, and ``NAME.json``.

        Each file is written atomically, and the JSON last, so that it is there only if the other two are.

        Args:
            folder: The folder of the files, which is made if needed.
            name: NAME, which may hold folders: ``holidays/beach``.
            raw: ``"png"`` for 16-bit grey, where 65535 is 1, or ``"npy"`` for float32.

        Returns:
            The paths of the three files.

        Raises:
            ValueError: If ``raw`` is neither, or the folder is in remote storage.
        """
        if raw not in ("png", "npy"):
            raise ValueError(f"`raw` must be 'png' or 'npy', got {raw!r}")
        check_local(folder, "the files")
        paths = [Path(folder) / f"{name}{end}" for end in ("_overlay.png", f"_map.{raw}", ".json")]
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        paths[2].unlink(missing_ok=True)  # it describes files that are about to change
        record = {**self.record, "files": {"overlay": paths[0].name, "map": paths[1].name}}
        # A file name that is not UTF-8 holds lone surrogates, which are escaped in the file.
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        contents = (
            png_bytes(self.overlay),
            _sixteen_bit_png(self.map) if raw == "png" else _npy(self.map),
            text.encode(errors="backslashreplace"),
        )
        for path, content in zip(paths, contents, strict=True):
            write_atomically(path, content)
        return paths

    def _repr_png_(self) -> bytes:
        """Draw image and overlay side by side for a notebook, with class, confidence and method below."""
        panels = enlarge(torch.stack([self.image, self.overlay]), _SHORTER_SIDE)
        if self.image.shape[-1] < panels.shape[-1]:  # the heatmap is drawn at the displayed size
            size = (panels.shape[-2], panels.shape[-1])
            saliency = upsample(self.map[None, None], size)[:, 0]
            panels[1] = overlay(panels[:1], saliency, self.colormap, self.strength)[0]
        return png_bytes(caption(row(list(panels)), [self._title, self._method]))

    def __repr__(self) -> str:
        height, width = self.map.shape
        target = f"{self.class_name!r} at {self.confidence:.1%}"
        if self._is_function:
            target = f"a function of the logits, predicted {target},"
        top = ", ".join(f"{name.split(',')[0]} {value:.1%}" for name, value in self.top(3))
        return f"ExplainedImage({target} by {self._method}, {height} × {width}; most probable: {top})"

    @property
    def _title(self) -> str:
        prediction = f"{self.confidence:.0%} {self.class_name}"
        return f"a function of the logits, predicted {prediction}" if self._is_function else prediction

    @property
    def _is_function(self) -> bool:
        return "function" in self.record.get("target", {})

    @property
    def _method(self) -> str:
        name = self.record.get("explainer", {}).get("name", "an explainer")
        layers = self.record.get("layers")
        method = f"{name} at {', '.join(layers)}" if layers else str(name)
        if bands := self.record.get("bands"):
            method += f", shown: {'bands' if len(bands) > 1 else 'band'} {', '.join(map(str, bands))}"
        return method if self.map.any() else f"{method} (empty map)"


def _sixteen_bit_png(saliency: Tensor) -> bytes:
    pixels = (saliency.double() * 65535).round().numpy().astype(np.uint16)
    return _file_bytes(lambda file: Image.fromarray(pixels).save(file, "PNG"))


def _npy(saliency: Tensor) -> bytes:
    return _file_bytes(lambda file: np.save(file, saliency.numpy(), allow_pickle=False))


def _file_bytes(write: Callable[[io.BytesIO], None]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()
