"""Errors that tell the user what to change, as opposed to faults of the program."""

from __future__ import annotations

import errno
import runpy

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from camaug._cli.refusal import refusal

CONNECTOR = "lightning.pytorch.trainer.connectors.accelerator_connector"
PATCHES = "Input height (100) should be divisible by patch size (16)."
SIZE = "Wrong image height! Expected 224 but got 64!"
WEIGHTS = 'Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: "a".'
WORKER = "DataLoader worker (pid 12) is killed by signal: Killed. "


def raised(error: BaseException, module: str) -> BaseException:
    """Return an error that was raised in a module of this name."""
    try:
        exec("raise error", {"__name__": module, "error": error})
    except BaseException as caught:
        return caught.with_traceback(caught.__traceback__.tb_next)  # without this file, which counts as the user's
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "module", "sentence"),
    [
        (
            MisconfigurationException("No supported gpu backend found!"),
            CONNECTOR,
            "no GPU here that PyTorch can use: set",
        ),
        (
            MisconfigurationException("You requested gpu: [0, 1]\n But your machine only has: [0]"),
            "lightning.fabric.utilities.device_parser",
            r"needs the GPUs \[0, 1\], and this machine has \[0\]: set --tr",
        ),
        (
            ValueError("You selected an invalid accelerator name: `accelerator='gpuu'`. Available"),
            CONNECTOR,
            "mean 'gpu'",
        ),
        (
            ValueError("You selected an invalid strategy name: `strategy='ddpp'`. It"),
            CONNECTOR,
            "'ddpp', did you mean 'ddp'",
        ),
        (
            RuntimeError("listen failed. port: 29500, name: EADDRINUSE"),
            "torch.distributed",
            "MASTER_PORT to a free port",
        ),
        (
            RuntimeError(WORKER),
            "torch.utils.data",
            r"images ended \(is killed by signal: Killed\), .* --data.num_workers",
        ),
        (RuntimeError("unable to open shared memory object"), "torch.multiprocessing", "shm-size"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0"), "torch.serialization", "the disk is full"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "torch", r"short \(2.00 GiB could"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 12 bytes."),
            "torch",
            "12 bytes",
        ),
        (MemoryError(), "numpy", "memory is short: set a smaller --data.batch_size"),
        (AssertionError(PATCHES), "torch", r"images of this size \(Input height \(100\).*set --data.image_size"),
        (AssertionError(SIZE), "torch", "--data.image_size .* '{\"img_size\": SIZE}'"),
        (RuntimeError(WEIGHTS), "torch.nn.modules.module", r"not of this model \(Missing key.*--model.name"),
        (
            MisconfigurationException("a checkpoint with current_epoch=3, but you have set Trainer(max_epochs=1)."),
            "lightning.pytorch",
            "finished 3 epochs, and trainer.max_epochs is 1: set --trainer.max_epochs above 3",
        ),
        (
            TypeError("ResNet.__init__() got an unexpected keyword argument 'x'"),
            "timm.models",
            "ResNet has no argument 'x'",
        ),
        (
            ValueError("Cannot find the file"),
            "huggingface_hub.file_download",
            "Hugging Face Hub failed .*--model.checkpoint",
        ),
        (OSError("name not known"), "urllib.request", "a download failed .*--model.checkpoint FILE"),
        (
            ModuleNotFoundError("Requirement 'wandb>=0.12' not met. HINT: pip"),
            "lightning.pytorch.loggers.wandb",
            "^wandb>=0.12 is not installed: pip install 'wandb>=0.12'$",
        ),
        (
            ModuleNotFoundError("No module named 'comet_ml'"),
            "lightning.pytorch.loggers",
            "'comet_ml': install it with pip",
        ),
        (
            MisconfigurationException("The dataloader is\n   None"),
            "lightning.pytorch.loops",
            "^The dataloader is None$",
        ),
        (ValueError("`share` must be\nin [0, 1]"), "camaug.augmentation.recipe", "^`share` must be\nin"),
        (OSError(errno.ENOSPC, "No space left on device"), "torch", "^the disk is full: free some space"),
        (OSError(errno.ENOSPC, "No space left", "/a/b"), "torch", "^the disk is full at '/a/b': free some space"),
        (OSError(errno.EACCES, "Permission denied", "/a/b"), "pathlib", "no permission to read or write '/a/b'"),
        (OSError(errno.ENOENT, "No such file", "/a/b"), "camaug.images", "there is no file or folder '/a/b'"),
        (OSError(errno.ELOOP, "Too many levels", "/a/b"), "pathlib", "Too many levels: '/a/b'"),
        (OSError(errno.EADDRINUSE, "in use"), "socket", "the port is in use"),
    ],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:20]}" if isinstance(value, Exception) else "",
)
def test_each_kind_is_a_sentence_with_a_way_out(error, module, sentence):
    text = refusal(raised(error, module))
    assert text is not None
    with pytest.raises(ValueError, match=sentence):
        raise ValueError(text)


@pytest.mark.parametrize(
    ("error", "module"),
    [
        (ValueError("x"), "torch.nn"), (AttributeError("x"), "camaug.images"), (KeyError("x"), "camaug.images"),
        (AssertionError("x"), "torch"), (TypeError("f() got an unexpected keyword argument 'x'"), "lightning.pytorch"),
        (OSError("x"), "torch"), (RuntimeError("expected 3 channels"), "torch"),
    ],
)  # fmt: skip
def test_a_fault_of_the_program_is_no_refusal(error, module):
    assert refusal(raised(error, module)) is None


def test_the_cause_of_an_error_counts_too():
    outer = raised(ValueError("x"), "jsonargparse")
    outer.__cause__ = raised(ValueError("the reason"), "camaug.images")
    assert refusal(outer) == "the reason"
    outer.__cause__ = raised(KeyError("x"), "jsonargparse")
    assert refusal(outer) is None


def test_an_error_of_the_users_own_code_names_its_line(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def read():\n    return {}['absent']\nread()\n")
    with pytest.raises(KeyError) as caught:
        runpy.run_path(str(file), run_name="mine")
    assert refusal(caught.value) == f"your code raised KeyError: 'absent' ({file}, line 2, in read)"


def test_a_fault_of_the_package_stays_one_when_users_code_called_it():
    # This test file is the user's code here.
    with pytest.raises(KeyError) as caught:
        exec("raise KeyError('x')", {"__name__": "camaug.images"})
    assert refusal(caught.value) is None
