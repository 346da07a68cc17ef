"""Warning about probe images without an object."""

from __future__ import annotations

from lightning.pytorch.utilities import rank_zero_warn

from .probes import Probes

__all__ = ["warn_of_empty_masks"]

LISTED = 8


def warn_of_empty_masks(name: str, probes: Probes) -> None:
    """Warn of probe images whose mask is empty, because metrics of the object leave them out.

    Args:
        name: Name of the callback, the warning's first word.
        probes: The probe images.
    """
    empty = [index for index, mask in zip(probes.indices, probes.masks or [], strict=False) if not mask.any()]
    if empty:
        rank_zero_warn(
            f"{name}: the masks of {len(empty)} of the {len(probes.indices)} images are empty, and the metrics that "
            f"need an object leave these images out: {empty[:LISTED]}{' and others' if len(empty) > LISTED else ''}"
        )
