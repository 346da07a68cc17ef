"""Name the packages: ``callbacks/`` and ``datamodules/`` are installed inside ``camaug``.

A top-level package called ``callbacks`` would collide with the user's own, and setuptools' automatic discovery cannot
rename what it finds. Everything else is in ``pyproject.toml``.
"""

from setuptools import find_packages, setup

MAPPED = ["callbacks", "datamodules"]

setup(
    packages=find_packages(include=["camaug", "camaug.*"])
    + [f"camaug.{package}" for package in find_packages(include=[f"{name}*" for name in MAPPED])],
    package_dir={"camaug": "camaug", **{f"camaug.{name}": name for name in MAPPED}},
)
