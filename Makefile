# make run    virtual environment, demo world, dashboard at localhost:5006
# make test   everything, browser tests included
VENV    ?= .venv
PYTHON  ?= python3
PORT    ?= 5006
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
TOOLS   := $(VENV)/.tools
BENCH   := $(VENV)-bench
PEERS   := $(BENCH)/.peers
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
	@nice $(BIN)/python -m smcore.validation.kernels.warm >/dev/null 2>&1 &
	$(BIN)/loam demo
	$(BIN)/loam serve --port $(PORT)

test: $(TOOLS) browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: $(TOOLS) browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "slow" $(ARGS)

real: $(READY)
	LOAM_REALDATA=$(abspath $(or $(REALDATA),$(LOAM_REALDATA))) $(BIN)/loam real --home $(CURDIR)/.real --port $(PORT)

lint: $(TOOLS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Peers live in an environment of their own on top of the usual one, so that what both use has the same versions.
$(PEERS): $(TOOLS) benchmarks/peers.txt
	test -x $(BENCH)/bin/python || $(BIN)/python -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/peers.txt
	$(BIN)/python -c 'import site; print("import site; site.addsitedir(%r)" % site.getsitepackages()[0])' > "$$($(BENCH)/bin/python -c 'import site; print(site.getsitepackages()[0])')/beneath.pth"
	@touch $@

bench: $(PEERS)
	OMP_NUM_THREADS=1 $(BENCH)/bin/python -m benchmarks

bench-%: $(PEERS)
	OMP_NUM_THREADS=1 $(BENCH)/bin/python -m benchmarks $*

browser: $(TOOLS)
	@$(BIN)/python tools/find_chromium.py

clean:
	rm -rf $(VENV) $(BENCH) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
