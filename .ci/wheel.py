"""Build the distributions, check what is in them, and use the wheel as someone does who has just installed it.

``make wheel`` builds a source distribution and, from that alone, a wheel; compares their files with the repository's;
installs the wheel into an empty environment, with the newest packages or (``--lowest``) with the oldest supported ones;
and in an empty folder runs the README's first example and opens the tab. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import email
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

from lowest import PROJECT, lowest_versions

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "dist"
TOOLS = ("build==1.6.1", "twine==7.0.0")
INSTALLED_AS = {"camaug": "camaug", "callbacks": "camaug/callbacks", "datamodules": "camaug/datamodules"}
SUFFIXES = (".py", ".pyi", ".js", ".css", ".html", ".svg", ".typed")
COMMAND = "camaug = camaug.cli:command"
PLUGIN = "camaug = camaug.tensorboard.loader:CamaugLoader"
LONGEST_WAIT = 120  # seconds until TensorBoard must serve
IMPORT = """
import sys
import camaug
assert "torch" not in sys.modules, "import camaug imports torch"
print(camaug.__version__, camaug.__file__, sep="\\n")
"""
TRAIN = """

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Classifier(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, batch_idx):
        images, labels = batch
        return nn.functional.cross_entropy(self(images), labels)

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.training_step(batch, batch_idx))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


loader = DataLoader(TensorDataset(torch.rand(16, 3, 32, 32), torch.arange(16) % 2), batch_size=8)
trainer.fit_loop.max_epochs = 2
trainer.fit(Classifier(), loader, loader)
assert trainer.callback_metrics["cam/confidence"] > 0
"""


def main() -> None:
    """Run the steps, each of which raises an error where it fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lowest", action="store_true", help="install the oldest supported packages, not the newest")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "wheel", help="folder of the environments")
    parser.add_argument("--only-build", action="store_true", help="build and check, and install nothing")
    options = parser.parse_args()
    wheel, source = build(options.build)
    check_wheel(wheel)
    check_source(source)
    print(f"{wheel.name}, {source.name}: their files and metadata are correct")
    if options.only_build:
        return
    python = install(wheel, options.build / ("lowest" if options.lowest else "newest"), options.lowest)
    with tempfile.TemporaryDirectory() as empty:
        use(python, Path(empty))
    print("the installed wheel trains, and TensorBoard shows its tab")


def build(folder: Path) -> tuple[Path, Path]:
    """Build both distributions in ``dist/`` and return their paths, the wheel first."""
    python = environment(folder / "tools")
    run(python, "-m", "pip", "install", "--quiet", *TOOLS)
    shutil.rmtree(BUILT, ignore_errors=True)
    run(python, "-m", "build", "--outdir", str(BUILT), str(ROOT))
    (wheel,), (source,) = BUILT.glob("*.whl"), BUILT.glob("*.tar.gz")
    run(python, "-m", "twine", "check", "--strict", str(wheel), str(source))
    return wheel, source


def check_wheel(wheel: Path) -> None:
    """Raise a ValueError unless the wheel has every file of the packages, its metadata and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        about = metadata.rpartition("/")[0]
        fields = email.message_from_bytes(archive.read(metadata))
        entry_points = archive.read(f"{about}/entry_points.txt").decode()
    packaged = {name for name in names if not name.startswith(f"{about}/")}
    require(packaged == files_of_packages(), f"differs from the repository: {packaged ^ files_of_packages()}")
    require(f"{about}/licenses/LICENSE" in names, "has no license")
    lines = [line for line in entry_points.splitlines() if line]
    expected = ["[console_scripts]", COMMAND, "[tensorboard_plugins]", PLUGIN]
    require(lines == expected, f"has the entry points {lines}, expected {expected}")
    require(fields["License-Expression"] == "Apache-2.0", "names no license")
    required = [each for each in fields.get_all("Requires-Dist", []) if "extra ==" not in each]
    of_project = lowest_versions(PROJECT.read_text(encoding="utf-8"))
    require(
        {re.split(r"[\[>]", each)[0]: each.rpartition(">=")[2] for each in required} == of_project,
        f"requires {required}, expected {of_project}",
    )


def check_source(source: Path) -> None:
    """Raise a ValueError unless the source distribution has what the wheel is built from, and no tests."""
    with tarfile.open(source) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    needed = {path.relative_to(ROOT).as_posix() for folder in INSTALLED_AS for path in files_below(folder)}
    needed |= {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "setup.py"}
    require(needed <= names, f"lacks {needed - names}")
    generated = {name for name in names if ".egg-info/" in name or name in ("PKG-INFO", "setup.cfg", "MANIFEST.in")}
    require(names == needed | generated, f"has besides {names - needed - generated}")


def files_of_packages() -> set[str]:
    """Return the files that are installed, relative to ``site-packages``."""
    return {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, package in INSTALLED_AS.items()
        for path in files_below(folder)
    }


def files_below(folder: str) -> list[Path]:
    """Return the repository's files of a package."""
    return [path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]


