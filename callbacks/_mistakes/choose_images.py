"""Choice of the validation images that are explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from .image_scores import LISTS

__all__ = ["Candidate", "ChosenImage", "choose_images"]

SHARES = {"wrong": 3 / 8, "forgotten": 3 / 16, "uncertain": 3 / 16, "sample": 1 / 4}


@dataclass(frozen=True)
class Candidate:
    """An image that a process has kept for one of the lists.

    Attributes:
        number: Number of the image in the data of all processes.
        score: Score in the list.
        source: The process and the position among its kept images.
    """

    number: int
    score: float
    source: tuple[int, int]


@dataclass(frozen=True)
class ChosenImage:
    """A chosen image.

    Attributes:
        number: Number of the image in the data of all processes.
        source: The process and the position among its kept images.
        scores: Score in each list that the image belongs to.
    """

    number: int
    source: tuple[int, int]
    scores: dict[str, float] = field(default_factory=dict)


def choose_images(candidates: Sequence[Sequence[Candidate]], budget: int) -> list[ChosenImage]:
    """Choose images of several lists, each image once.

    Each list gets a share of the budget: three eighths are confidently wrong, three sixteenths forgotten and as many
    uncertain, and a quarter is the sample. What a list leaves goes to the others.

    Args:
        candidates: Candidates of each list in ``LISTS``.
        budget: Number of images.

    Example:
        >>> wrong, sample = Candidate(7, 0.9, (0, 0)), Candidate(7, 0.5, (0, 3))
        >>> [(image.number, image.scores) for image in choose_images([[wrong], [], [], [sample]], budget=16)]
        [(7, {'wrong': 0.9, 'sample': 0.5})]
    """
    ordered = [_best(found, budget) for found in candidates]
    quotas = [max(1, round(SHARES[name] * budget)) for name in LISTS]
    first = chain.from_iterable(found[:quota] for found, quota in zip(ordered, quotas, strict=True))
    rest = zip_longest(*(found[quota:] for found, quota in zip(ordered, quotas, strict=True)))
    chosen: dict[int, ChosenImage] = {}
    for candidate in chain(first, (one for turn in rest for one in turn if one is not None)):
        if len(chosen) < budget and candidate.number not in chosen:
            chosen[candidate.number] = ChosenImage(candidate.number, candidate.source)
    for name, found in zip(LISTS, ordered, strict=True):
        for candidate in found:
            if candidate.number in chosen:
                chosen[candidate.number].scores.setdefault(name, candidate.score)
    return list(chosen.values())


def _best(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """Return the candidates with the highest scores, in falling order, each image once."""
    best: dict[int, Candidate] = {}
    for candidate in sorted(candidates, key=lambda one: (-one.score, one.number)):
        best.setdefault(candidate.number, candidate)
    return list(best.values())[:count]
