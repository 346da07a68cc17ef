"""Table of the errors that tell the user what to change: their kinds, and a sentence about each."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.strategies import StrategyRegistry

from camaug.utils.did_you_mean import did_you_mean

__all__ = ["OS_ERRORS", "RULES", "Rule"]

PACKAGE = __name__.partition(".")[0]


class Rule(NamedTuple):
    """A kind of error, and the sentence about it. The first rule that matches an error counts.

    Attributes:
        types: Types of the error.
        origins: Packages or modules one of which raised it; none for any.
        pattern: Regular expression that is searched in its message.
        sentence: The sentence, in which ``{0}``, ``{1}``, … are the groups of the pattern and ``{message}`` the whole
            message; or a function that makes it of the groups.
    """

    types: tuple[type[BaseException], ...]
    origins: tuple[str, ...]
    pattern: str
    sentence: str | Callable[..., str]


def _unknown_accelerator(name: str, *_: str) -> str:
    known = sorted({"auto", "gpu", *AcceleratorRegistry.available_accelerators()})
    return f"`trainer.accelerator` must be one of {', '.join(known)}, got {name!r}, {did_you_mean(name, known)}"


def _unknown_strategy(name: str) -> str:
    hint = did_you_mean(name, map(str, StrategyRegistry.available_strategies()))
    return f"`trainer.strategy` has no value {name!r}, {hint}the most common are auto, ddp, fsdp and deepspeed"


_INPUT = (ValueError, TypeError, RuntimeError, ImportError, OSError)
_SETTING = (MisconfigurationException, ValueError, TypeError)
_CONNECTORS = "lightning.pytorch.trainer.connectors"
_IMAGE_SIZE = (
    "the model does not take images of this size ({message}): set --data.image_size to the size that it was made for, "
    "or build many of timm's transformers for yours with --model.model_args '{{\"img_size\": SIZE}}'"
)

RULES: Sequence[Rule] = (
    # Machines
    Rule(
        _SETTING,
        (_CONNECTORS,),
        r"No supported gpu backend found|CUDAAccelerator`? can not run|MPSAccelerator`? can not run",
        "there is no GPU here that PyTorch can use: set --trainer.accelerator cpu (or auto), or install PyTorch for "
        "this machine's GPU and its driver",
    ),
    Rule(
        _SETTING,
        ("lightning",),
        r"You requested gpu: (\[.*?\])\s+But your machine only has: (\[.*?\])",
        "trainer.devices needs the GPUs {0}, and this machine has {1}: set --trainer.devices to at most their number, "
        "or --trainer.devices auto",
    ),
    Rule(_SETTING, (_CONNECTORS,), r"invalid accelerator name: `accelerator='?(.*?)'?`", _unknown_accelerator),
    Rule(_SETTING, (_CONNECTORS,), r"invalid strategy name: `strategy='?(.*?)'?`", _unknown_strategy),
    Rule(
        (RuntimeError,),
        (),
        r"(?s)EADDRINUSE|[Aa]ddress already in use",
        "the port over which the processes of a training run meet is in use, probably by another run ({message}): end "
        "it, or set the environment variable MASTER_PORT to a free port",
    ),
    Rule(
        (RuntimeError,),
        (),
        r"DataLoader worker \(pid.*?\) is killed by signal: (Terminated|Interrupt|Hangup)",
        "the program was told to end (signal: {0}), and so were the processes that load images. The same `fit` with "
        "--ckpt_path last goes on, and so does the same `predict`",
    ),
    Rule(
        (RuntimeError,),
        (),
        r"Connection closed by peer|Connection reset by peer",
        "another process of this training run has ended, and its own message above says why. If the run was told to "
        "end, the same `fit` with --ckpt_path last goes on",
    ),
    Rule(
        (RuntimeError,),
        (),
        r"DataLoader worker \(pid.*?\) (is killed by signal: \w+|exited unexpectedly)",
        "a process that loads images ended ({0}), most often because memory is short: set fewer --data.num_workers (0 "
        "for none) or a smaller --data.batch_size",
    ),
    Rule(
        (RuntimeError,),
        (),
        r"bus error encountered in worker|shared memory|ancdata|Too many open files",
        "the processes that load images ran out of shared memory or open files ({message}): set --data.num_workers 0, "
        "or allow more (`docker run --shm-size 8g`, `ulimit -n 65536`)",
    ),
    Rule(
        (RuntimeError,),
        (),
        r"PytorchStreamWriter failed|unexpected pos \d+ vs \d+",
        "a checkpoint could not be written, most likely because the disk is full ({message}): free some space, or "
        "choose another folder (--checkpoint.dirpath FOLDER)",
    ),
    # Models, weights and checkpoints
    Rule((AssertionError,), ("torch",), r"(?i)(image|input).*(height|width)|(height|width).*divisible", _IMAGE_SIZE),
    Rule((AssertionError,), ("timm",), "", _IMAGE_SIZE),
    Rule(
        (RuntimeError,),
        ("torch.nn.modules.module",),
        r"(?s)Error\(s\) in loading state_dict for (\w+):\s*(.{0,160})",
        "the checkpoint's weights are not of this model ({1}…): give --model.name, --model.model_args and the classes "
        "that it was trained with",
    ),
    Rule(
        (MisconfigurationException,),
        ("lightning",),
        r"current_epoch=(\d+), but you have set Trainer\(max_epochs=(\d+)\)",
        "the checkpoint has finished {0} epochs, and trainer.max_epochs is {1}: set --trainer.max_epochs above {0} to "
        "go on training",
    ),
    Rule(
        (TypeError,),
        ("timm", "torchvision"),
        r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'",
        "`model.model_args`: {0} has no argument {1!r}",
    ),
    # Networks and packages
    Rule(
        (OSError, RuntimeError, ValueError),
        ("huggingface_hub",),
        "",
        "a download from the Hugging Face Hub failed ({message}): check the connection and the name, or give a file of "
        "weights (--model.checkpoint FILE)",
    ),
    Rule(
        (OSError,),
        ("urllib",),
        "",
        "a download failed ({message}): check the connection, or give a file of weights (--model.checkpoint FILE)",
    ),
    Rule((ImportError,), (), r"Requirement '(.*?)' not met", "{0} is not installed: pip install '{0}'"),
    Rule((ImportError,), ("lightning",), r"No module named '([\w.]+)'|`(\w+)`", "{message}: install it with pip"),
    # Settings
    Rule((MisconfigurationException,), ("lightning",), "", "{message}"),
    Rule(_SETTING, (_CONNECTORS,), "", "{message}"),
    Rule(_INPUT, (PACKAGE,), "", "{message}"),
)

OS_ERRORS = {
    errno.ENOENT: "there is no file or folder {path}",
    errno.EACCES: "no permission to read or write {path}: change its permissions, or choose another folder",
    errno.EPERM: "no permission to change {path}: change its owner, or choose another folder",
    errno.EROFS: "{path} is on a disk that cannot be written: choose another folder",
    errno.ENOSPC: "the disk is full{at}: free some space, or choose another folder for the results",
    errno.EDQUOT: "the quota of the disk is exhausted{at}: free some space, or choose another folder",
    errno.EISDIR: "{path} is a folder, and a file is needed",
    errno.ENOTDIR: "a part of the path {path} is a file, and a folder is needed",
    errno.EEXIST: "{path} exists already: move it away, or choose another name",
    errno.ENAMETOOLONG: "the name {path} is longer than the disk allows",
    errno.EMFILE: "too many files are open: set --data.num_workers 0, or allow more (`ulimit -n 65536`)",
    errno.ENOMEM: "this machine has not enough memory: set a smaller --data.batch_size or fewer --data.num_workers",
    errno.EADDRINUSE: "the port is in use, probably by another training run: end it, or set another (MASTER_PORT)",
}