def require(condition: bool, problem: str) -> None:
    """Raise a ValueError about the distribution unless a condition is true."""
    if not condition:
        raise ValueError(f"the distribution {problem}")


def environment(folder: Path) -> str:
    """Create an empty virtual environment if it is missing, and return its Python."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
    return str(python)


def install(wheel: Path, folder: Path, lowest: bool) -> str:
    """Install the wheel with nothing but its dependencies into a new environment, and return its Python."""
    shutil.rmtree(folder, ignore_errors=True)
    python = environment(folder)
    constraints = []
    if lowest:
        file = folder / "lowest.txt"
        versions = lowest_versions(PROJECT.read_text(encoding="utf-8"))
        file.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
        constraints = ["--constraint", str(file)]
    run(python, "-m", "pip", "install", "--quiet", *constraints, str(wheel))
    run(python, "-m", "pip", "check")
    return python


def use(python: str, folder: Path) -> None:
    """Import the package, train by the README's first example and open the tab, all in an empty folder."""
    version, file = run(python, "-c", IMPORT, cwd=folder).split("\n")[:2]
    require(Path(file).is_relative_to(Path(python).parents[1]), f"is imported from {file}, not as it is installed")
    camaug = str(next(Path(python).parent.glob("camaug*")))
    printed = run(camaug, "--version", cwd=folder).strip()
    require(printed == f"camaug {version}", f"prints the version {printed}, expected {version}")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = readme.partition("```python\n")[2].partition("```")[0]
    (folder / "example.py").write_text(example + TRAIN, encoding="utf-8")
    run(python, "example.py", cwd=folder)
    open_tab(python, folder)


def open_tab(python: str, folder: Path) -> None:
    """Start TensorBoard on the folder, and raise a ValueError unless it serves the tab with the run."""
    log = folder / "tensorboard.txt"
    command = [python, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = wait_for(lambda: re.search(r"http://\S+?:\d+/", log.read_text("utf-8", "replace")), process, log)
        url = f"http://localhost:{address.group().rstrip('/').rpartition(':')[2]}/data"
        listed = json.loads(get(f"{url}/plugins_listing")).get("camaug")
        require(listed is not None, f"adds no tab to TensorBoard, whose output is\n{log.read_text('utf-8', 'replace')}")
        module = listed["loading_mechanism"]["module_path"].rpartition("/data/")[2]
        require(b"export" in get(f"{url}/{module}"), f"serves no JavaScript as {module}")
        wait_for(lambda: json.loads(get(f"{url}/plugins_listing"))["camaug"]["enabled"], process, log)
        runs = json.loads(get(f"{url}/plugin/camaug/runs"))
        require("lightning_logs" in json.dumps(runs), f"shows the runs {runs}, expected that of the example")
    finally:
        process.terminate()
        process.wait()


def wait_for(find, process: subprocess.Popen[bytes], log: Path):  # type: ignore[no-untyped-def]
    """Return what a function finds, or raise an error with TensorBoard's output if it ends or does not."""
    end = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < end and process.poll() is None:
        if found := find():
            return found
        time.sleep(0.2)
    raise TimeoutError(f"TensorBoard did not serve the run in {LONGEST_WAIT} s:\n{log.read_text('utf-8', 'replace')}")


def get(url: str) -> bytes:
    """Return the content of an address of TensorBoard."""
    with urllib.request.urlopen(url, timeout=LONGEST_WAIT) as response:
        content: bytes = response.read()
    return content


def run(*command: str, cwd: Path = ROOT) -> str:
    """Run a program and return its output.

    Raises:
        RuntimeError: If it fails. The message has the command and its output.
    """
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env=alone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout[-8000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
