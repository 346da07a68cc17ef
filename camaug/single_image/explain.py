"""Explanation of one image by one call: ``explain(model, image)``."""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from camaug.explainers import Explainer, Explanation, as_explainer
from camaug.explainers.provenance import describe, describe_explainer, describe_model
from camaug.images.bands import choose_bands
from camaug.images.class_names import find_class, known_class_names
from camaug.images.denormalise import denormalise
from camaug.images.eight_bits import ValueRange, check_value_range
from camaug.images.normalisation import Normalisation
from camaug.images.preprocessing import Preprocessing, model_preprocessing
from camaug.inspection.probability_outputs import describe_probabilities
from camaug.inspection.unwrap import unwrap
from camaug.single_image.explained_image import ExplainedImage
from camaug.single_image.explanation_record import explanation_record
from camaug.single_image.model_input import model_input
from camaug.single_image.shape_errors import clear_shape_errors, count_classes
from camaug.utils.check_types import check_types, given

__all__ = ["ImageTarget", "explain"]

_CHECKED_LATER = ("model", "image", "target")
GivenImage = Image.Image | str | os.PathLike[str] | Tensor | npt.NDArray[Any]

ImageTarget = int | str | Callable[[Tensor], Tensor] | None


@overload
def explain(
    model: nn.Module,
    image: GivenImage,
    explainer: str | Explainer = ...,
    target: ImageTarget = ...,
    *,
    targets: None = ...,
    transform: Callable[[Image.Image], Tensor] | None = ...,
    class_names: Sequence[str] | None = ...,
    bands: Sequence[int] | None = ...,
    value_range: ValueRange | None = ...,
    forward: Callable[[Tensor], Tensor] | None = ...,
) -> ExplainedImage: ...


@overload
def explain(
    model: nn.Module,
    image: GivenImage,
    explainer: str | Explainer = ...,
    *,
    targets: Sequence[int | str],
    transform: Callable[[Image.Image], Tensor] | None = ...,
    class_names: Sequence[str] | None = ...,
    bands: Sequence[int] | None = ...,
    value_range: ValueRange | None = ...,
    forward: Callable[[Tensor], Tensor] | None = ...,
) -> list[ExplainedImage]: ...


