"""A real TensorBoard in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.tensorboard.waiting import wait_until


class TensorBoardProcess:
    """TensorBoard on a log directory, as a context manager that stops the process.

    Args:
        logdir: Log directory.
        options: Further command-line options.

    Attributes:
        logdir: Log directory.
    """

    def __init__(self, logdir, *options: str) -> None:
        self.logdir = logdir
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--reload_interval", "1", "--host", "127.0.0.1", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.url = self._read_url()

    def __enter__(self) -> TensorBoardProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def tab_url(self) -> str:
        """The tab's page alone, which TensorBoard shows in an iframe."""
        return f"{self.url}data/plugin_entry.html?name=camaug"

    def fetch(self, route: str, **arguments) -> bytes:
        """Return the content of a route of the tab's server."""
        query = urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(f"{self.url}data/plugin/camaug/{route}?{query}") as response:
            content: bytes = response.read()
        return content

    def fetch_json(self, route: str, **arguments) -> Any:
        return json.loads(self.fetch(route, **arguments))

    def wait_for_runs(self, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait until the server's list of runs fulfils a condition."""
        wait_until(lambda: condition(self.fetch_json("runs")["runs"]), "TensorBoard has loaded the runs")

    def stop(self) -> None:
        self.process.kill()  # also where SIGTERM is ignored
        self.process.wait()
        self.process.stderr.close()

    def _read_url(self) -> str:
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if match := re.search(r"http://127\.0\.0\.1:\d+/", line):
                return match[0]
        raise RuntimeError("TensorBoard did not start:\n" + "".join(lines))
