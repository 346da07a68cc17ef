"""Training runs whose data set draws from a generator of its own are the same beside a callback."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from camaug import GradCAM
from camaug.callbacks import CamEvaluator, CamLogger
from tests.toys import ToyClassifier
from tests.utils.test_own_generators import GENERATORS, Noisy


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("create", [CamLogger, CamEvaluator])
def test_a_run_beside_a_callback_is_the_run_without_it(kind, create, make_trainer):
    def train(*callbacks: L.Callback) -> list[torch.Tensor]:
        torch.manual_seed(0)
        module, data = ToyClassifier(), Noisy(kind)
        make_trainer(*callbacks, max_epochs=1).fit(module, DataLoader(data, batch_size=4))
        return module.seen

    alone = train()
    beside = train(create(explainer=GradCAM(layer="net.4"), num_images=4))
    assert all(map(torch.equal, alone, beside))
