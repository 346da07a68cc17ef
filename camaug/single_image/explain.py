"""One call for one image: ``explain(model, image)``."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.v2.functional import to_pil_image

from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.explainers.provenance import describe, describe_explainer, describe_model, versions
from camaug.images.class_names import class_label, find_class, known_class_names
from camaug.images.loading import load_image, upright_rgb
from camaug.images.preprocessing import Preprocessing, model_preprocessing
from camaug.images.render import denormalise
from camaug.inspection.unwrap import unwrap
from camaug.single_image.explained_image import ExplainedImage

__all__ = ["ImageTarget", "explain", "explanation_record"]

ImageTarget = int | str | Callable[[Tensor], Tensor] | None


def explain(
    model: nn.Module,
    image: Image.Image | str | os.PathLike[str] | Tensor,
    explainer: str | Explainer = "group-cam",
    target: ImageTarget = None,
    *,
    transform: Callable[[Image.Image], Tensor] | None = None,
    class_names: Sequence[str] | None = None,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> ExplainedImage:
    """Explain one image; in a notebook the result shows itself.

    The model may be on any device and in any mode; it is left as it was.

    Args:
        model: A classifier.
        image: A PIL image of any mode, a path, or a tensor (C, H, W) or (1, C, H, W): of uint8 it is a picture like
            the others, of floats it is what the model expects and is left as it is. Pictures are turned upright,
            made RGB and transformed.
        explainer: The method: a name of :func:`camaug.list_explainers`, or an explainer with its settings.
        target: What to explain: a class's index or name, a function from logits (M, classes) to scores (M,), or None
            for the predicted class.
        transform: From an RGB PIL image to a float tensor (C, H, W). By default the model's own evaluation transform
            (:func:`camaug.images.preprocessing.model_preprocessing`): that of an ``ImageClassifier``'s training data,
            timm's, or ImageNet's standard: shorter side 256, middle 224, ImageNet's mean and standard deviation.
        class_names: One name a class. By default the model's own ``class_names``; ImageNet's where it has 1000 classes.
        forward: How logits (N, classes) come from images, where ``model(images)`` does not give them.

    Returns:
        The explained image.

    Raises:
        TypeError: If the image is none of these.
        ValueError: If a tensor is of the wrong shape, no class has that name, the names do not match the classes in
            number, or the explainer refuses (:class:`camaug.Explainer`).
        OSError: If the file cannot be read.

    Example:
        >>> import torchvision
        >>> model = torchvision.models.squeezenet1_0(num_classes=3)
        >>> explained = explain(model, Image.new("RGB", (300, 260)), "grad-cam", class_names=["ant", "bee", "wasp"])
        >>> explained.map.shape, explained.class_name in ("ant", "bee", "wasp")
        (torch.Size([224, 224]), True)
    """
    explainer = as_explainer(explainer)
    if not isinstance(model, nn.Module):
        raise TypeError(f"`model` must be a torch.nn.Module, got {type(model).__name__}: explain(model, image)")
    model = unwrap(model)
    preprocessing = model_preprocessing(model) if transform is None else Preprocessing.of(transform)
    images, transformed = _as_input(image, preprocessing)
    reference = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    images = images.to(reference.device, reference.dtype)
    if isinstance(target, str) and class_names is None:  # how many classes there are says what they are called
        class_names = known_class_names(model, _count_classes(model, images, forward))
    asked = find_class(target, class_names) if isinstance(target, str) else _checked(target)
    explanation = explainer(model, images, asked, forward=forward)
    if not explanation.logits.isfinite().all():
        raise ValueError("the model gives logits for this image that are not finite: the image or the weights hold NaN")
    names = _checked_names(class_names, explanation.logits.shape[1]) or known_class_names(
        model, explanation.logits.shape[1]
    )
    record = explanation_record(explanation, 0, names)
    if callable(target):
        record["target"] = {"function": describe(target)}
    record["asked"] = describe(target)
    record["explainer"] = describe_explainer(explainer, model)
    record["model"] = describe_model(model)
    record["transform"] = preprocessing.settings if transformed else None
    return ExplainedImage(
        denormalise(images, preprocessing.mean, preprocessing.std)[0],
        explanation.maps[0].cpu(),
        explanation.logits[0].float().cpu(),
        int(explanation.targets[0]),
        names,
        record,
    )


def explanation_record(explanation: Explanation, index: int, names: Sequence[str] | None) -> dict[str, Any]:
    """What was found in one of the explained images, in JSON's types.

    Args:
        explanation: The explanation of N images.
        index: Which of them.
        names: One name a class; None where they are not known.

    Returns:
        ``target`` and ``predicted`` (index, name and confidence), the ``top`` five classes, ``layers``, the ``map``'s
        height and width and whether it found any evidence, and ``versions``.
    """
    probabilities = explanation.logits[index].float().softmax(dim=0).cpu()
    saliency = explanation.maps[index]
    top = [_class_record(int(c), probabilities, names) for c in probabilities.topk(min(5, len(probabilities))).indices]
    return {
        "target": _class_record(int(explanation.targets[index]), probabilities, names),
        "predicted": top[0],
        "top": top,
        "layers": list(explanation.layers),
        "map": {"height": saliency.shape[0], "width": saliency.shape[1], "evidence": bool(saliency.amax() > 0)},
        "versions": versions(),
    }


def _class_record(index: int, probabilities: Tensor, names: Sequence[str] | None) -> dict[str, Any]:
    return {"index": index, "name": class_label(names, index), "confidence": round(float(probabilities[index]), 6)}


def _as_input(image: Any, preprocessing: Preprocessing) -> tuple[Tensor, bool]:
    """The model's input (1, C, H, W), and whether the image had to be transformed to become it."""
    if isinstance(image, Tensor):
        given = f"{image.dtype} of shape {tuple(image.shape)}"
        expected = "expected (C, H, W) or (1, C, H, W), floats as the model expects them or uint8 pixels"
        if image.dim() == 4 and len(image) == 1:
            image = image[0]
        if image.dim() != 3 or 0 in image.shape:
            raise ValueError(f"`image` is a tensor of {given}, {expected}: give one image, or call the explainer")
        if image.is_floating_point():
            return image.detach()[None], False
        if image.dtype != torch.uint8 or image.shape[0] not in (1, 3, 4):
            raise ValueError(f"`image` is a tensor of {given}, {expected} with 1, 3 or 4 channels")
        image = to_pil_image(image.cpu())
    if isinstance(image, str | os.PathLike):
        image = load_image(image)
    if not isinstance(image, Image.Image):
        raise TypeError(f"`image` must be a PIL image, a path or a tensor, got {type(image).__name__}")
    pixels = preprocessing.transform(upright_rgb(image))
    if not isinstance(pixels, Tensor) or pixels.dim() != 3 or not pixels.is_floating_point():
        given = (
            f"{pixels.dtype} of shape {tuple(pixels.shape)}" if isinstance(pixels, Tensor) else type(pixels).__name__
        )
        raise ValueError(f"`transform` must turn a PIL image into a float tensor (C, H, W), it gives {given}")
    return pixels[None], True


def _count_classes(model: nn.Module, images: Tensor, forward: Callable[[Tensor], Tensor] | None) -> int:
    from camaug.inspection.neutral import neutral

    with neutral(model), torch.no_grad():
        return int((forward or model)(images).shape[1])


def _checked(target: int | Callable[[Tensor], Tensor] | None) -> int | Callable[[Tensor], Tensor] | None:
    if target is None or callable(target):
        return target
    try:
        return operator.index(target)
    except TypeError as error:
        raise TypeError(
            f"`target` must be a class's index or name, a function of the logits, or None, got {type(target).__name__}"
        ) from error


def _checked_names(names: Sequence[str] | None, classes: int) -> list[str] | None:
    if names is not None and len(names) != classes:
        raise ValueError(f"`class_names` must name the model's {classes} classes, got {len(names)} names")
    return None if names is None else [str(name) for name in names]
