# make demo: train a small classifier with Group-CAM augmentation and heatmaps; needs only Python
# make test: the test suite, with the browser tests if Chromium is installed
# make test-slow: every timm and torchvision architecture, every explainer in every training setting, a kill at every step
# make lint: style and types
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow lint clean

demo: .venv/demo
	$(BIN)/python train.py fit --config configs/demo.yaml

test: .venv/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-slow: .venv/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	rm -rf build/typed && $(BIN)/python setup.py --quiet build_py --build-lib build/typed
	MYPYPATH=build/typed $(BIN)/mypy --package camaug  # as it is installed, callbacks and data modules inside

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

clean:
	rm -rf .venv runs build *.egg-info
