"""Benchmarks of camaug's cost: ``python benchmarks/run.py``.

The sections run one after the other in one process, on each of the models. The output folder receives ``README.md`` and
``results/``, with one JSON file and the tables' CSV files for each section, model and kind of device. The page is
rendered from all results in the folder, so that a section, a model or a device can be measured on its own:

    python benchmarks/run.py --models squeezenet1_0 resnet50
    python benchmarks/run.py --only memory imports
    python benchmarks/run.py --device cuda --batch-size 64
    python benchmarks/run.py --processor-time
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

# Python puts the folder of this file first, where coverage.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import (  # noqa: E402
    epoch,
    fidelity,
    imports,
    machine,
    memory,
    methods,
    mistakes,
    scaling,
    tab,
    tab_scale,
    training_step,
)
from benchmarks.options import Options  # noqa: E402
from benchmarks.results import Result, load_results, page, save_result  # noqa: E402
from camaug.experiments.print_report import print_report  # noqa: E402
from camaug.experiments.report import Report  # noqa: E402
from camaug.utils.atomic_write import write_atomically  # noqa: E402

SECTIONS = {
    "methods": methods,
    "fidelity": fidelity,
    "training_step": training_step,
    "epoch": epoch,
    "mistakes": mistakes,
    "scaling": scaling,
    "memory": memory,
    "imports": imports,
    "tab": tab,
    "tab_scale": tab_scale,
}
WITHOUT_MODEL = ("imports", "tab", "tab_scale")


def main(args: Sequence[str] | None = None) -> None:
    arguments = _parse(args)
    console = Console()
    output = arguments.output.parent if arguments.output.suffix == ".md" else arguments.output
    file = arguments.output if arguments.output.suffix == ".md" else output / "README.md"
    command = shlex.join(["python", "benchmarks/run.py", *(sys.argv[1:] if args is None else args)])
    if arguments.processor_time:
        torch.set_num_threads(1)
    facts = machine.describe(torch.device(arguments.device))
    if arguments.processor_time:
        facts["time"] = "processor time of one thread, on a machine with other work"
    for order, (name, section) in enumerate(SECTIONS.items()):
        if arguments.only and name not in arguments.only:
            continue
        for model in arguments.models[: 1 if name in WITHOUT_MODEL else None]:
            begun = time.perf_counter()
            tables = section.measure(_options(arguments, model))
            result = Result(
                name, order, str(section.__doc__), _without_output(command, arguments.output), facts, tables
            )
            parts = [arguments.device, name] if name in WITHOUT_MODEL else [arguments.device, name, model]
            save_result(result, output / "results", "_".join(parts).replace("/", "-"))
            print_report(Report(f"{name}, {time.perf_counter() - begun:.0f} s", tables), console)
            # The page is written after every section, so that an interrupted run leaves its results.
            write_atomically(file, page(load_results(output / "results")).encode())
    console.print(f"written: {file}", highlight=False, soft_wrap=True)


def _parse(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["squeezenet1_0", "resnet50"])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="measure processor time of one thread, for a machine with other work",
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="measure these sections only; the others are kept")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="a folder, or README.md in one")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to check that everything runs")
    return parser.parse_args(args)


def _options(arguments: argparse.Namespace, model: str) -> Options:
    if arguments.quick:
        return Options(model, 2, 64, 1, arguments.device, quick=True)
    return Options(
        model,
        arguments.batch_size,
        arguments.image_size,
        arguments.rounds,
        arguments.device,
        processor_time=arguments.processor_time,
    )


def _without_output(command: str, output: Path) -> str:
    """Return the command without its output folder, which does not affect the values."""
    return command.replace(f" --output {shlex.quote(str(output))}", "")


if __name__ == "__main__":
    main()
