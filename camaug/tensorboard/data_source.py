"""Responses of the camaug tab's server, read from the blobs of event files."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from camaug.tensorboard.blob_reader import BlobReader
from camaug.tensorboard.blobs import (
    CLASSES,
    MISTAKE_IMAGES,
    MISTAKES,
    ORIGINAL,
    RECORDS,
    RESERVED,
    SNAPSHOTS,
    BlobTag,
    from_json,
)
from camaug.tensorboard.mistakes_blob import MistakesBlob
from camaug.tensorboard.probe_blob import FORMAT_WITHOUT_CLASSES, ProbeBlob

__all__ = ["DataSource", "JsonResponse", "NotLoggedError", "Series"]

JsonResponse = dict[str, Any]
FIELDS = ("predicted", "correct", "confidence", "true_confidences", "drift", "object_energy", "warning", "top_classes")
MULTI_LABEL_FIELDS = ("missed", "false_positives", "false_positive_count")
T = TypeVar("T")


class NotLoggedError(LookupError):
    """Error for a run, series or image that was not logged."""


class Series(NamedTuple):
    """One method in one run: what one film strip shows.

    Attributes:
        run: Name of the run.
        prefix: ``cam``, ``cam_validate`` or ``cam_test``, or another tag given by ``CamLogger(tag=...)``.
        method: Name of the explainer.
    """

    run: str
    prefix: str
    method: str


class DataSource:
    """Source of the JSON-compatible responses, always of the current state of the event files.

    Names of runs, methods and classes are untrusted: they are looked up among the logged names and never used as paths.

    Args:
        reader: Reader of the blobs.
    """

    def __init__(self, reader: BlobReader) -> None:
        self._reader = reader

    def runs(self) -> JsonResponse:
        """Return the series.

        Returns:
            ``{"runs": [{"run", "prefix", "method", "steps", "wall_times", "probes", "mistake_steps"}, ...]}``, sorted,
            one entry a series. ``wall_times`` are when the snapshots were written, in seconds since 1970.
        """
        tags_of_runs = {
            run: [tag for tag in map(BlobTag.parse, names) if tag] for run, names in self._reader.tags().items()
        }
        stepped = (SNAPSHOTS, MISTAKES)
        snapshot_tags = {run: [str(tag) for tag in tags if tag.name in stepped] for run, tags in tags_of_runs.items()}
        times = self._reader.wall_times({run: names for run, names in snapshot_tags.items() if names})
        entries = [
            {
                "run": run,
                "prefix": tag.prefix,
                "method": tag.method,
                "steps": list(times[run][str(tag)]),
                "wall_times": list(times[run][str(tag)].values()),
                "probes": _count_probes(tags, tag),
                "mistake_steps": list(times[run].get(str(tag._replace(name=MISTAKES)), ())),
            }
            for run, tags in tags_of_runs.items()
            for tag in tags
            if tag.name == SNAPSHOTS
        ]
        return {"runs": sorted(entries, key=lambda entry: (entry["run"], entry["prefix"], entry["method"]))}

    def snapshots(self, series: Series, since: int | None = None) -> JsonResponse:
        """Return the predictions, metrics and wall times of the snapshots of a series, without the maps.

        Args:
            series: Series of the snapshots.
            since: Global step after which snapshots are returned. All are if it is None, or if there are none after it.

        Raises:
            NotLoggedError: If the series does not exist.
            ValueError: If the logged data cannot be read.
        """
        names = (SNAPSHOTS, RECORDS, CLASSES)
        snapshots, records, classes = (str(BlobTag(series.prefix, series.method, name)) for name in names)
        blobs = dict(self._reader.blobs(series.run, [records, classes]))
        if records not in blobs:
            blobs[records] = self._reader.blobs(series.run, [snapshots]).get(snapshots, {})  # of an earlier version
        if not blobs[records]:
            raise NotLoggedError(f"no snapshots of {series.method} under {series.prefix} in the run {series.run}")
        times = self._reader.wall_times({series.run: [snapshots]})[series.run][snapshots]
        # A run that was resumed between the two requests has replaced steps, which are not in both.
        steps = [step for step in blobs[records] if step in times]
        steps = [step for step in steps if since is not None and step > since] or steps
        return _convert_errors(
            lambda: _merge_snapshots(
                series,
                {step: _snapshot_record(blobs[records][step]) for step in steps},
                _class_names(blobs.get(classes, {})),
                [times[step] for step in steps],
            )
        )

    def maps(self, series: Series, probes: Sequence[str], steps: range | None = None) -> JsonResponse:
        """Return the maps of probe images.

        Args:
            series: Series of the maps.
            probes: Indices of the images in the data set.
            steps: Global steps to read; None for all.

        Returns:
            ``{"maps": {probe: {"steps", "sizes", "classes", "values", "ranges"}}, "errors": {probe: message}}``. Each
            probe image is in exactly one of the two, so that one unreadable image does not affect the others. Of each
            step there are the width and height of its maps, and lists with an entry a map: its class (the predicted
            one first), its values in base64, and the values of the bytes 0 and 255.
        """
        tags = {
            probe: str(BlobTag(series.prefix, series.method, probe))
            for probe in probes
            if series.method != ORIGINAL and probe not in RESERVED
        }
        blobs_of_tags = self._reader.blobs(series.run, list(tags.values()), steps)
        maps: dict[str, JsonResponse] = {}
        errors: dict[str, str] = {}
        for probe in probes:
            blobs = blobs_of_tags.get(tags.get(probe, ""))
            if blobs is None:
                errors[probe] = (
                    f"no heatmaps of image {probe} by {series.method} under {series.prefix} in the run {series.run}"
                )
                continue
            try:
                maps[probe] = _convert_errors(partial(_merge_maps, blobs))
            except ValueError as error:
                errors[probe] = str(error)
        return {"maps": maps, "errors": errors}

    def mistakes(self, series: Series, step: int) -> JsonResponse:
        """Return the record of a snapshot's mistakes (``camaug.callbacks``), without the maps.

        Raises:
            NotLoggedError: If the series has no mistakes at this step.
            ValueError: If the logged data cannot be read.
        """
        blob = self._mistake_blob(series, MISTAKES, step)
        return dict(_convert_errors(lambda: from_json(blob)))

    def mistake_maps(self, series: Series, step: int) -> JsonResponse:
        """Return the maps of a snapshot's mistakes.

        Returns:
            ``{"images": [{"classes", "sizes", "values", "ranges"}, ...]}`` in the order of the record, each a list with
            a value for each map; values are in base64.

        Raises:
            NotLoggedError: If the series has no mistakes at this step.
            ValueError: If the logged data cannot be read.
        """
        blob = self._read_mistakes(series, step)
        return {
            "images": [
                {
                    "classes": image.classes,
                    "sizes": [[stored.width, stored.height] for stored in image.maps],
                    "values": [stored.base64 for stored in image.maps],
                    "ranges": [[stored.low, stored.high] for stored in image.maps],
                }
                for image in blob.images
            ]
        }

    def mistake_original(self, series: Series, step: int, slot: int) -> bytes:
        """Return an image of a snapshot's mistakes as JPEG.

        Args:
            series: The series.
            step: Step of the blob that has the image, the first of the record's ``original``.
            slot: Its number in the blob, the second.

        Raises:
            NotLoggedError: If the blob or the image in it does not exist.
            ValueError: If the logged data cannot be read.
        """
        blob = self._read_mistakes(series, step)
        if not 0 <= slot < len(blob.images) or not blob.images[slot].jpeg:
            raise NotLoggedError(f"no image {slot} among the mistakes of step {step} in the run {series.run}")
        return blob.images[slot].jpeg

    def _read_mistakes(self, series: Series, step: int) -> MistakesBlob:
        blob = self._mistake_blob(series, MISTAKE_IMAGES, step)
        return _convert_errors(lambda: MistakesBlob.from_bytes(blob))

    def _mistake_blob(self, series: Series, name: str, step: int) -> bytes:
        tag = str(BlobTag(series.prefix, series.method, name))
        blob = self._reader.blobs(series.run, [tag], range(step, step + 1)).get(tag, {}).get(step)
        if blob is None:
            raise NotLoggedError(
                f"no mistakes of {series.method} under {series.prefix} at step {step} in the run {series.run}"
            )
        return blob

    def original(self, run: str, prefix: str, probe: str) -> bytes:
        """Return a probe image as JPEG.

        Raises:
            NotLoggedError: If the image does not exist.
        """
        blob = self._reader.last_blob(run, str(BlobTag(prefix, ORIGINAL, probe)))
        if blob is None:
            raise NotLoggedError(f"no image {probe} under {prefix} in the run {run}")
        return blob


def _count_probes(tags: Sequence[BlobTag], series_tag: BlobTag) -> int:
    return sum(tag[:2] == series_tag[:2] and tag.name not in RESERVED for tag in tags)


def _class_names(blobs: Mapping[int, bytes]) -> list[str] | None:
    names = from_json(list(blobs.values())[-1])["classes"] if blobs else None
    return None if names is None else [str(name) for name in names]


def _snapshot_record(blob: bytes) -> Mapping[str, Any]:
    """Decode the record of a snapshot, and add to format 2 which images are correct."""
    record = from_json(blob)
    if record["format"] > FORMAT_WITHOUT_CLASSES:
        return record
    pairs = zip(record["labels"], record["predicted"], strict=True)
    return {**record, "correct": [predicted in labels if labels else None for labels, predicted in pairs]}


def _merge_snapshots(
    series: Series,
    records_by_step: Mapping[int, Mapping[str, Any]],
    classes: list[str] | None,
    wall_times: Sequence[float],
) -> JsonResponse:
    """Merge the records: each field becomes a table with a row a snapshot and a column a probe image."""
    records = list(records_by_step.values())
    last = records[-1]
    labels = {probe: label for record in records for probe, label in zip(record["ids"], record["labels"], strict=True)}
    ids = [*last["ids"], *(probe for probe in labels if probe not in set(last["ids"]))]
    is_multi_label = any(record.get("multi_label") for record in records)
    fields = (*FIELDS, *MULTI_LABEL_FIELDS) if is_multi_label else FIELDS
    metrics: dict[str, list[list[float]]] = {}
    for step, record in records_by_step.items():
        for name, value in record["metrics"].items():
            if math.isfinite(value):
                metrics.setdefault(name, []).append([step, value])
    return {
        **series._asdict(),
        "settings": last["settings"],
        "layer": last["layer"],
        "classes": classes,
        "steps": list(records_by_step),
        "wall_times": list(wall_times),
        "epochs": [record["epoch"] for record in records],
        "probes": [{"id": probe, "labels": labels[probe]} for probe in ids],
        "multi_label": is_multi_label,
        "snapshots": {field: [_values_in_order(record, field, ids) for record in records] for field in fields},
        "warnings": [record.get("warnings", []) for record in records],
        "metrics": metrics,
    }


def _values_in_order(record: Mapping[str, Any], field: str, ids: Sequence[int]) -> list[Any]:
    """Return a field's values in the order of ``ids``, None for images that are not in the snapshot."""
    if field in MULTI_LABEL_FIELDS and field not in record:  # logged before the run had an image with several labels
        return [None] * len(ids)
    values: list[Any] = record[field]
    if record["ids"] == ids:  # nearly always
        return values
    value_of = dict(zip(record["ids"], values, strict=True))
    return [value_of.get(probe) for probe in ids]


def _merge_maps(blobs_by_step: Mapping[int, bytes]) -> JsonResponse:
    blobs = [ProbeBlob.from_bytes(blob) for blob in blobs_by_step.values()]
    return {
        "steps": list(blobs_by_step),
        "sizes": [list(blob.size) for blob in blobs],
        "classes": [blob.classes for blob in blobs],
        "values": [[stored.base64 for _, stored in blob.maps] for blob in blobs],
        "ranges": [[[stored.low, stored.high] for _, stored in blob.maps] for blob in blobs],
    }


def _convert_errors(read: Callable[[], T]) -> T:
    """Call a function and turn every error of malformed blobs, which may be untrusted, into ValueError."""
    try:
        return read()
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, zlib.error) as error:
        raise ValueError(f"the logged data cannot be read ({type(error).__name__}: {error})") from error
