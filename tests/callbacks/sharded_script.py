"""Training runs of a model that FSDP2 shards, which test_sharded.py starts as two ranks."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader

import camaug.inspection.sharded_weights
from camaug import GroupCAM, GroupCamTransform
from camaug.callbacks import CamEvaluator, CamLogger, GroupCamAugmentation
from camaug.training.process_group import own_process_group
from camaug.utils.replaced_attribute import replaced_attribute
from tests.callbacks.ddp_script import SIZE, FailingEvaluator, FailingLogger
from tests.processes import digest, write_result
from tests.small_explainers import SMALL_GROUP_CAM, small
from tests.toys import Blobs, ToyClassifier, TransformedBlobs, quiet_trainer

EXPLAINER = GroupCAM(**SMALL_GROUP_CAM)
BLUR = {"blur_kernel_size": 5, "blur_sigma": 5.0, "fast": False}
METRICS = ("average_drop", "trust", "drift")


class ShardedClassifier(ToyClassifier):
    """A classifier whose layers are sharded one by one."""

    def configure_model(self) -> None:
        if hasattr(self.net, "reshard"):
            return  # sharded by an earlier call
        mesh = self.device_mesh["data_parallel"]
        for layer in self.net:
            if next(layer.parameters(), None) is not None:
                fully_shard(layer, mesh=mesh)
        fully_shard(self.net, mesh=mesh)


class FirstBatch(L.Callback):
    """A record of the first batch as the data set gave it."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.batch = getattr(self, "batch", batch)


def train(
    folder: Path, name: str, *callbacks: L.Callback, data: type[Blobs] = Blobs
) -> tuple[L.Trainer, ShardedClassifier, int]:
    """Train for two epochs.

    Returns:
        The trainer, the module and the number of warnings about explanations that failed.
    """
    L.seed_everything(1, verbose=False)
    module = ShardedClassifier()
    strategy = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1)
    trainer = quiet_trainer(folder, *callbacks, name=name, devices=2, strategy=strategy)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(module, DataLoader(data(SIZE), batch_size=4), DataLoader(Blobs(SIZE), batch_size=4))
    return trainer, module, sum("goes on" in str(each.message) for each in caught)


def final_state(module: ShardedClassifier) -> str:
    """Return a digest of all that training changes: weights, gradients, buffers, losses and random numbers."""
    weights = [parameter.detach().full_tensor() for parameter in module.parameters()]
    gradients = [p.grad.full_tensor() for p in module.parameters() if p.grad is not None]
    rest = [*module.buffers(), torch.tensor(module.losses), torch.get_rng_state()]
    assert all(type(parameter).__name__ == "DTensor" for parameter in module.parameters()), "no longer sharded"
    return digest([*weights, *gradients, *rest])


def augmented_unsharded(batch: list[torch.Tensor]) -> torch.Tensor:
    """Return the images of the first batch, augmented by an unsharded model with the same weights."""
    L.seed_everything(1, verbose=False)
    return GroupCamTransform(ToyClassifier(), EXPLAINER, **BLUR)(*batch)[0]


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    _, module, _ = train(folder, "plain")
    rank = torch.distributed.get_rank()
    result = {"plain": final_state(module), "explained": {}}

    # One method of each kind: queries, gradients at a layer, every layer with its bias, the pixels.
    for name in ("group-cam", "grad-cam", "full-grad", "gradient"):
        explainer = small(name)
        starts_later = GroupCamAugmentation(explainer, preset="paper", share=0.5, start_epoch=9, **BLUR)
        callbacks = CamLogger(explainer, num_images=3), CamEvaluator(METRICS, explainer, 5), starts_later
        trainer, module, warned = train(folder, name, *callbacks)
        result["explained"][name] = final_state(module), warned
    result["metrics"] = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("cam")}

    first = FirstBatch()
    _, module, _ = train(folder, "augmented", first, GroupCamAugmentation(EXPLAINER, preset="paper", **BLUR))
    is_changed = (module.seen[0] - first.batch[0]).abs().amax(dim=(1, 2, 3)) > 0
    result["changed"] = float(is_changed.float().mean())
    result["augmented as unsharded"] = torch.equal(module.seen[0], augmented_unsharded(first.batch))
    result["first batch"] = digest([first.batch[0]])

    bank = GroupCamAugmentation(
        EXPLAINER, preset="paper", refresh_every_n_epochs=1, bank_dir=str(folder / "maps"), **BLUR
    )
    _, module, _ = train(folder, "banked", bank, data=TransformedBlobs)
    result["banked"] = final_state(module)

    failing = FailingLogger(EXPLAINER, num_images=3), FailingEvaluator(["average_drop"], EXPLAINER, 5)
    _, module, result["warnings of failures"] = train(folder, "failing", *failing)
    result["failing"] = final_state(module)

    callbacks = CamLogger(EXPLAINER, num_images=3), CamEvaluator(["average_drop"], EXPLAINER, 5)
    weights = camaug.inspection.sharded_weights
    with replaced_attribute(weights, "_has_memory_for", lambda *_: rank == 0):  # no memory on rank one
        _, module, result["warnings of no memory"] = train(folder, "no memory", *callbacks)
    result["no memory"] = final_state(module)
    write_result(folder, rank, result)


if __name__ == "__main__":
    with own_process_group():
        main()
