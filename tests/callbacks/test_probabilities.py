"""Modules whose forward ends in a softmax: every callback and `explain` say so."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from camaug.callbacks import CamEvaluator, CamLogger, CamWriter, GroupCamAugmentation
from camaug.single_image.explain import explain
from tests.toys import ToyClassifier

SOFTMAX = "outputs are probabilities, since each row sums to 1.*remove the softmax"


class Probabilities(ToyClassifier):
    """Classifier whose forward ends in a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.net.append(nn.Softmax(dim=1))


@pytest.mark.parametrize(
    "create",
    [
        lambda: CamLogger("grad-cam", num_images=4),
        lambda: CamEvaluator("drift", explainer="grad-cam", num_images=4),
        lambda: GroupCamAugmentation("grad-cam", blur_kernel_size=5),
    ],
)
@pytest.mark.parametrize("module", [Probabilities, ToyClassifier])
def test_callbacks_say_so_once_before_the_first_step(module, create, make_trainer, recwarn):
    images, labels = torch.rand(8, 3, 24, 24), torch.arange(8) % 3
    loader = DataLoader([*zip(images, labels, strict=True)], batch_size=4)
    module, callback = module(), create()
    steps_before = []
    original = module.training_step
    module.training_step = lambda *batch: (
        steps_before.append([each for each in recwarn if "each row sums to 1" in str(each.message)]),
        original(*batch),
    )[1]
    make_trainer(callback, max_epochs=2).fit(module, loader, loader)
    expected = isinstance(module, Probabilities)
    assert [len(each) for each in (steps_before[0], steps_before[-1])] == [expected] * 2
    if expected:
        assert type(callback).__name__ in str(steps_before[0][0].message)


def test_explain_and_predict_say_so(tmp_path, make_trainer):
    image, path = torch.rand(3, 24, 24), tmp_path / "photo.png"
    path.write_bytes(b"")
    with pytest.warns(UserWarning, match=SOFTMAX):
        explain(Probabilities(), image, "grad-cam")
    writer = CamWriter("grad-cam", directory=tmp_path / "results")
    with pytest.warns(UserWarning, match=f"CamWriter: .*{SOFTMAX}"):
        make_trainer(writer).predict(Probabilities(), DataLoader([{"image": image, "path": str(path)}]))
