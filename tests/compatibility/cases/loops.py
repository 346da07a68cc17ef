"""Cases of loops and precision."""

from __future__ import annotations

from tests.compatibility.case import Case

CASES = [
    Case("`max_steps`", trainer={"max_steps": 2, "max_epochs": -1}),
    Case("gradient accumulation", trainer={"accumulate_grad_batches": 2}),
    Case("`overfit_batches`", trainer={"overfit_batches": 1}),
    Case("`limit_train_batches`", trainer={"limit_train_batches": 1}),
    Case("`reload_dataloaders_every_n_epochs`", trainer={"reload_dataloaders_every_n_epochs": 1}),
    Case("several validations in an epoch", trainer={"val_check_interval": 0.5}),
    Case("gradient clipping", trainer={"gradient_clip_val": 0.5}),
    Case("`bf16-mixed`", trainer={"precision": "bf16-mixed"}),
    Case("`bf16-true`", trainer={"precision": "bf16-true"}),
    Case("`64-true`", trainer={"precision": "64-true"}),
    Case("`deterministic=True`", trainer={"deterministic": True}),
]
