"""Comparison of the augmentation recipes and their controls: ``python benchmarks/recipes.py``.

A pretrained network is fine-tuned on photos at 128 pixels, by default an EfficientNet-Lite0 on 40 clothing photos of
each of ten classes, for 12 epochs with AdamW. On *marked* photos a square has the colour of the class in 95 % of the
training images. The accuracy is measured on images without a square, with the right and with a wrong one. *Plain*
photos have no squares. A seed determines the drawn images, their squares, the new head, the order and the crops, the
same in every arm. ``CAMAUG_DATA`` (by default ``../shared/data``) has the folders of photos and the weights.

    python benchmarks/recipes.py --plan main --device cuda --workers 14 --output runs.jsonl
    python benchmarks/recipes.py --summarise runs.jsonl

One JSON line is written for each finished run, and the same command continues where it stopped. A run that fails does
not end the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.recipe_arms import ARMS  # noqa: E402
from benchmarks.recipe_summary import read_runs, summarise  # noqa: E402
from benchmarks.recipe_training import Job, run  # noqa: E402
from camaug.experiments.table_text import to_markdown  # noqa: E402

SETTINGS = [
    "hide-salient-0.1",
    "hide-salient-0.35",
    "hide-salient-0.5",
    "hide-salient-image",
    "hide-random-image",
    "hide-runner-up",
    "hide-by-group-cam",
    "paired-hide-symmetric",
    "paired-crop",
    "paired-crop-random",
    "paired-keep",
    "avoid-crop",
]
FEW = ["none", "hide-salient", "hide-random", "paired-hide", "paired-hide-random", "cutmix"]
USUAL = [arm for arm in ARMS if arm not in SETTINGS]


def plan(name: str, seeds: Sequence[int], arms: Sequence[str] | None = None) -> list[Job]:
    """Return the runs of a plan, all of a seed before those of the next one."""
    few = list(arms or FEW)
    conditions: dict[str, list[tuple[list[str], Job]]] = {
        "main": [(list(arms or USUAL), Job("none", marked, 0)) for marked in (True, False)],
        "settings": [(list(arms or SETTINGS), Job("none", True, 0))],
        "more": [
            (few, replace(Job("none", marked, 0), **changes))
            for changes in ({"per_class": 120}, {"epochs": 40}, {"model": "squeezenet1_0"})
            for marked in (True, False)
        ],
        "ants-and-bees": [
            (few, Job("none", marked, 0, data="hymenoptera", per_class=60, epochs=12)) for marked in (True, False)
        ],
        "quick": [
            (
                list(arms or ["none", "paired-hide", "mask-tune"]),
                Job("none", True, 0, per_class=2, epochs=1, batch_size=8, quick=True),
            )
        ],
    }
    return [
        replace(job, arm=arm, seed=seed)
        for seed in seeds
        for arms_of_job, job in conditions[name]
        for arm in arms_of_job
    ]


def main(args: Sequence[str] | None = None) -> None:
    """Run a plan, or print the tables of finished runs."""
    arguments = _parse(args)
    if arguments.summarise:
        for table in summarise(read_runs(arguments.summarise, arguments.seeds)):
            print(f"{table.name}\n\n{to_markdown(table)}\n")
        return
    finished = read_runs(arguments.output) if arguments.output.exists() else []
    jobs = [
        replace(job, device=arguments.device)
        for name in arguments.plan
        for job in plan(name, arguments.seeds or range(10), arguments.arms)
    ]
    done = [{key: each.get(key) for key in jobs[0].settings} for each in finished]
    _run_all([job for job in jobs if job.settings not in done], arguments)


def _run_all(jobs: Sequence[Job], arguments: argparse.Namespace) -> None:
    """Run jobs until the time is up, and write the result of each when it ends."""
    deadline = time.monotonic() + arguments.seconds if arguments.seconds else float("inf")
    waiting, running = list(reversed(jobs)), set[Future[dict[str, Any]]]()
    failures: list[BaseException] = []
    with (
        arguments.output.open("a", encoding="utf-8") as output,
        ProcessPoolExecutor(arguments.workers, get_context("spawn"), torch.set_num_threads, (1,)) as pool,
    ):
        while running or (waiting and time.monotonic() < deadline):
            while waiting and len(running) < arguments.workers and time.monotonic() < deadline:
                running.add(pool.submit(run, waiting.pop()))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for each in ended:
                if error := each.exception():
                    failures.append(error)
                    continue
                output.write(json.dumps(each.result()) + "\n")
                output.flush()
    if waiting:
        print(f"{len(waiting)} runs were not begun before the time was up")
    if failures:
        raise RuntimeError(f"{len(failures)} runs failed") from failures[0]


def _parse(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    plans = ("main", "settings", "more", "ants-and-bees", "quick")
    parser.add_argument("--plan", nargs="+", choices=plans, default=["main"], help="plans, one after the other")
    parser.add_argument("--arms", nargs="+", choices=ARMS, help="the plan's by default")
    parser.add_argument("--seeds", nargs="+", type=int, help="0 to 9 by default; with --summarise, all in the file")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the device, one thread each")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, help="begin no further run after this time")
    parser.add_argument("--output", type=Path, default=Path("runs.jsonl"), help="file of finished runs")
    parser.add_argument("--summarise", type=Path, metavar="FILE", help="print the tables of a file of finished runs")
    return parser.parse_args(args)


if __name__ == "__main__":
    main()
