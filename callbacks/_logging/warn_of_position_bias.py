"""Console warning about attention to the same position in every image."""

from __future__ import annotations

from camaug.metrics import PositionBias
from camaug.utils.fetched import fetched

from .snapshot import Snapshot
from .warn_once import WarnOnce

__all__ = ["snapshot_position_bias", "warn_of_position_bias"]

CLEAR_BIAS = 0.2  # docs/metrics.md says what it was chosen on
FEWEST_IMAGES = 8  # the value of fewer varies too much


def snapshot_position_bias(snapshot: Snapshot) -> PositionBias | None:
    """Return the position bias of the maps of the true classes, or None if fewer than two are finite."""
    maps = snapshot.true_maps[snapshot.true_maps.isfinite().flatten(1).all(dim=1)]
    if len(maps) < 2:
        return None
    # Metrics synchronise when they are computed. Only rank zero is here, and would wait for the others for ever.
    metric = PositionBias(sync_on_compute=False).to(maps.device)
    metric.update(maps)
    return metric


def warn_of_position_bias(warn_once: WarnOnce, metric: PositionBias, *, epoch: int, tag: str) -> None:
    """Warn of a position bias that is clear, once in a training run.

    Args:
        warn_once: Warnings of the callback.
        metric: The position bias of the probe images.
        epoch: Epoch of the maps.
        tag: Tag under which the metric is logged.
    """
    count, bias = (float(value) for value in fetched(metric.count, metric.compute()["position_bias"]))
    images = round(count)
    if images >= FEWEST_IMAGES and bias >= CLEAR_BIAS:
        warn_once(
            "position bias",
            f"{warn_once.name}: in epoch {epoch} the heatmaps of {images} images have the {metric.describe_position()} "
            f"in common (position bias {bias:.2f}, about 0 if they follow the objects). The model may rely on a "
            "mark there, such as a watermark or a caption. Hide that part of the validation images and compare the "
            "accuracy; if it falls, remove the mark from the training images or train with GroupCamAugmentation("
            f'recipe="hide-salient"). This is reported once; {tag}/position_bias shows it from now on',
        )
