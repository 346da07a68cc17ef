"""Programs that tests start as processes of their own, and the signals that those processes inherit."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

ROOT = Path(__file__).parents[1]
RANKS = 2
LEFT_BY_TRAINERS = ("MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE")


@contextmanager
def default_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP act as they do in a terminal, here and in processes started inside the block.

    Background jobs, ``nohup`` and some build servers start a process with these signals ignored, which its children
    inherit.
    """
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    if hasattr(signal, "SIGHUP"):  # which Windows lacks
        handlers[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_program(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the CPU with these arguments, in a process forked from :mod:`tests.program_server`.

    The package and its tests can be imported from any folder.

    Returns:
        The completed process, with everything that was printed in ``stdout``. A program that hangs is ended by SIGALRM.
    """
    (done,) = run_programs([(arguments, environment)], cwd)
    return done


def run_fresh_program(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python as :func:`run_program`, but in a new interpreter, which has imported nothing."""
    with default_signals():
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=environment_of_programs() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )


def run_ranks(module: str, folder: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Run ``python -m module folder arguments`` as two ranks.

    Returns:
        The result of each rank, and everything that the ranks printed.
    """
    output = run_program_as_ranks("-m", module, folder, *arguments)
    return read_results(folder), output


def run_program_as_ranks(*arguments: str | Path) -> str:
    """Run a program as two ranks with torchrun's environment, and return what they printed. If one fails, both end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(RANKS)}
    torchrun = rendezvous | {"TORCHELASTIC_RUN_ID": "tests", "LOCAL_WORLD_SIZE": str(RANKS), "GROUP_RANK": "0"}
    ranks = [torchrun | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(RANKS)]
    done = run_programs([(arguments, environment) for environment in ranks], ROOT)
    output = "".join(rank.stdout for rank in done)
    assert all(rank.returncode == 0 for rank in done), output[-4000:]
    return output


def run_programs(
    programs: Sequence[tuple[Sequence[str | Path], dict[str, str]]], cwd: Path
) -> list[subprocess.CompletedProcess[str]]:
    """Run programs side by side, each given by its arguments and environment variables."""
    server = program_server()
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.NamedTemporaryFile("w+", errors="replace")) for _ in programs]
        requests = [
            {
                "arguments": [str(argument) for argument in arguments],
                "cwd": str(cwd),
                "environment": environment_of_programs() | environment,
                "output": output.name,
            }
            for (arguments, environment), output in zip(programs, outputs, strict=True)
        ]
        print(json.dumps(requests), file=server.stdin, flush=True)
        codes = json.loads(server.stdout.readline())
        return [
            subprocess.CompletedProcess(request["arguments"], code, output.read())
            for request, code, output in zip(requests, codes, outputs, strict=True)
        ]


def environment_of_programs() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in LEFT_BY_TRAINERS}
    return inherited | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@functools.cache
def program_server() -> subprocess.Popen[str]:
    """Start the server at the first call, and return it. :func:`stop_program_server` ends it.

    Skips the test where processes cannot be forked.
    """
    if not hasattr(os, "fork"):
        import pytest

        pytest.skip("needs processes that fork, which Windows has not")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.program_server"],
        cwd=ROOT,
        env=environment_of_programs() | {"HF_HUB_OFFLINE": "1"},  # which is read when it is imported
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stop_program_server() -> None:
    """End the server if it was started."""
    if program_server.cache_info().currsize:
        program_server().communicate()
        program_server.cache_clear()


def write_result(folder: Path, rank: int, result: dict[str, Any]) -> None:
    (folder / f"rank{rank}.json").write_text(json.dumps(result))


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return what each rank wrote with :func:`write_result`."""
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(RANKS)]


def digest(tensors: Iterable[Tensor]) -> str:
    """Return a hash of the tensors' bytes, which a result can hold in place of the tensors."""
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()
