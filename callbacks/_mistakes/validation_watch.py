"""Watch over the validation batches for images that the model gets wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import lightning as L
import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix, multilabel_confusion_matrix

from camaug.augmentation.batch import find_images_and_labels
from camaug.augmentation.batch_leaves import Selector
from camaug.augmentation.plain_tensor import plain_tensor

from .choose_images import Candidate, ChosenImage, choose_images
from .chosen_images import ChosenImages
from .image_numbers import ImageNumbers
from .image_scores import LISTS, score_images
from .read_targets import read_targets
from .step_logits import StepLogits
from .top_rows import TopRows

__all__ = ["ValidationWatch"]

LARGEST_MATRIX = 1000  # classes; the matrix of more would be larger than most models
NO_LOGITS = (
    "no page of mistakes: the validation step calls no module that returns logits (N, classes) of a batch's images. "
    "Call the model that is explained in validation_step to have it"
)
SIGNED = {torch.uint16: torch.int32, torch.uint32: torch.int64}
"""Types of images in whose place others are kept, because few of PyTorch's operations take them."""
OTHER_SIZE = "images of another size than the first batch's take no part in the page of mistakes"


class _Header(NamedTuple):
    """Shapes of rank zero's rows, which those of the other processes must have."""

    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, torch.dtype]
    classes: int
    length: int | None  # of the data set


