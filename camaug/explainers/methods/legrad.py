"""LeGrad."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from camaug.explainers.base import Evidence, Explainer
from camaug.explainers.method_info import MethodInfo
from camaug.explainers.registry import register_explainer
from camaug.functional.precision import at_least_float32
from camaug.inspection.attention import Attention, find_attention_blocks, is_self_attention, replaced_attention
from camaug.inspection.feature_maps import count_prefix_tokens, to_maps

__all__ = ["LeGrad", "attention_gradients", "attention_matrix"]


@register_explainer("legrad")
@dataclass(frozen=True)
class LeGrad(Explainer):
    """LeGrad: sensitivity of the score to each block's attention, for transformers.

    Bousselham et al. 2024, LeGrad: An Explainability Method for Vision Transformers via Feature Formation Sensitivity
    (arXiv 2404.03214), equations 5 to 8: the score ``s^l`` that the head gives to block l's tokens is differentiated
    with respect to the block's attention matrix. The map is the positive part, averaged over heads, queries and
    blocks. Needs blocks of global self-attention. Costs two forward passes and one
    backward pass.

    Args:
        blocks: Number of last blocks that are averaged; None for all.

    Raises:
        ValueError: At the call, if the model has no such blocks.

    Example:
        >>> import timm
        >>> LeGrad()(timm.create_model("test_vit"), torch.rand(1, 3, 160, 160)).maps.shape
        torch.Size([1, 160, 160])
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        section="transformers",
        paper="[Bousselham 2024](https://arxiv.org/abs/2404.03214)",
        passes="2 + back",
        needs="blocks of global self-attention through `scaled_dot_product_attention`",
        oracle="torchcam",
        check="autograd block by block",
    )

    blocks: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.blocks is not None and self.blocks < 1:
            raise ValueError(f"`blocks` must be at least 1, or None for all, got {self.blocks}")

    def saliency(self, evidence: Evidence) -> Tensor:
        """Compute the mean positive gradient at the attention to each position, (N, h, w)."""
        blocks = find_attention_blocks(evidence.model, lambda: evidence.forward(evidence.images[:1]))
        if not blocks:
            raise ValueError(
                f"{self.name} reads the attention of transformers whose positions all attend to each other, and found "
                f"no such block in {type(evidence.model).__name__}: choose 'grad-cam', which works on any classifier"
            )
        gradients = attention_gradients(evidence, blocks[-(self.blocks or len(blocks)) :])
        attention = torch.stack([each.relu().mean(dim=(1, 2)) for each in gradients]).mean(dim=0)  # (N, T)
        tokens = attention[:, :, None]
        return to_maps(tokens, evidence.image_size, prefix_tokens=count_prefix_tokens(evidence.model))[:, 0]


def attention_matrix(query: Tensor, key: Tensor, mask: Tensor | None = None, scale: float | None = None) -> Tensor:
    """Compute the attention of every query to every key, ``softmax(Q K^T scale + mask)``.

    Args:
        query: (N, heads, T, d).
        key: (N, heads, T, d).
        mask: Values added to the scores, or boolean, True where attention is allowed.
        scale: Factor of the scores; one over the square root of d by default.

    Returns:
        (N, heads, T, T), rows summing to 1.
    """
    scores = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(dim=-1)


def attention_gradients(evidence: Evidence, blocks: list[nn.Module]) -> list[Tensor]:
    """Compute for each block the gradient of the score that the head gives to its tokens, at its attention matrix.

    Args:
        evidence: The evidence.
        blocks: The blocks, in the order in which they are called.

    Returns:
        Gradients (N, heads, T, T), one per block.
    """
    with torch.enable_grad(), _tokens_of_all_blocks_at_once(blocks) as matrices:
        scores = evidence.forward(evidence.images)
        owner = torch.arange(len(evidence.images), device=scores.device).repeat(len(blocks))
        score = evidence.target.score(at_least_float32(scores), owner).sum()
    return [at_least_float32(gradient) for gradient in torch.autograd.grad(score, matrices)]


@contextmanager
def _tokens_of_all_blocks_at_once(blocks: list[nn.Module]) -> Iterator[list[Tensor]]:
    """Yield the attention matrices of a forward pass in which the head gets the tokens of every block.

    The head's batch is the batches of all blocks, one after the other. Each block's tokens depend on its own attention
    matrix alone, because the tokens that the next block gets are detached.
    """
    matrices: list[Tensor] = []
    tokens: list[Tensor] = []
    inside: list[nn.Module] = []

    def begin(module: nn.Module, inputs: Any) -> None:
        inside.append(module)

    def end(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        inside.pop()
        tokens.append(output)
        return torch.cat(tokens) if module is blocks[-1] else output.detach()

    def keeping(original: Attention) -> Attention:
        def attend(
            query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *rest: Any, **settings: Any
        ) -> Tensor:
            if not inside or not is_self_attention(query, key):
                return original(query, key, value, attn_mask, *rest, **settings)
            matrix = attention_matrix(query, key, attn_mask, settings.get("scale")).detach().requires_grad_()
            matrices.append(matrix)
            return matrix @ value

        return attend

    handles = []
    try:
        for block in blocks:
            handles += [block.register_forward_pre_hook(begin), block.register_forward_hook(end)]
        with replaced_attention(keeping):
            yield matrices
    finally:
        for handle in handles:
            handle.remove()
