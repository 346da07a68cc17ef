"""Record of one explained image, for a JSON file beside its heatmap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from camaug.explainers import Explanation
from camaug.explainers.provenance import versions
from camaug.images.class_names import class_label

__all__ = ["explanation_record"]


def explanation_record(explanation: Explanation, index: int, names: Sequence[str] | None) -> dict[str, Any]:
    """Return the record of one explained image, in JSON's types.

    Args:
        explanation: The explanation of N images.
        index: The image's index in the explanation.
        names: One name a class; None where they are not known.

    Returns:
        ``target`` and ``predicted`` (index, name and confidence), the ``top`` five classes, ``layers``, the ``map``'s
        height and width and whether it holds any evidence, and ``versions``.
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
