"""Advice on the choice of an augmentation setting."""

from __future__ import annotations

from collections.abc import Sequence

from camaug.augmentation.price import Price
from camaug.augmentation.price_settings import CONFIGURED, PLAIN, Setting
from camaug.explainers.agreement import Agreement

__all__ = ["price_advice"]


def price_advice(prices: Sequence[Price]) -> tuple[str, ...]:
    """Return lines with the configurations that are worth choosing, each group from the cheapest.

    The measured setting without the fast forward is none of them, because training falls back to it by itself.
    """
    priced = sorted(
        ((price.seconds, price.setting, price) for price in prices if price.setting and _is_choice(price.setting)),
        key=lambda row: row[0],
    )
    same = [setting for _, setting, price in priced if _agrees(price)]
    others = [setting for _, setting, price in priced if not _agrees(price)]
    return (
        *_lines("To choose one, copy its line into the configuration. With the same maps, from the cheapest:", same),
        *_lines("With other or older maps, which may augment otherwise:", others),
    )


def _is_choice(setting: Setting) -> bool:
    return setting.name != CONFIGURED and not setting.name.endswith(PLAIN)


def _lines(title: str, settings: Sequence[Setting]) -> list[str]:
    width = max((len(setting.name) for setting in settings), default=0)
    return [title, *(f"  {setting.name:<{width}}  {setting.configuration}" for setting in settings)] if settings else []


def _agrees(price: Price) -> bool:
    if price.overlap is None or price.correlation is None:
        return False
    return Agreement(price.correlation, price.overlap).is_enough
