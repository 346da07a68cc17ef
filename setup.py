"""List of the packages: ``callbacks/`` and ``datamodules/`` are installed inside ``camaug``.

A top-level package called ``callbacks`` would collide with the user's own, and setuptools' automatic discovery cannot
rename the packages that it finds. Everything else is in ``pyproject.toml``.
"""

from setuptools import find_packages, setup

MOVED = ["callbacks", "datamodules"]

setup(
    packages=find_packages(include=["camaug", "camaug.*"])
    + [f"camaug.{package}" for name in MOVED for package in find_packages(include=[name, f"{name}.*"])],
    package_dir={"camaug": "camaug", **{f"camaug.{name}": name for name in MOVED}},
)
