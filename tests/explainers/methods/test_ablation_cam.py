from __future__ import annotations

import pytest
import torch

from camaug import get_explainer
from camaug.explainers.methods.ablation_cam import ablated_scores
from tests.explainers.compared_networks import TARGETS as TWO_TARGETS
from tests.explainers.compared_networks import assert_same, network_maps, transformer
from tests.explainers.raw_maps import TARGETS, gather_evidence


def test_scores_without_a_channel(net, images):
    _, evidence = gather_evidence("ablation-cam", net, images, TARGETS)
    features = net.body(net.stem(images)).detach()
    for channel in (0, 7):
        without = features.clone()
        without[:, channel] = 0
        expected = net.head(without.mean(dim=(2, 3))).gather(1, TARGETS[:, None])[:, 0]
        with torch.no_grad():
            torch.testing.assert_close(ablated_scores(evidence)[:, channel], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reshapes", [False, True])
def test_weights_of_a_model_whose_later_layers_use_the_batch_size(net, images, reshapes):
    """The images are copied, because copies of the layer's output are not enough."""

    def forward(batch):
        logits = net(batch).view(len(batch), 5) if reshapes else net(batch)
        return logits + torch.stack([image.mean() for image in batch])[:, None]  # one value for each input image

    expected = []
    features = net.body(net.stem(images)).detach()
    score = forward(images).gather(1, TARGETS[:, None])
    for channel in range(12):
        without = features.clone()
        without[:, channel] = 0
        logits = net.head(without.mean(dim=(2, 3))) + images.mean(dim=(1, 2, 3))[:, None]
        expected.append(score - logits.gather(1, TARGETS[:, None]))
    weights = (torch.cat(expected, dim=1) / score.abs()).detach()
    explainer = get_explainer("ablation-cam")
    with torch.no_grad():
        evidence = explainer.gather(net, forward, images[:1], TARGETS[:1])
        weights_of_first = explainer.weights(evidence, evidence.activations)
    torch.testing.assert_close(weights_of_first, weights[:1], rtol=1e-3, atol=1e-4)


def test_the_class_token_is_not_ablated():
    """A channel of the patches' tokens is set to 0, not that of the class token."""
    network = transformer()
    tokens = network.derivatives()[0].detach()
    score = network.model(network.images).gather(1, TWO_TARGETS[:, None])
    lost = []
    for channel in range(tokens.shape[2]):
        ablated = tokens.clone()
        ablated[:, 1:, channel] = 0
        for block in network.model.blocks[4:]:
            ablated = block(ablated)
        lost.append(score - network.model.forward_head(network.model.norm(ablated)).gather(1, TWO_TARGETS[:, None]))
    weights = torch.cat(lost, dim=1).detach() / score.abs().detach()
    assert_same(network_maps("ablation-cam", network), torch.einsum("nk,nkuv->nuv", weights, network.maps[0]).relu())
