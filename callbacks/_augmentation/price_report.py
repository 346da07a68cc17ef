"""Report of augmentation prices."""

from __future__ import annotations

from collections.abc import Sequence

from camaug.augmentation.price import Price, Pricing
from camaug.experiments.report import Report
from camaug.experiments.table import Cell, Table
from camaug.explainers.agreement import MIN_CORRELATION, MIN_IOU

__all__ = ["price_report"]

MASKED_VIEWS = "with masked views"


def price_report(pricing: Pricing, prices: Sequence[Price], *, masked_views: bool) -> Report:
    """Return the prices as a table with notes.

    Args:
        pricing: The measurement.
        prices: Its prices.
        masked_views: True to add a column that counts masked views as additional images.
    """
    formats = {"setting": "{}", "passes": "{:.1f}", "ms added": "{:.0f}", "steps added": "{:+.2f}"}
    formats |= {MASKED_VIEWS: "{:+.2f}"} if masked_views else {}
    formats |= {"mask overlap": "{:.2f}", "rank correlation": "{:.2f}"}
    columns = list(formats)
    del formats["setting"]
    rows = [_row(price, pricing.step_seconds, masked_views) for price in prices]
    table = Table("price", columns, rows, formats)
    return Report("what augmentation costs", [table], notes=_notes(pricing, prices, masked_views))


def _row(price: Price, step_seconds: float, masked_views: bool) -> list[Cell]:
    name = f"none (a step: {1000 * step_seconds:.0f} ms)" if price.setting is None else price.setting.name
    share = price.setting.share if price.setting else 0.0
    with_masked_views = [price.steps + share] if masked_views else []
    return [name, price.passes, 1000 * price.seconds, price.steps, *with_masked_views, price.overlap, price.correlation]


def _notes(pricing: Pricing, prices: Sequence[Price], masked_views: bool) -> tuple[str, ...]:
    count, batch_size, rounds = pricing.count, len(pricing.images), pricing.rounds - 1
    late = "" if pricing.took <= pricing.seconds else f" (one round needs more than the given {pricing.seconds:g} s)"
    part = "" if count == batch_size else f", scaled up from {count} images in each round"
    views = "Masked views are additional images: `share` plain steps of them. " if masked_views else ""
    epochs = max(price.setting.refresh_epochs or 0 for price in prices if price.setting)
    return (
        f"Medians of {rounds} {'round' if rounds == 1 else 'rounds'} after a warm-up, in {pricing.took:.0f} s{late}, "
        f"on {pricing.images.device}; for a batch of {batch_size} images{part}.",
        "Passes are forward passes for each image of a batch. Mask overlap (IoU) and rank correlation compare the maps "
        f"with the exact ones, on average over {min(batch_size, pricing.rounds * count)} training images. Those of a "
        f"bank are up to {epochs} epochs old and can only be compared in training.",
        f"With `fast: true` training uses the fast forward and smaller queries while the correlation is at least "
        f"{MIN_CORRELATION} and the overlap {MIN_IOU}, and otherwise the plain forward.",
        f"{views}Carrying a bank's maps through the crops is the data loader's work and not included.",
    )
