from __future__ import annotations

import torch

from camaug.explainers.methods.x_grad_cam import axiom_weights


def test_the_weight_of_a_channel_without_activations_is_0():
    assert axiom_weights(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).tolist() == [[0.0]]
