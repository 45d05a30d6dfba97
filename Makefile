# From a machine with nothing but Python 3.10 to 3.13:
#   make demo    train with and without unlabeled images on phantoms, and compare
#   make test    style, types and all tests
#   make unit    style, types and the fast tests
#   make clean   remove what these leave behind, but for the environment in .venv
# PYTHON=... chooses the Python, VENV=... the folder of the environment.

VENV ?= .venv
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.10; do \
    $$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null \
    && echo $$python && break; done)
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test unit check clean python

demo: $(INSTALLED)
	$(BIN)/python -m benchmarks.demo

# The tests' tensors are tiny: more threads only wait for each other, so a process for each of two
# cores; files stay whole, because their tests share what is slow to make, and keep the order of
# tests/conftest.py, which has the slow ones first.
test unit: export OMP_NUM_THREADS = 1
# nnU-Net's commands take a thread for each core nevertheless, which must not wait in a busy loop.
test unit: export OMP_WAIT_POLICY = passive

test: check
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered
	$(BIN)/coverage report --include='nnunetv2_ducisc/method/*' --fail-under=100 --skip-covered

unit: check
	$(BIN)/pytest -n 2 --dist loadfile -m unit

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Written last, so that an installation which was cut off is made again.
$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.10 to 3.13 was found:" \
	    "install one, or run make PYTHON=/path/to/python."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): nnU-Net and PyTorch with CUDA are a download of about 2.5 GB," \
	    "which takes minutes and is done once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=23.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

python:
	@echo $(PYTHON)

clean:
	rm -rf demo_output dist build .coverage .mypy_cache .pytest_cache .ruff_cache
	find nnunetv2_ducisc benchmarks tests -name __pycache__ -exec rm -rf {} +