class ValidationWatch:
    """Choice of validation images as their batches pass.

    The logits are those that the step computes anyway. Everything stays on the device until the validation ends, and
    nothing waits for it before.

    Args:
        pl_module: The module.
        images: Where the images are in a batch, None to find them.
        labels: Where the labels are, None to find them.
        budget: Number of images that are chosen.
        tell: Function that gets a sentence for the user, as often as it applies.
    """

    def __init__(
        self,
        pl_module: L.LightningModule,
        images: Selector | None,
        labels: Selector | None,
        budget: int,
        tell: Callable[[str], None],
    ) -> None:
        self._logits = StepLogits(pl_module)
        self._selectors = images, labels
        self._budget = budget
        self._tell = tell
        self._was_correct: Tensor | None = None  # in the last validation, in the order of this process's images
        self._turn = 0
        self._is_resumed = False
        self._begin(0, False, ImageNumbers())

    def start_validation(self, trainer: L.Trainer, loader: Any, classes: int, *, several: bool) -> None:
        """Begin a validation.

        Args:
            trainer: The Trainer.
            loader: This process's data loader.
            classes: Number of the model's classes, 0 to watch nothing.
            several: Whether an image may have several labels.
        """
        self._begin(classes, several, ImageNumbers.of_loader(loader, trainer.global_rank, trainer.world_size))
        if trainer.world_size > 1 and self._is_resumed:  # a checkpoint has rank zero's part alone
            self._was_correct = None
        self._is_resumed = False

    def start_step(self) -> None:
        """Observe the next validation step."""
        self._logits.start()

    def learn_step(self) -> None:
        """End the observation of a step in the sanity check, which shows which modules the step calls."""
        self._logits.stop()

    def end_step(self, batch: Any) -> None:
        """End the observation of a step, and keep what may be chosen of its batch."""
        try:
            self._add(batch)
        finally:
            self._logits.stop()

    def stop(self) -> None:
        """End the observation of a step that failed."""
        self._logits.stop()

    def finish(self, trainer: L.Trainer, step: int) -> ChosenImages | None:
        """Choose images of all processes for rank zero. Every process must call this.

        Args:
            trainer: The Trainer.
            step: Step at which the validation is logged.
        """
        header = trainer.strategy.broadcast(self._header() if trainer.is_global_zero else None)
        if header is None:
            self._remember()
            return None
        device = trainer.strategy.root_device
        choices = self._choose(trainer, header, device)
        rows = self._share_rows(trainer, header, choices, device)
        counts, confusion = self._share_counts(trainer, header, device)
        knows_forgotten = self._was_correct is not None
        self._remember()
        if not trainer.is_global_zero:
            return None
        numbers = ImageNumbers(length=header.length)
        count, wrong, forgotten = counts.tolist()
        return ChosenImages(
            images=rows["images"].cpu(),
            logits=rows["logits"].float().cpu(),
            targets=rows["targets"].cpu(),
            choices=choices,
            indices=[numbers.index(choice.number) for choice in choices],
            count=count,
            wrong=wrong,
            forgotten=forgotten if knows_forgotten else None,
            confusion=None if confusion is None else confusion.cpu(),
            step=step,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return which images were correct in the last validation."""
        return {"was_correct": self._was_correct, "turn": self._turn}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue after the last validation of an interrupted run."""
        self._was_correct = state_dict.get("was_correct")
        self._turn = state_dict.get("turn", 0)
        self._is_resumed = True

    def _begin(self, classes: int, several: bool, numbers: ImageNumbers) -> None:
        self._classes, self._several, self._numbers = classes, several, numbers
        self._top = TopRows(self._budget)
        self._seen = 0
        self._is_in_order = numbers.are_indices
        self._predicted: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._verdicts: list[Tensor] = []  # (3, N): wrong, forgotten, correct

    def _add(self, batch: Any) -> None:
        if not self._classes:
            return
        found = find_images_and_labels(batch, *self._selectors)
        images = plain_tensor(found.images)
        images = images.to(SIGNED.get(images.dtype, images.dtype))
        count = len(images)
        logits = self._logits.read(count, self._classes)
        if logits is None:
            self._tell(NO_LOGITS)
            return
        numbers = self._numbers.first + self._numbers.stride * torch.arange(
            self._seen, self._seen + count, device=logits.device
        )
        self._check_order(count)
        was_correct = self._part_of_last(count, logits.device)
        self._seen += count
        targets = read_targets(found.labels, count, self._classes, logits.device, several=self._several)
        scored = score_images(logits, targets, numbers, was_correct, turn=self._turn)
        forgotten = torch.zeros_like(scored.is_wrong) if was_correct is None else scored.is_wrong & was_correct
        self._verdicts.append(torch.stack([scored.is_wrong, forgotten, scored.is_correct]))
        self._predicted.append(logits > 0 if self._several else scored.predicted)
        self._targets.append(targets)
        rows = {"images": images, "logits": logits, "targets": targets, "numbers": numbers}
        kept = self._top.rows.get("images")
        if kept is not None and kept.shape[1:] != images.shape[1:]:
            self._tell(OTHER_SIZE)
        else:
            self._top.update(scored.scores, rows)

    def _check_order(self, count: int) -> None:
        """Notice batches that lack images, as of a collate function that leaves some out, by which numbers shift."""
        size = self._numbers.batch_size
        is_full = size is not None and self._seen % size == 0 and count <= size
        self._is_in_order = self._is_in_order and is_full

    def _part_of_last(self, count: int, device: torch.device) -> Tensor | None:
        """Return which of the next images were correct in the last validation, None if it is unknown."""
        if self._was_correct is None or not self._is_in_order:
            return None
        part = self._was_correct[self._seen : self._seen + count]
        return part.to(device) if len(part) == count else None

    def _remember(self) -> None:
        """Keep what the next validation is compared with."""
        self._turn += 1
        is_known = self._is_in_order and bool(self._verdicts)
        self._was_correct = torch.cat(self._verdicts, dim=1)[2] if is_known else None
        self._begin(0, False, ImageNumbers())

    def _header(self) -> _Header | None:
        rows = self._top.rows
        if not rows:
            return None
        return _Header(
            {name: tuple(tensor.shape[1:]) for name, tensor in rows.items()},
            {name: tensor.dtype for name, tensor in rows.items()},
            self._classes,
            self._numbers.length if self._is_in_order else None,
        )

    def _fits(self, header: _Header) -> bool:
        own = self._header()
        return own is not None and (own.shapes, own.dtypes) == (header.shapes, header.dtypes)

    def _choose(self, trainer: L.Trainer, header: _Header, device: torch.device) -> list[ChosenImage]:
        """Choose the images, the same in every process."""
        places = len(LISTS), self._top.capacity
        if self._fits(header) and self._top.scores is not None:
            numbers = self._top.rows["numbers"].view(places).float()  # exact up to 2**24; not all devices have float64
            packed = torch.stack([self._top.scores, numbers]).to(device)
        else:
            packed = torch.full((2, *places), -torch.inf, device=device)
        gathered = [packed] if trainer.world_size == 1 else trainer.strategy.all_gather(packed)
        gathered = [part.cpu() for part in gathered]
        candidates: list[list[Candidate]] = [[] for _ in LISTS]
        for rank, (scores, numbers) in enumerate(gathered):
            for list_number, of_list in enumerate(scores.tolist()):
                for place, score in enumerate(of_list):
                    if score > -torch.inf:
                        number = int(numbers[list_number, place])
                        number = number % header.length if header.length else number
                        source = rank, list_number * self._top.capacity + place
                        candidates[list_number].append(Candidate(number, score, source))
        return choose_images(candidates, self._budget)

    def _share_rows(
        self, trainer: L.Trainer, header: _Header, choices: Sequence[ChosenImage], device: torch.device
    ) -> dict[str, Tensor]:
        """Return the rows of the chosen images. Each process fills in its own, and the sum of all is whole."""
        own = [
            (position, choice.source[1])
            for position, choice in enumerate(choices)
            if choice.source[0] == trainer.global_rank
        ]
        shared: dict[str, Tensor] = {}
        for name in ("images", "logits", "targets"):
            dtype = header.dtypes[name]
            empty = torch.zeros(len(choices), *header.shapes[name], dtype=dtype, device=device)
            if own:
                to, source = (torch.tensor(part, device=self._top.rows[name].device) for part in zip(*own, strict=True))
                empty[to.to(device)] = self._top.rows[name][source].to(device)
            shared[name] = _summed(trainer, empty)
        return shared

    def _share_counts(self, trainer: L.Trainer, header: _Header, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Return the numbers of all, of wrong and of forgotten images, and the confusion matrix, of all processes."""
        fits = self._fits(header)
        counts = torch.zeros(3, dtype=torch.long, device=device)
        if fits:
            verdicts = torch.cat(self._verdicts, dim=1)
            counts[0] = verdicts.shape[1]
            counts[1:] = verdicts[:2].sum(dim=1)
        counts = _summed(trainer, counts)
        if header.classes > LARGEST_MATRIX:
            return counts.cpu(), None
        several = len(header.shapes["targets"]) > 0
        shape = (header.classes, 2, 2) if several else (header.classes, header.classes)
        confusion = torch.zeros(shape, dtype=torch.long, device=device)
        if fits:
            confusion += _confusion_matrix(torch.cat(self._predicted), torch.cat(self._targets), header.classes)
        return counts.cpu(), _summed(trainer, confusion)


def _confusion_matrix(predicted: Tensor, targets: Tensor, classes: int) -> Tensor:
    if targets.dim() == 2:
        return multilabel_confusion_matrix(predicted.long(), targets.long(), classes, validate_args=False)
    is_labelled = (targets >= 0) & (targets < classes)
    labelled = targets[is_labelled]
    matrix: Tensor = multiclass_confusion_matrix(predicted[is_labelled], labelled, classes, validate_args=False)
    return matrix


def _summed(trainer: L.Trainer, tensor: Tensor) -> Tensor:
    """Return the sum of the tensors of all processes."""
    if trainer.world_size == 1:
        return tensor
    if tensor.dtype == torch.bool:
        return _summed(trainer, tensor.to(torch.uint8)).bool()
    total: Tensor = trainer.strategy.reduce(tensor, reduce_op="sum")
    return total
