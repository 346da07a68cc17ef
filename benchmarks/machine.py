"""Description of the machine that a benchmark ran on."""

from __future__ import annotations

import datetime
import platform
from pathlib import Path

import torch
import torchvision

import camaug

__all__ = ["describe"]

FLAGS = ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile")


def describe(device: torch.device) -> dict[str, str]:
    """Return the parts of the machine that decide its speed, the versions and the date."""
    facts = {
        "CPU": f"{_cpu_name()}, {torch.get_num_threads()} threads",
        "capabilities": ", ".join(_capabilities()) or "not known",
    }
    if device.type == "cuda":
        gpu = torch.cuda.get_device_properties(device)
        facts["GPU"] = f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, compute capability {gpu.major}.{gpu.minor}"
    versions = {
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "camaug": camaug.__version__,
    }
    facts["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return facts | {"date": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()}


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())


def _capabilities() -> list[str]:
    """Return the flags that the CPU has."""
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return [flag for flag in FLAGS if known.get(flag)] or [torch.backends.cpu.get_cpu_capability()]
