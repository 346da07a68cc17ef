"""Run by test_sharded.py as two processes: trainings of a model that FSDP2 shards."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
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
from tests.callbacks.ddp_script import FailsOnOneRank, FailsToDraw, digest
from tests.processes import write_result
from tests.small_explainers import small
from tests.toys import Blobs, ToyClassifier, TransformedBlobs

EXPLAINER = GroupCAM(groups=4, theta=None, weighted=False, blur_kernel_size=5, blur_sigma=5.0)
BLUR = {"blur_kernel_size": 5, "blur_sigma": 5.0, "fast": False}
METRICS = ("average_drop", "trust", "drift")


class Sharded(ToyClassifier):
    def configure_model(self) -> None:
        if hasattr(self.net, "reshard"):
            return  # by an earlier call
        mesh = self.device_mesh["data_parallel"]
        for layer in self.net:
            if next(layer.parameters(), None) is not None:
                fully_shard(layer, mesh=mesh)
        fully_shard(self.net, mesh=mesh)


def train(folder: Path, name: str, *callbacks: L.Callback, data: type[Blobs] = Blobs) -> tuple[L.Trainer, Sharded, int]:
    """Two epochs; the trainer, the module and how many warnings there were."""
    L.seed_everything(1, verbose=False)
    module = Sharded()
    trainer = L.Trainer(
        accelerator="cpu",
        devices=2,
        strategy=ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1),
        max_epochs=2,
        callbacks=list(callbacks),
        logger=L.pytorch.loggers.TensorBoardLogger(folder, name=name, version="0"),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # 22 images make uneven last batches: 4, 4, 3 in each process.
        trainer.fit(module, DataLoader(data(22), batch_size=4), DataLoader(Blobs(22), batch_size=4))
    return trainer, module, sum("goes on" in str(each.message) for each in caught)


def left_behind(module: Sharded) -> str:
    """A digest of all that training changes: whole weights, buffers, gradients' absence, losses, random numbers."""
    whole = [parameter.detach().full_tensor() for parameter in module.parameters()]
    gradients = [p.grad.full_tensor() for p in module.parameters() if p.grad is not None]
    rest = [*module.buffers(), torch.tensor(module.losses), torch.get_rng_state()]
    assert all(type(parameter).__name__ == "DTensor" for parameter in module.parameters()), "no longer sharded"
    return digest([*whole, *gradients, *rest])


class Remembers(L.Callback):
    """Keeps the first batch as the data set gave it."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.batch = getattr(self, "batch", batch)


def augmented_by_hand(batch: list[torch.Tensor]) -> torch.Tensor:
    """A first batch augmented with the same weights in one piece."""
    L.seed_everything(1, verbose=False)
    return GroupCamTransform(ToyClassifier(), EXPLAINER, **BLUR)(*batch)[0]


def no_room_on_rank_one(rank: int) -> Callable[[], None]:
    has_memory_for = camaug.inspection.sharded_weights._has_memory_for
    camaug.inspection.sharded_weights._has_memory_for = lambda shards, here: rank == 0
    return lambda: setattr(camaug.inspection.sharded_weights, "_has_memory_for", has_memory_for)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    _, plain, _ = train(folder, "plain")
    rank = torch.distributed.get_rank()
    result = {"plain": left_behind(plain), "watched": {}}

    # Of each way of looking one: queries, gradients at a layer, every layer and its bias, the pixels.
    for name in ("group-cam", "grad-cam", "full-grad", "gradient"):
        explainer = small(name)
        beyond = GroupCamAugmentation(explainer, preset="paper", share=0.5, start_epoch=9, **BLUR)
        watchers = CamLogger(explainer, images=3), CamEvaluator(METRICS, explainer, 5), beyond
        trainer, module, complaints = train(folder, name, *watchers)
        result["watched"][name] = left_behind(module), complaints
    result["figures"] = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("cam/")}

    remembers = Remembers()
    _, module, _ = train(folder, "augmented", remembers, GroupCamAugmentation(EXPLAINER, preset="paper", **BLUR))
    result["augmented as by hand"] = torch.equal(module.seen[0], augmented_by_hand(remembers.batch))
    result["augmented"] = float((module.seen[0] - remembers.batch[0]).abs().amax(dim=(1, 2, 3)).gt(0).float().mean())
    result["first batch"] = digest([remembers.batch[0]])

    bank = GroupCamAugmentation(
        EXPLAINER, preset="paper", refresh_every_n_epochs=1, bank_dir=str(folder / "maps"), **BLUR
    )
    _, module, _ = train(folder, "banked", bank, data=TransformedBlobs)
    result["banked"] = left_behind(module)

    failing = FailsToDraw(EXPLAINER, images=3), FailsOnOneRank(["average_drop"], EXPLAINER, 5)
    _, module, result["complaints of failures"] = train(folder, "failing", *failing)
    result["failing"] = left_behind(module)

    restore = no_room_on_rank_one(rank)
    watchers = CamLogger(EXPLAINER, images=3), CamEvaluator(["average_drop"], EXPLAINER, 5)
    _, module, result["complaints of no room"] = train(folder, "cramped", *watchers)
    result["cramped"] = left_behind(module)
    restore()
    write_result(folder, rank, result)


if __name__ == "__main__":
    with own_process_group():
        main()
