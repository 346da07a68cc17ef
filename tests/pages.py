"""The code on the documentation's pages: its blocks, and what they need to run quickly and without a network."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import lightning as L
import lightning.pytorch.loggers
import timm
import torch
from PIL import Image
from torch import nn

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
OF_OTHERS = ("transformers",)  # packages that the tests of tests/ecosystem have
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        language: Its language; empty for commands.
        code: Its text.
    """

    language: str
    code: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of code of a page, given by its path."""
    return [Block(*match) for match in BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))]


def commands(page: str) -> list[list[str]]:
    """Return the commands of a page, each as a list of words, without comments."""
    found = []
    for language, code in blocks(page):
        if language in ("", "bash"):
            text = ""
            for line in re.sub(r"(^|\s)#.*$", "", code, flags=re.MULTILINE).replace("\\\n", " ").splitlines():
                text += f"{line}\n"
                if text.count("'") % 2 == 0:  # a quotation may go over several lines
                    found.append(shlex.split(text))
                    text = ""
            assert not text, f"a quotation in {page} does not end"
    return [words for words in found if words]


def make_photos(folder: Path, splits: tuple[str, ...] = ("train", "val"), size: int = 72) -> Path:
    """Write two classes of ten two-coloured images each, below the splits if there are any, and a photo."""
    for split in splits or ("",):
        for name, colour in (("ants", (200, 60, 40)), ("bees", (40, 90, 210))):
            (folder / "photos" / split / name).mkdir(parents=True)
            for index in range(10):
                image = Image.effect_noise((size + 8, size), 60).convert("RGB")
                image.paste(colour, (10 + index, 12, 40 + index, 44))
                image.save(folder / "photos" / split / name / f"{index}.jpg")
    Image.effect_noise((size + 8, size), 60).convert("RGB").save(folder / "photo.jpg")
    return folder / "photos"


class SmallTrainer(L.Trainer):
    """A Trainer that fits two batches, whatever the page says."""

    def __init__(self, **settings: Any) -> None:
        small = {"max_epochs": 1, "limit_train_batches": 2, "limit_val_batches": 2, "num_sanity_val_steps": 0}
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
        super().__init__(**settings | small | quiet | {"accelerator": "cpu", "devices": 1})


def run_page(page: str) -> dict[str, Any]:
    """Run the Python blocks of a page one after another in the working folder, and return their names."""
    torch.manual_seed(0)
    names: dict[str, Any] = dict(prepared(page))
    with small_and_offline(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "CamLogger: in epoch .* in common")  # of untrained networks and random images
        for language, code in blocks(page):
            if language == "python":
                exec(compile(code, page, "exec"), names)
    return names


def prepared(page: str) -> dict[str, Any]:
    """Return the names that a page's text introduces without code."""
    if page == "docs/methods.md":
        model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 300))
        return {"model": model, "images": torch.rand(2, 3, 16, 16)}
    if page == "docs/reliability.md":
        return {"step": 12}
    return {}


@contextmanager
def small_and_offline() -> Iterator[None]:
    """Replace the Trainer by a small one, and downloaded networks by random ones."""
    create = timm.create_model

    def create_random(*args: Any, **settings: Any) -> nn.Module:
        return create(*args, **settings | {"pretrained": False})

    with (
        mock.patch.object(L, "Trainer", SmallTrainer),
        mock.patch.object(timm, "create_model", create_random),
        without_downloads_of_transformers(),
        without_services(),
    ):
        yield


@contextmanager
def without_services() -> Iterator[None]:
    """Replace the loggers of services by ones that only check their arguments."""
    loggers = lightning.pytorch.loggers
    services = ("CometLogger", "MLFlowLogger", "WandbLogger")
    replaced = {name: mock.create_autospec(getattr(loggers, name)) for name in services}
    with mock.patch.multiple(loggers, **replaced):
        yield


@contextmanager
def without_downloads_of_transformers() -> Iterator[None]:
    """Replace the pretrained models of Hugging Face, if it is installed, by a small random one."""
    try:
        import transformers
    except ImportError:
        yield
        return

    def small(name: str, num_labels: int, id2label: dict[int, str], **settings: Any) -> Any:
        config = transformers.ViTConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, id2label=id2label
        )
        assert config.num_labels == num_labels
        return transformers.ViTForImageClassification(config)

    with mock.patch.object(transformers.AutoModelForImageClassification, "from_pretrained", small):
        yield


def missing_packages(page: str) -> list[str]:
    """Return the packages of other projects that a page imports and that are not installed."""
    code = "\n".join(block.code for block in blocks(page) if block.language == "python")
    return [package for package in OF_OTHERS if f"from {package} import" in code and not is_installed(package)]


def is_installed(package: str) -> bool:
    try:
        __import__(package)
    except ImportError:
        return False
    return True
