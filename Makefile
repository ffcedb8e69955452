# make run    virtual environment, demo world, dashboard at localhost:5006
# make test   everything, browser tests included
VENV    ?= .venv
PYTHON  ?= python3
PORT    ?= 5006
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
TOOLS   := $(VENV)/.tools
export LOAM_HOME ?= $(CURDIR)/.loam
WORKERS ?= 2

# Real files of others, if they lie beside the project: tests that need them skip without.
ifneq ($(wildcard ../shared/realdata/README.md),)
export LOAM_REALDATA ?= $(abspath ../shared/realdata)
endif

.PHONY: run test test-slow real lint bench browser clean
.DEFAULT_GOAL := run

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Loam needs Python 3.11 or newer; set PYTHON=…"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(TOOLS): $(READY) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

run: $(READY)
	$(BIN)/loam demo
	$(BIN)/loam serve --port $(PORT)

test: $(TOOLS) browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-slow: $(TOOLS) browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "slow" $(ARGS)

real: $(READY)
	LOAM_REALDATA=$(abspath $(or $(REALDATA),$(LOAM_REALDATA))) $(BIN)/loam real --home $(CURDIR)/.real --port $(PORT)

lint: $(TOOLS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(TOOLS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check tensorstore==0.1.86
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

browser: $(TOOLS)
	@$(BIN)/python tools/find_chromium.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
