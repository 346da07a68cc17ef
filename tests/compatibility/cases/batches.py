"""Cases of batches."""

from __future__ import annotations

from typing import Any

import torch

from tests.compatibility.case import Case, LeftOut, Refused, Works
from tests.compatibility.classifiers import Classifier, reading
from tests.compatibility.sources import (
    BareBatch,
    OwnBatch,
    Pair,
    Sample,
    SlotsSample,
    as_namespace,
    collated,
    deep_integers,
    integers,
    loader_of,
    of,
)


class AfterTransfer(Classifier):
    """A classifier whose hook scales images of integers."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [batch[0].float() / 255, batch[1]]


class InForward(Classifier):
    """A classifier whose forward scales images of any type."""

    def forward(self, images):
        return self.net(images.float() / 255)


class DeepInForward(Classifier):
    """A classifier whose forward scales images of 16 bits."""

    def forward(self, images):
        return self.net(images.float() / 65535)


class DeepInStep(Classifier):
    """A classifier whose steps scale images of 16 bits."""

    def classify(self, images):
        return self(images.float() / 65535)


class ByType(Classifier):
    """A classifier whose forward scales images of integers alone."""

    def forward(self, images):
        return self.net(images / 255 if images.dtype == torch.uint8 else images)


class InStep(Classifier):
    """A classifier whose steps normalise the images."""

    def classify(self, images):
        return self((images - 0.5) / 0.25)


class CastInStep(Classifier):
    """A classifier whose steps cast the images."""

    def classify(self, images):
        return self(images.float())


class LastChannel(Classifier):
    """A classifier of images whose channels come last."""

    def forward(self, images):
        return self.net(images.permute(0, 3, 1, 2))


class Clips(Classifier):
    """A classifier of clips, (N, time, C, H, W)."""

    def forward(self, clips):
        return self.net(clips.flatten(0, 1)).unflatten(0, clips.shape[:2]).mean(dim=1)


LAST_CHANNEL = (
    "images=lambda batch: batch[0].permute(0, 3, 1, 2), "
    "forward=lambda module, images: module(images.permute(0, 2, 3, 1))"
)
DEEP_IN_STEP = "forward=lambda module, images: module(images / 65535)"
IN_STEP = "forward=lambda module, images: module((images - 0.5) / 0.25)"
CLIPS = "images=lambda batch: batch[0][:, 0], forward=lambda module, images: module(images[:, None])"
CASES = [
    Case("`(image, label)`"),
    Case("`[image, label]`", loader=collated(lambda x, y: [x, y])),
    Case(
        "dict: `image`, `label`", reading(lambda b: (b["image"], b["label"])), of(lambda x, y: {"image": x, "label": y})
    ),
    Case(
        "dict of Hugging Face: `pixel_values`, `labels`",
        reading(lambda b: (b["pixel_values"], b["labels"])),
        of(lambda x, y: {"labels": y, "pixel_values": x}),
    ),
    Case(
        "nested dict",
        reading(lambda b: (b["data"]["image"], b["target"]["class"])),
        of(lambda x, y: {"data": {"image": x, "mask": x[:1]}, "meta": {"size": 8}, "target": {"class": y}}),
    ),
    Case("named tuple", reading(lambda b: (b.photo, b.target)), collated(Pair)),
    Case("data class", reading(lambda b: (b.image, b.label)), collated(Sample)),
    Case("data class with slots", reading(lambda b: (b.image, b.label)), collated(SlotsSample)),
    Case("`SimpleNamespace`", reading(lambda b: (b.image, b.label)), collated(as_namespace)),
    Case("an own class with a method `to`", reading(lambda b: (b.photo, b.target)), collated(OwnBatch)),
    Case("an own class without methods", reading(lambda b: (b.photo, b.target)), collated(BareBatch)),
    Case(
        "lists of images and labels",
        reading(lambda b: (torch.stack(list(b[0])), torch.tensor(b[1]))),
        lambda: loader_of(collate_fn=lambda items: tuple(map(list, zip(*items, strict=True)))),
    ),
    Case(
        "list of dicts, as of detection code",
        reading(lambda b: (torch.stack([i["image"] for i in b]), torch.tensor([i["label"] for i in b]))),
        lambda: loader_of(lambda x, y: {"image": x, "label": y}, collate_fn=list),
    ),
    Case(
        "`(image, path, label)`",
        reading(lambda b: (b[0], b[2])),
        of(lambda x, y: (x, f"{y}.jpg", y)),
    ),
    Case("`((image, index), label)`", reading(lambda b: (b[0][0], b[1])), of(lambda x, y: ((x, 40 + y), y))),
    Case(
        "`(image, box, label)`",
        reading(lambda b: (b[0], b[2])),
        of(lambda x, y: (x, torch.rand(4), y)),
    ),
    Case("`(image, mask, label)`", reading(lambda b: (b[0], b[2])), of(lambda x, y: (x, x[:1] > 0.5, y))),
    Case(
        "dict with `camera_id` beside `pid`",
        reading(lambda b: (b["img"], b["pid"])),
        of(lambda x, y: {"img": x, "camera_id": 7, "pid": y}),
    ),
    Case(
        "two views: `((image, image), label)`",
        reading(lambda b: (b[0][0], b[1])),
        of(lambda x, y: ((x, x.flip(1)), y)),
    ),
    Case(
        "the second of two views",
        reading(lambda b: (b["views"][1], b["label"])),
        of(lambda x, y: {"views": [x.flip(2), x], "label": y}),
        Works('images="views.1"'),
        Works('images="views.1"'),
    ),
    Case("integers (uint8), scaled in `on_after_batch_transfer`", AfterTransfer, of(integers)),
    Case("integers (uint8), scaled in `forward`", InForward, of(integers)),
    Case("integers (uint16, int16, int32), scaled in `forward`", DeepInForward, of(deep_integers)),
    Case(
        "integers (uint16), scaled in the steps",
        DeepInStep,
        of(deep_integers),
        Works(DEEP_IN_STEP, "the batch holds images of torch.uint16"),
        Works(DEEP_IN_STEP, "the batch holds images of torch.uint16"),
    ),
    Case(
        "integers (uint8), which `forward` scales by their type",
        ByType,
        of(integers),
        LeftOut("predicts otherwise from floating-point copies"),
        Refused("predicts otherwise from floating-point copies"),
    ),
    Case("normalised in the steps", InStep, loader_of, *2 * [Works(IN_STEP, warned="scale them before its forward")]),
    Case("float64, cast in the steps", CastInStep, of(lambda x, y: (x.double(), y))),
    Case(
        "channels last: (N, H, W, C)",
        LastChannel,
        of(lambda x, y: (x.permute(1, 2, 0), y)),
        Works(LAST_CHANNEL, "whose channels come last"),
        Refused("whose channels come last"),
    ),
    Case(
        "clips: (N, time, C, H, W)",
        Clips,
        of(lambda x, y: (x.expand(2, 3, 24, 24), y)),
        Works(CLIPS, "volumes or clips"),
        Refused("volumes or clips"),
    ),
    Case(
        "no images",
        loader=of(lambda x, y: (x.flatten(), y)),
        module=lambda: Classifier(lambda b: (b[0].view(-1, 3, 24, 24), b[1])),
        logger=LeftOut("expected images"),
        augmentation=Refused("expected images"),
    ),
]
