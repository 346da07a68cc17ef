"""What the tab asks, answered from the blobs of event files."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from camaug.tensorboard.blobs import CLASSES, LOOKS, ORIGINAL, BlobTag, from_json
from camaug.tensorboard.probe_blob import ProbeBlob
from camaug.tensorboard.reader import BlobReader

__all__ = ["JsonResponse", "NotLoggedError", "Series", "Source"]

JsonResponse = dict[str, Any]
FIELDS = ("predicted", "confidence", "true_confidence", "drift", "object_energy", "flag", "top")
T = TypeVar("T")


class NotLoggedError(LookupError):
    """What was asked for is not among what was logged."""


class Series(NamedTuple):
    """A film strip: one method in one run.

    Attributes:
        run: The run's name.
        prefix: ``cam``, ``cam_validate`` or ``cam_test``, or as ``CamLogger(tag=...)`` says.
        method: The explainer's name.
    """

    run: str
    prefix: str
    method: str


class Source:
    """Answers in JSON's types, from what is there now.

    What was logged is data of somebody's: a run, a method or a class may have any name, and nothing is found but under
    the names that are there.

    Args:
        reader: Where the blobs are.
    """

    def __init__(self, reader: BlobReader) -> None:
        self._reader = reader

    def runs(self) -> JsonResponse:
        """``{"runs": [{"run", "prefix", "method", "epochs", "probes"}, ...]}``, an entry a series, in order."""
        tags = {
            run: [parsed for parsed in map(BlobTag.parse, names) if parsed]
            for run, names in self._reader.tags().items()
        }
        snapshots = {run: [str(tag) for tag in parsed if tag.name == LOOKS] for run, parsed in tags.items()}
        steps = self._reader.steps({run: names for run, names in snapshots.items() if names})
        found = []
        for run, names in steps.items():
            for name, epochs in names.items():
                series = BlobTag.parse(name)
                assert series is not None, "it was among the parsed"
                probes = sum(tag[:2] == series[:2] and tag.name not in (LOOKS, CLASSES) for tag in tags[run])
                found.append(
                    {
                        "run": run,
                        "prefix": series.prefix,
                        "method": series.method,
                        "epochs": list(epochs),
                        "probes": probes,
                    }
                )
        return {"runs": sorted(found, key=lambda entry: (entry["run"], entry["prefix"], entry["method"]))}

    def snapshots(self, series: Series) -> JsonResponse:
        """Everything of a series but the maps.

        Raises:
            NotLoggedError: If there is no such series.
            ValueError: If what was logged cannot be read.
        """
        snapshots, classes = (str(BlobTag(series.prefix, series.method, name)) for name in (LOOKS, CLASSES))
        found = self._reader.blobs(series.run, [snapshots, classes])
        if snapshots not in found:
            raise NotLoggedError(f"nothing was logged of {series.method} under {series.prefix} in the run {series.run}")
        records = found[snapshots].values()
        return _readable(
            lambda: _joined(series, [from_json(blob) for blob in records], _class_names(found.get(classes, {})))
        )

    def maps(self, series: Series, probes: Sequence[str], epochs: range | None = None) -> JsonResponse:
        """The maps of probe images, in some epochs or in all.

        Returns:
            ``{"maps": {probe: {"epochs", "sizes", "predicted", "predicted_ranges", "true", "true_ranges"}}, "errors":
            {probe: message}}``, each of the probes in one of the two: what is wrong with one is no harm to the others.
        """
        logged = [] if series.method == ORIGINAL else [probe for probe in probes if probe not in (LOOKS, CLASSES)]
        tags = {probe: str(BlobTag(series.prefix, series.method, probe)) for probe in logged}
        found = self._reader.blobs(series.run, list(tags.values()), epochs)
        maps: dict[str, JsonResponse] = {}
        errors: dict[str, str] = {}
        for probe in probes:
            blobs = found.get(tags.get(probe, ""))
            if blobs is None:
                where = f"{series.method} under {series.prefix} in the run {series.run}"
                errors[probe] = f"no maps of image {probe} were logged by {where}"
                continue
            try:
                maps[probe] = _readable(partial(_strip, blobs))
            except ValueError as error:
                errors[probe] = str(error)
        return {"maps": maps, "errors": errors}

    def original(self, run: str, prefix: str, probe: str) -> bytes:
        """A probe image as JPEG.

        Raises:
            NotLoggedError: If there is no such image.
        """
        blob = self._reader.last(run, str(BlobTag(prefix, ORIGINAL, probe)))
        if blob is None:
            raise NotLoggedError(f"the image {probe} was not logged under {prefix} in the run {run}")
        return blob


def _class_names(blobs: Mapping[int, bytes]) -> list[str] | None:
    """The names in the last of the blobs."""
    names = from_json(list(blobs.values())[-1])["classes"] if blobs else None
    return None if names is None else [str(name) for name in names]


def _joined(series: Series, records: Sequence[Mapping[str, Any]], classes: list[str] | None) -> JsonResponse:
    """One answer of the records of all epochs: for each field a row an epoch, for each probe a place in it."""
    last = records[-1]
    labels = {probe: label for record in records for probe, label in zip(record["ids"], record["labels"], strict=True)}
    ids = [*last["ids"], *(probe for probe in labels if probe not in set(last["ids"]))]
    snapshots: dict[str, list[list[Any]]] = {field: [] for field in FIELDS}
    figures: dict[str, list[list[float]]] = {}
    for record in records:
        places = {probe: place for place, probe in enumerate(record["ids"])}
        for field, rows in snapshots.items():
            values = record[field]
            is_whole = record["ids"] == ids  # as nearly always
            rows.append(values if is_whole else [values[places[probe]] if probe in places else None for probe in ids])
        for name, value in record["figures"].items():
            if math.isfinite(value):
                figures.setdefault(name, []).append([record["epoch"], value])
    return {
        **series._asdict(),
        "settings": last["settings"],
        "layer": last["layer"],
        "classes": classes,
        "epochs": [record["epoch"] for record in records],
        "steps": [record["step"] for record in records],
        "probes": [{"id": probe, "label": labels[probe]} for probe in ids],
        "looks": snapshots,
        "figures": figures,
    }


def _strip(logged: Mapping[int, bytes]) -> JsonResponse:
    blobs = [ProbeBlob.from_bytes(blob) for blob in logged.values()]
    return {
        "epochs": list(logged),
        "sizes": [[blob.predicted.width, blob.predicted.height] for blob in blobs],
        "predicted": [blob.predicted.base64 for blob in blobs],
        "predicted_ranges": [[blob.predicted.low, blob.predicted.high] for blob in blobs],
        "true": [None if blob.true is None else blob.true.base64 for blob in blobs],
        "true_ranges": [None if blob.true is None else [blob.true.low, blob.true.high] for blob in blobs],
    }


def _readable(answer: Callable[[], T]) -> T:
    """The answer; what is wrong with the blobs, which may come from anybody, is one kind of error."""
    try:
        return answer()
    except (KeyError, TypeError, IndexError, zlib.error) as error:
        raise ValueError(f"what was logged cannot be read ({type(error).__name__}: {error})") from error
