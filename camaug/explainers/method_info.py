"""Documentation of an explanation method, kept in the method's own file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MethodInfo", "Section"]

Section = Literal["layer", "queries", "pixels", "transformers", "wrappers"]


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """Facts about a method, shown as its row in docs/methods.md.

    Attributes:
        section: Section of the page.
        paper: The paper as a Markdown link, or in a few words what the method does.
        passes: Passes through the network for one image.
        needs: What the method needs of the model.
        oracle: Other implementations that give the same maps, as tests/explainers/test_oracles.py compares; empty if
            there is none.
        check: What else the maps are checked against, such as the formula; required where there is no oracle.

    Raises:
        ValueError: If the maps are checked against nothing.
    """

    section: Section
    paper: str
    passes: str
    needs: str
    oracle: str = ""
    check: str = ""

    def __post_init__(self) -> None:
        if not (self.oracle or self.check):
            raise ValueError("a method needs an `oracle`, or a `check`: what its maps are compared with instead")
