"""Advice on the choice of an augmentation setting."""

from __future__ import annotations

from collections.abc import Sequence

from camaug.augmentation.price import Price
from camaug.augmentation.price_settings import CONFIGURED
from camaug.explainers.agreement import Agreement

__all__ = ["price_advice"]


def price_advice(prices: Sequence[Price]) -> tuple[str, ...]:
    """Return lines with each setting's configuration and the cheapest setting whose maps agree with the exact ones."""
    priced = [(price.setting, price) for price in prices if price.setting and price.setting.name != CONFIGURED]
    lines = [f"{setting.name:<22} {setting.configuration}" for setting, _ in priced]
    agreeing = [(price.seconds, setting.name) for setting, price in priced if setting.share == 1 and _agrees(price)]
    best = [f"The cheapest for every image whose maps agree with the exact ones: {min(agreeing)[1]}."]
    return ("For the configuration:", *lines, *(best if agreeing else []))


def _agrees(price: Price) -> bool:
    if price.overlap is None or price.correlation is None:
        return False
    return Agreement(price.correlation, price.overlap).is_enough
