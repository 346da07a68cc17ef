# make demo: train a small classifier with Group-CAM augmentation and heatmaps; needs only Python
# make test: the test suite, with the browser tests if Chromium is installed
# make test-slow: every timm and torchvision architecture, every explainer in every training setting, a kill at every step
# make test-ecosystem: training runs with modules of transformers, MONAI, torchgeo and other packages, and the notebook of examples/,
#     in an environment of its own
# make lint: style, spelling and types, by the tools and versions of .pre-commit-config.yaml
# make wheel: build the distributions, install the wheel into an empty environment and use it there (LOWEST=1: the oldest packages)
# make screenshots: the images of docs/tab.md, of a new run of the demo (some minutes; needs Chromium)
# make docs: the documentation site, in build/site/index.html
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow test-ecosystem lint wheel screenshots docs clean

demo: .venv/demo
	$(BIN)/python train.py fit --config configs/demo.yaml

test: .venv/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: .venv/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m slow

test-ecosystem: .venv-ecosystem/installed
	OMP_NUM_THREADS=1 .venv-ecosystem/bin/python -m pytest -n 2 -rs tests/ecosystem

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	rm -rf build/typed && $(BIN)/python setup.py --quiet build_py --build-lib build/typed
	MYPYPATH=build/typed $(BIN)/mypy --package camaug  # as installed, callbacks and data modules inside

wheel:
	$(PYTHON) .ci/wheel.py $(if $(LOWEST),--lowest)

screenshots: .venv/test
	rm -rf build/screenshots
	$(BIN)/python train.py fit --config configs/demo.yaml --trainer.logger.init_args.save_dir=build/screenshots/runs
	$(BIN)/python docs/tab_screenshots.py --logdir build/screenshots/runs/demo

docs: .venv/docs
	$(BIN)/python docs/site/build.py
	@echo 'Open build/site/index.html'

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	@echo 'Installing into .venv: PyTorch and its CUDA libraries are several GB, this takes some minutes.'
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/test: .venv/bin/python pyproject.toml
	@echo 'Installing into .venv: PyTorch and its CUDA libraries are several GB, this takes some minutes.'
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch .venv/demo $@

.venv/docs: .venv/bin/python pyproject.toml
	@echo 'Installing into .venv: PyTorch and its CUDA libraries are several GB, this takes some minutes.'
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch .venv/demo $@

.venv-ecosystem/installed: pyproject.toml
	@echo 'Installing into .venv-ecosystem: PyTorch and the packages that are tested are several GB, this takes some minutes.'
	test -x .venv-ecosystem/bin/python || $(PYTHON) -m venv .venv-ecosystem
	.venv-ecosystem/bin/python -m pip install --quiet --editable '.[ecosystem]'
	touch $@

clean:
	rm -rf .venv .venv-ecosystem runs build dist *.egg-info
