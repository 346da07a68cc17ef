"""A probe image through the snapshots of a run."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from camaug.film.probe_snapshot import ProbeSnapshot
from camaug.images.class_names import class_label
from camaug.tensorboard.data_source import DataSource, Series
from camaug.tensorboard.stored_map import StoredMap

__all__ = ["ProbeHistory"]


@dataclass(frozen=True, eq=False)
class ProbeHistory:
    """A probe image, with its predictions and heatmaps in every snapshot.

    Attributes:
        probe: Index of the image in the data set.
        label_names: Names of its labels; none if it is unlabelled.
        image: The image, RGB.
        snapshots: The image in each snapshot of the series, None for snapshots without the image.
    """

    probe: int
    label_names: Sequence[str]
    image: Image.Image
    snapshots: Sequence[ProbeSnapshot | None]

    @classmethod
    def read(cls, source: DataSource, series: Series, record: Mapping[str, Any], probe: int) -> ProbeHistory:
        """Read an image of a series.

        Args:
            source: Data source of the run.
            series: The series.
            record: Its predictions, as :meth:`camaug.tensorboard.data_source.DataSource.snapshots` returns them.
            probe: Index of the image, one of the record.

        Raises:
            NotLoggedError: If the image itself was not logged.
            ValueError: If the heatmaps or the image cannot be read.
        """
        response = source.maps(series, [str(probe)])
        if response["errors"]:
            raise ValueError(response["errors"][str(probe)])
        maps = response["maps"][str(probe)]
        position = [each["id"] for each in record["probes"]].index(probe)
        labels = record["probes"][position]["labels"]
        place_of_step = {step: place for place, step in enumerate(maps["steps"])}
        snapshots = [
            _read_snapshot(record, number, position, maps, place_of_step.get(step))
            for number, step in enumerate(record["steps"])
        ]
        names = [class_label(record["classes"], label) for label in labels]
        return cls(probe, names, _decode(source.original(series.run, series.prefix, str(probe)), probe), snapshots)


def _read_snapshot(
    record: Mapping[str, Any], number: int, position: int, maps: Mapping[str, Any], place: int | None
) -> ProbeSnapshot | None:
    values = {name: table[number][position] for name, table in record["snapshots"].items()}
    if values["predicted"] is None or place is None:
        return None
    map_of_class = _stored_maps(maps, place)
    labels = record["probes"][position]["labels"]
    others = [label for label in labels if label in map_of_class and label != values["predicted"]]
    missed = [label for label in others if label in (values.get("missed") or ())]
    true_class = next(iter(missed or others), None) if values["correct"] is False else None
    true_confidence = None if true_class is None else values["true_confidences"][labels.index(true_class)]
    return ProbeSnapshot(
        predicted_name=class_label(record["classes"], values["predicted"]),
        confidence=_as_number(values["confidence"]),
        is_correct=None if values["correct"] is None else bool(values["correct"]),
        warning=str(values["warning"] or "").partition(":")[0],
        predicted_map=next(iter(map_of_class.values())),
        true_name="" if true_class is None else class_label(record["classes"], true_class),
        true_confidence=_as_number(true_confidence),
        true_map=None if true_class is None else map_of_class[true_class],
    )


def _as_number(confidence: Any) -> float | None:
    return None if confidence is None else float(confidence)


def _stored_maps(maps: Mapping[str, Any], place: int) -> dict[int, StoredMap]:
    """Return the maps of a snapshot by their class, first that of the predicted class."""
    width, height = maps["sizes"][place]
    columns = zip(maps["classes"][place], maps["values"][place], maps["ranges"][place], strict=True)
    return {
        class_index: StoredMap(width, height, low, high, base64.b64decode(values))
        for class_index, values, (low, high) in columns
    }


def _decode(jpeg: bytes, probe: int) -> Image.Image:
    try:
        return Image.open(io.BytesIO(jpeg), formats=["JPEG"]).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"image {probe} of the run cannot be read ({error})") from error
