"""Record of the model, images and settings that a generation of the saliency bank was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BankRecord"]

FORMAT = 1
MOST_PROCESSES = 2**20


@dataclass(frozen=True)
class BankRecord:
    """Record of a generation of maps: they may be served only where all of it is the same.

    Args:
        count: Number of images.
        grid: Height and width of a map.
        classes: Number of classes of the model.
        world_size: Number of processes that share the writing.
        model: The digest of the model's state (:func:`camaug.inspection.model_digest.model_digest`).
        settings: Settings of the explanation, in JSON's types.

    Example:
        >>> record = BankRecord(3, (7, 7), 10, 1, "a1", {"explainer": "grad-cam"})
        >>> BankRecord.from_json(record.to_json()) == record
        True
    """

    count: int
    grid: tuple[int, int]
    classes: int
    world_size: int
    model: str
    settings: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the settings."""
        return settings_fingerprint(self.settings)

    @property
    def _is_possible(self) -> bool:
        """True if the numbers are those of a bank, and not so large that listing its files would not end."""
        smallest = min(self.count, self.classes, self.world_size, *self.grid)
        return smallest >= 1 and self.world_size <= MOST_PROCESSES

    def describes_same(self, other: BankRecord) -> bool:
        """Return True if the other record's maps are the same, however many processes shared the work."""
        return (self.count, self.grid, self.classes, self.model, self.fingerprint) == (
            other.count,
            other.grid,
            other.classes,
            other.model,
            other.fingerprint,
        )

    def to_json(self) -> str:
        """Return the record as readable JSON."""
        fields = {
            "format": FORMAT,
            "count": self.count,
            "grid": list(self.grid),
            "classes": self.classes,
            "world_size": self.world_size,
            "model": self.model,
            "settings_fingerprint": self.fingerprint,
            "settings": self.settings,
        }
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> BankRecord | None:
        """Parse a record, or return None if the text is damaged, impossible or in another version's format."""
        try:
            fields = json.loads(text)
            if fields["format"] != FORMAT:
                return None
            height, width = fields["grid"]
            record = cls(
                int(fields["count"]),
                (int(height), int(width)),
                int(fields["classes"]),
                int(fields["world_size"]),
                str(fields["model"]),
                dict(fields["settings"]),
            )
            return record if record._is_possible and record.fingerprint == fields["settings_fingerprint"] else None
        except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
            return None


def settings_fingerprint(settings: Mapping[str, Any]) -> str:
    """Return the fingerprint of settings in JSON's types, regardless of their order.

    Example:
        >>> settings_fingerprint({"a": 1, "b": 2}) == settings_fingerprint({"b": 2, "a": 1})
        True
    """
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16).hexdigest()
