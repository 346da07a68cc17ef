"""Writers on a disk that is full: the older file stays, and nothing else."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from camaug.callbacks._logging.write_to_logger import write_to_logger
from camaug.experiments import Report, Table
from camaug.experiments.write_report import write_report
from camaug.single_image.explained_image import ExplainedImage
from camaug.training.whole_checkpoint_io import WholeCheckpointIO
from camaug.utils.atomic_write import write_atomically
from tests.experiments.quiet_console import quiet_console

resource = pytest.importorskip("resource", reason="only Unix limits the size of files")
LIMIT = 100  # bytes, fewer than any of the files


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond a few bytes, as the kernel does without root."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def write_checkpoint(folder: Path, value: float) -> None:
    WholeCheckpointIO().save_checkpoint({"weight": torch.full((1000,), value)}, folder / "last.ckpt")


def write_result(folder: Path, value: float) -> None:
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    logits = torch.tensor([value, 0.0])
    ExplainedImage(image, image[0] * value, logits, 0, ["ant", "bee"], {}, "jet", 0.5).save(folder, "photo", "npy")


def write_table(folder: Path, value: float) -> None:
    table = Table("values", ["method", "value"], [["grad-cam" * 20, value]])
    write_report(Report("A title", tables=[table]), folder, console=quiet_console())


def write_snapshot(folder: Path, value: float) -> None:
    logger = SimpleNamespace(log_dir=folder)  # all that is needed of a logger without images
    write_to_logger(logger, {"cam/0": torch.full((3, 64, 64), value)}, {}, 0)


def write_text(folder: Path, value: float) -> None:
    write_atomically(folder / "record.json", str(value) * 100)


@pytest.mark.parametrize("write", [write_checkpoint, write_result, write_table, write_snapshot, write_text])
def test_a_writer_keeps_the_older_files_and_leaves_nothing_else(write: Callable[[Path, float], None], tmp_path):
    write(tmp_path, 0.25)
    older = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert older
    with pytest.raises(OSError, match="File too large"), full_disk():
        write(tmp_path, 0.75)
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    descriptions = {path for path in older if path.name in ("report.md", "photo.json")}  # of files that were to change
    assert left == {path: content for path, content in older.items() if path not in descriptions}
    write(tmp_path, 0.75)
    assert set(older) == {path for path in tmp_path.rglob("*") if path.is_file()}