def explain(
    model: nn.Module,
    image: GivenImage,
    explainer: str | Explainer = "verified-cam",
    target: ImageTarget = None,
    *,
    targets: Sequence[int | str] | None = None,
    transform: Callable[[Image.Image], Tensor] | None = None,
    class_names: Sequence[str] | None = None,
    bands: Sequence[int] | None = None,
    value_range: ValueRange | None = None,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> ExplainedImage | list[ExplainedImage]:
    """Explain the prediction for one image.

    The model may be on any device and in any mode, and is left unchanged. A notebook displays the result.

    Args:
        model: A classifier.
        image: A PIL image of any mode, a path, an array of pixels (H, W) or (H, W, C), or a tensor (C, H, W) or
            (1, C, H, W) of uint8 or float. A float tensor is the model's input and is left unchanged. Any other image
            is turned upright, converted to RGB and transformed.
        explainer: The method: a name of :func:`camaug.list_explainers`, or an explainer with its settings.
        target: The class to explain, by index or name, a function from logits (M, classes) to scores (M,), or None for
            the predicted class.
        targets: Several classes by index or name, as of an image with several labels. Their maps share forward passes.
        transform: From an RGB PIL image to a float tensor (C, H, W). By default the model's own evaluation transform
            (:func:`camaug.images.preprocessing.model_preprocessing`): that of an ``ImageClassifier``'s training data,
            timm's, or ImageNet's standard: shorter side 256, middle 224, ImageNet's mean and standard deviation.
        class_names: One name a class. By default the model's own ``class_names``, or ImageNet's for 1000 classes.
        bands: Indices, counted from 0, of the input's channels that are displayed as red, green and blue, or of one
            that is displayed as grey. None for the first three, or for the first of one or two.
        value_range: Values that become black and white in files, PIL images and arrays of more than 8 bits: `(0, 4095)`
            for 12 bits, or "percentiles" for the image's 2nd and 98th percentile. None for those of the
            model's training data, or else 0 to 65535, and 0 to 1 for floats.
        forward: Function from images to logits (N, classes), where they cannot be read from ``model(images)``.

    Returns:
        The explained image, or one for each class of `targets`.

    Raises:
        TypeError: If the image has another type.
        ValueError: If a tensor or array has the wrong shape or values that are not finite, the model does not take the
            image, `target` and `targets` are both given, no class has that name, the number of names is not the number
            of classes, or the explainer raises it (:class:`camaug.Explainer`).
        OSError: If the file cannot be read.

    Example:
        >>> import torchvision
        >>> model = torchvision.models.squeezenet1_0(num_classes=3)
        >>> explained = explain(model, Image.linear_gradient("L"), "grad-cam", class_names=["ant", "bee", "wasp"])
        >>> explained.map.shape, explained.class_name in ("ant", "bee", "wasp")
        (torch.Size([224, 224]), True)
        >>> [each.target for each in explain(model, Image.linear_gradient("L"), "grad-cam", targets=[0, 2])]
        [0, 2]
    """
    explainer = as_explainer(explainer)
    check_types(explain, {name: value for name, value in locals().items() if name not in _CHECKED_LATER})
    if not isinstance(model, nn.Module):
        raise TypeError(f"`model` must be a torch.nn.Module, got {given(model)}: explain(model, image)")
    _check_targets(target, targets)
    model = unwrap(model)
    preprocessing = model_preprocessing(model) if transform is None else Preprocessing.of(transform)
    check_value_range(value_range)
    preprocessing = preprocessing.with_value_range(value_range)
    images, transformed = model_input(image, preprocessing)
    channels = images.shape[1]
    shown_bands = choose_bands(bands, channels)
    reference = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    images = images.to(reference.device, reference.dtype)
    with clear_shape_errors(model, images, preprocessing, forward):
        requested = (target,) if targets is None else tuple(targets)
        if class_names is None and any(isinstance(each, str) for each in requested):
            class_names = known_class_names(model, count_classes(model, images, forward))
        chosen = [find_class(each, class_names) if isinstance(each, str) else _check_target(each) for each in requested]
        classes = chosen[0] if targets is None else torch.tensor([chosen], device=images.device)
        explanation = explainer(model, images, classes, forward=forward)
    if not explanation.logits.isfinite().all():
        raise ValueError("the logits for this image are not finite: the image or the weights hold NaN")
    if sentence := describe_probabilities(explanation.logits):
        warnings.warn(sentence, stacklevel=2)
    count = explanation.logits.shape[1]
    names = _check_names(class_names, count) or known_class_names(model, count)
    if (images.amax(dim=(2, 3)) == images.amin(dim=(2, 3))).all():
        warnings.warn("`image` is constant, so that its map shows nothing of it", stacklevel=2)
    record = {
        "explainer": describe_explainer(explainer, model),
        "model": describe_model(model),
        "transform": preprocessing.settings if transformed else None,
        "bands": None if shown_bands == tuple(range(channels)) else list(shown_bands),
    }
    normalisation = Normalisation(preprocessing.mean, preprocessing.std)
    if not normalisation.fits(channels):  # a ready tensor of other images than the default transform makes
        normalisation = Normalisation()
    shown = denormalise(images, *normalisation, bands)[0]
    if targets is None:
        return _explained_image(explanation, shown, names, target, record)
    return [
        _explained_image(_of_target(explanation, number), shown, names, each, record)
        for number, each in enumerate(targets)
    ]


def _explained_image(
    explanation: Explanation, shown: Tensor, names: list[str] | None, target: ImageTarget, record: dict[str, Any]
) -> ExplainedImage:
    """Return the explained image for one class.

    Args:
        explanation: The explanation, with one target.
        shown: The image to display, (3, H, W).
        names: Names of the classes.
        target: The class as the user gave it.
        record: Record of the method, the model and the image.
    """
    about = explanation_record(explanation, 0, names)
    if callable(target):
        about["target"] = {"function": describe(target)}
    return ExplainedImage(
        shown,
        explanation.maps[0].cpu(),
        explanation.logits[0].float().cpu(),
        int(explanation.targets[0]),
        names,
        {**about, "requested": describe(target), **record},
    )


def _of_target(explanation: Explanation, number: int) -> Explanation:
    """Return the explanation for one of several targets."""
    return replace(explanation, maps=explanation.maps[:, number], targets=explanation.targets[:, number])


def _check_targets(target: ImageTarget, targets: Sequence[int | str] | None) -> None:
    if targets is None:
        return
    if target is not None:
        raise ValueError(f"give `target` or `targets`, got target={target!r} and targets={targets!r}")
    if isinstance(targets, str) or not len(targets):
        raise ValueError(f"`targets` must be a list of at least one class, got {targets!r}: give one class by target=")


def _check_target(target: int | Callable[[Tensor], Tensor] | None) -> int | Callable[[Tensor], Tensor] | None:
    if target is None or callable(target):
        return target
    try:
        return operator.index(target)
    except TypeError as error:
        raise TypeError(
            f"`target` must be a class's index or name, a function of the logits, or None, got {given(target)}"
        ) from error


def _check_names(names: Sequence[str] | None, classes: int) -> list[str] | None:
    if names is not None and len(names) != classes:
        raise ValueError(f"`class_names` must name the model's {classes} classes, got {len(names)} names")
    return None if names is None else [str(name) for name in names]
