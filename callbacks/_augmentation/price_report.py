"""Report of augmentation prices."""

from __future__ import annotations

from collections.abc import Sequence

from camaug.augmentation.price import Price, Pricing
from camaug.augmentation.price_settings import CONFIGURED
from camaug.experiments.report import Report
from camaug.experiments.table import Cell, Table
from camaug.explainers.agreement import MIN_CORRELATION, MIN_IOU
from camaug.utils.counted import counted

from .step_factor import round_measured, step_factor

__all__ = ["price_report"]


def price_report(pricing: Pricing, prices: Sequence[Price], *, masked_views: bool) -> Report:
    """Return the prices as a table with notes.

    Args:
        pricing: The measurement.
        prices: Its prices.
        masked_views: True if masked views of the explained images are appended to the batch.
    """
    formats = {"passes": "{:.1f}", "ms": "{:.0f}", "× plain": "{:g}"}
    formats |= {"mask overlap": "{:.2f}", "rank correlation": "{:.2f}"}
    rows = [_row(price, pricing.step_seconds, masked_views) for price in _in_order(prices)]
    table = Table("price of a step", ["setting", *formats], rows, formats)
    return Report("what augmentation costs", [table], notes=_notes(pricing, prices, masked_views))


def _in_order(prices: Sequence[Price]) -> list[Price]:
    """Return the prices with the plain step and the user's setting first, then the others from the cheapest."""
    first = [price for price in prices if price.setting is None or price.setting.name == CONFIGURED]
    return [*first, *sorted((price for price in prices if price not in first), key=lambda price: price.seconds)]


def _row(price: Price, step_seconds: float, masked_views: bool) -> list[Cell]:
    name, share = (price.setting.name, price.setting.share) if price.setting else ("no augmentation", 0.0)
    factor = step_factor(price.steps, share, masked_views=masked_views)
    milliseconds = round_measured(1000 * step_seconds * factor)
    return [name, price.passes, milliseconds, factor, price.overlap, price.correlation]


def _notes(pricing: Pricing, prices: Sequence[Price], masked_views: bool) -> tuple[str, ...]:
    count, batch_size, rounds = pricing.count, len(pricing.images), pricing.rounds - 1
    late = "" if pricing.took <= pricing.seconds else f" (a round needs more than the given {pricing.seconds:g} s)"
    part = "" if count == batch_size else f", estimated from {counted(count, 'image')} a round"
    views = " with its masked views, which are `share` more images" if masked_views else ""
    compared = counted(min(batch_size, pricing.rounds * count), "training image")
    rounds_measured = "One round" if rounds == 1 else f"Medians of {rounds} rounds"
    reference = next(price.setting.name for price in prices if price.setting)
    epochs = max(price.setting.refresh_epochs or 0 for price in prices if price.setting)
    return (
        f"{rounds_measured} after a warm-up, in {pricing.took:.0f} s{late}, on {pricing.images.device}, for a batch of "
        f"{counted(batch_size, 'image')}{part}. Times are rounded, and repeated measurements differ.",
        "Passes are the forward passes for explanations, for each image of a batch. The milliseconds are those of a "
        f"whole training step{views}; “× plain” is the same as a multiple of a step without augmentation.",
        f"Mask overlap (IoU) and rank correlation compare the maps with those of “{reference}”, on average over "
        f"{compared}; 1 is the same map. Kept maps are up to {epochs} epochs old and can only be compared in training, "
        "and the data loader's work of cropping them like their images is not included.",
        f"The fast forward (`fast: true`) computes the same maps in fewer operations. Training uses it, and smaller "
        f"queries, while the correlation is at least {MIN_CORRELATION} and the overlap {MIN_IOU}.",
    )
