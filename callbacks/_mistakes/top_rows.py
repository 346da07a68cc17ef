"""Rows with the highest scores of several lists, collected batch by batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["TopRows"]


class TopRows:
    """The rows with the highest scores of several lists.

    They stay on the device of the batches, and nothing waits for an accelerator.

    Args:
        capacity: Number of rows that each of the L lists keeps.

    Attributes:
        scores: (L, capacity), -inf in empty places; None before the first batch.
        rows: Tensors (L · capacity, ...) of the kept rows, in the order of ``scores``.

    Example:
        >>> top = TopRows(capacity=1)
        >>> for batch in (torch.tensor([3.0, 1.0]), torch.tensor([2.0, 5.0])):
        ...     top.update(torch.stack([batch, -batch]), {"value": batch})
        >>> top.rows["value"]
        tensor([5., 1.])
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.scores: Tensor | None = None
        self.rows: dict[str, Tensor] = {}

    def update(self, scores: Tensor, rows: Mapping[str, Tensor]) -> None:
        """Add a batch.

        Args:
            scores: (L, N), -inf for rows that do not belong to a list.
            rows: Tensors (N, ...) of the batch, of the same shapes but for N in every batch.
        """
        if self.scores is None:
            size = scores.shape[0] * self.capacity
            self.scores = torch.full_like(scores[:, :1], -torch.inf).repeat(1, self.capacity)
            self.rows = {name: tensor.new_zeros(size, *tensor.shape[1:]) for name, tensor in rows.items()}
        if self.scores.device.type == "cpu":
            self._replace_few(scores, rows)
        else:
            self._replace_all(scores, rows)

    def _replace_few(self, scores: Tensor, rows: Mapping[str, Tensor]) -> None:
        """Write only what enters, which has to be counted. On a CPU this is cheaper than moving all rows."""
        assert self.scores is not None
        chosen = torch.cat([self.scores, scores], dim=1).topk(self.capacity, dim=1).indices
        stays = torch.zeros_like(self.scores, dtype=torch.bool)
        is_new = chosen >= self.capacity
        list_numbers = torch.arange(len(chosen))[:, None].expand_as(chosen)
        stays[list_numbers[~is_new], chosen[~is_new]] = True
        # In each list as many places become free as rows enter, and both are in the order of the lists.
        lists, places = (~stays).nonzero(as_tuple=True)
        entering = chosen[is_new] - self.capacity
        self.scores[lists, places] = scores[lists, entering]
        for name, tensor in rows.items():
            self.rows[name][lists * self.capacity + places] = tensor.detach()[entering]

    def _replace_all(self, scores: Tensor, rows: Mapping[str, Tensor]) -> None:
        """Move all rows into their places. The sizes are known beforehand, so that nothing waits for the device."""
        assert self.scores is not None
        top = torch.cat([self.scores, scores], dim=1).topk(self.capacity, dim=1)
        starts = torch.arange(len(top.indices), device=scores.device)[:, None] * self.capacity
        is_new = (top.indices >= self.capacity).flatten()
        kept = (top.indices.clamp(max=self.capacity - 1) + starts).flatten()
        entering = (top.indices - self.capacity).clamp(min=0).flatten()
        self.scores = top.values
        for name, tensor in rows.items():
            mask = is_new.view(-1, *[1] * (tensor.dim() - 1))
            self.rows[name] = torch.where(mask, tensor.detach()[entering], self.rows[name][kept])
