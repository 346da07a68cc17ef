"""A process that has imported the heavy packages and forks into each program that the tests run.

``python -m tests.program_server`` reads a list of programs from each line, and prints their exit codes. The programs of
a list run side by side. If one fails, the others are terminated. Each program is a process of its own that ends as any
Python process does, without the seconds for importing PyTorch and Lightning.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import sys
import types
from pathlib import Path
from typing import Any

PRELOADED = ("camaug.cli", "camaug.callbacks", "camaug.datamodules", "timm", "torch.utils.tensorboard")
TIMEOUT = 240  # seconds, after which a program that hangs is ended by SIGALRM


def main() -> None:
    """Serve programs, or in a forked process run one of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends pytest, which then closes the server's input
    for name in PRELOADED:
        importlib.import_module(name)
    if (program := next_program()) is not None:
        run(**program)


def next_program() -> dict[str, Any] | None:
    """Serve until the input is closed, and return None. Return a program in each process forked to run it."""
    for line in iter(sys.stdin.readline, ""):
        processes = []
        for program in json.loads(line):
            process = os.fork()
            if process == 0:
                return program
            processes.append(process)
        print(json.dumps(wait(processes)), flush=True)
    return None


def wait(processes: list[int]) -> list[int]:
    """Return the exit code of each process, negative for a signal, and terminate the others once one fails."""
    codes: dict[int, int] = {}
    while len(codes) < len(processes):
        process, status = os.wait()
        codes[process] = os.waitstatus_to_exitcode(status)
        if codes[process] != 0:
            for other in set(processes) - set(codes):
                os.kill(other, signal.SIGTERM)
    return [codes[process] for process in processes]


def run(arguments: list[str], cwd: str, environment: dict[str, str], output: str) -> None:
    """Run ``-c code``, ``-m module`` or a script in this process as the interpreter would."""
    redirect(output)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.alarm(TIMEOUT)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    kind, *rest = arguments
    root = sys.path.pop(0)
    if kind == "-m":
        sys.path.insert(0, root)
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    sys.path[:0] = ["" if kind == "-c" else str(Path(kind).parent), root]
    sys.argv = ["-c", *rest[1:]] if kind == "-c" else [kind, *rest]
    module = types.ModuleType("__main__")
    module.__dict__.update({} if kind == "-c" else {"__file__": kind})
    sys.modules["__main__"] = module
    code = rest[0] if kind == "-c" else Path(kind).read_text(encoding="utf-8")
    exec(compile(code, "<string>" if kind == "-c" else kind, "exec"), module.__dict__)


def redirect(output: str) -> None:
    """Read from nothing, and write standard output and errors to a file."""
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, file), (2, file)):
        os.dup2(source, target)


if __name__ == "__main__":
    main()
