"""Cases of labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.compatibility.case import Case, Refused, Works
from tests.compatibility.classifiers import Classifier, binary, reading
from tests.compatibility.sources import collated, of
from tests.toys import CLASSES

YES = {0: (0,), 1: (1,), 2: (0,)}
NONE = {0: (), 1: (), 2: ()}
NAMES = "labels=lambda batch: torch.tensor([['left', 'middle', 'right'].index(name) for name in batch[1]])"
SEVERAL = {0: (0, 2), 1: (1,), 2: ()}
ROWS = torch.tensor([[1, 0, 1], [0, 1, 0], [0, 0, 0]])


def soft(logits, labels):
    return F.cross_entropy(logits, labels.to(logits.dtype))


CASES = [
    Case("class indices (N,)"),
    Case(
        "a column (N, 1), as of MedMNIST",
        reading(lambda b: (b[0], b[1][:, 0])),
        of(lambda x, y: (x, torch.tensor([y]))),
    ),
    Case("(N, 1, 1)", reading(lambda b: (b[0], b[1][:, 0, 0])), of(lambda x, y: (x, torch.tensor([[y]])))),
    Case("int32", reading(lambda b: (b[0], b[1].long())), collated(lambda x, y: (x, y.int()))),
    Case("uint8", reading(lambda b: (b[0], b[1].long())), collated(lambda x, y: (x, y.to(torch.uint8)))),
    Case("list of integers", reading(lambda b: (b[0], torch.tensor(b[1]))), collated(lambda x, y: (x, y.tolist()))),
    Case(
        "list of class names",
        reading(lambda b: (b[0], torch.tensor([["left", "middle", "right"].index(n) for n in b[1]]))),
        of(lambda x, y: (x, ["left", "middle", "right"][y])),
        Works(NAMES),
        Works(NAMES, "the labels are strings"),
    ),
    Case(
        "truth values of one logit (N,)",
        lambda: Classifier(loss=binary, outputs=1),
        of(lambda x, y: (x, float(y == 1))),
        classes=YES,
    ),
    Case(
        "a column of truth values (N, 1)",
        lambda: Classifier(loss=binary, outputs=1),
        of(lambda x, y: (x, torch.tensor([float(y == 1)]))),
        classes=YES,
    ),
    Case(
        "integers of one logit",
        lambda: Classifier(loss=binary, outputs=1),
        of(lambda x, y: (x, int(y == 1))),
        classes=YES,
    ),
    Case(
        "booleans of one logit", lambda: Classifier(loss=binary, outputs=1), of(lambda x, y: (x, y == 1)), classes=YES
    ),
    Case(
        "one-hot rows", lambda: Classifier(loss=soft), of(lambda x, y: (x, F.one_hot(torch.tensor(y), CLASSES).float()))
    ),
    Case(
        "one-hot rows of integers",
        lambda: Classifier(loss=soft),
        of(lambda x, y: (x, F.one_hot(torch.tensor(y), CLASSES))),
    ),
    Case(
        "one-hot rows of booleans",
        lambda: Classifier(loss=soft),
        of(lambda x, y: (x, F.one_hot(torch.tensor(y), CLASSES).bool())),
    ),
    Case(
        "probabilities, as of MixUp",
        lambda: Classifier(loss=soft),
        of(lambda x, y: (x, 0.7 * F.one_hot(torch.tensor(y), CLASSES) + 0.1)),
    ),
    Case(
        "several labels for each image",
        lambda: Classifier(loss=binary),
        of(lambda x, y: (x, ROWS[y].float())),
        classes=SEVERAL,
    ),
    Case(
        "several labels, as integers", lambda: Classifier(loss=binary), of(lambda x, y: (x, ROWS[y])), classes=SEVERAL
    ),
    Case(
        "some images unlabelled (-1)",
        lambda: Classifier(loss=lambda z, y: F.cross_entropy(z, y, ignore_index=-1)),
        of(lambda x, y: (x, y if y else -1)),
        classes={0: (), 1: (1,), 2: (2,)},
    ),
    Case(
        "some images unlabelled (-100)",
        Classifier,
        of(lambda x, y: (x, y if y else -100)),
        classes={0: (), 1: (1,), 2: (2,)},
    ),
    Case(
        "two tensors that could be the labels",
        reading(lambda b: (b[0], b[1]["species"])),
        of(lambda x, y: (x, {"species": y, "genus": 7 + y})),
        Works('labels="1.species"', "two tensors of the batch could be the labels"),
        Works('labels="1.species"', "two tensors of the batch could be the labels"),
    ),
    Case(
        "labels that a function computes",
        reading(lambda b: (b[0], b[1] // 10)),
        of(lambda x, y: (x, 10 * y)),
        Works("labels=lambda batch: batch[1] // 10"),
        Works("labels=lambda batch: batch[1] // 10"),
    ),
    Case(
        "no labels",
        lambda: Classifier(lambda b: (b, None), loss=lambda z, y: z.square().mean()),
        of(lambda x, y: x),
        Works(note="unlabelled"),
        Refused("expected labels"),
        shown=NONE,
    ),
    Case(
        "labels of other classes than the model's",
        reading(lambda b: (b[0], b[1] - 5)),
        of(lambda x, y: (x, y + 5)),
        Works(warning="takes the images as unlabelled: labels name class 7"),
        Refused("must be between 0 and 2"),
        shown=NONE,
    ),
    Case(
        "numbers of a regression",
        lambda: Classifier(loss=lambda z, y: F.mse_loss(z[:, 0], y), outputs=1),
        of(lambda x, y: (x, torch.tensor(10.0 * y, dtype=torch.float32))),
        Works(warning="are read as truth values"),
        Refused("read as class indices since they are whole"),
        shown=NONE,
    ),
]
