# Two commands need nothing but Python 3.11 or newer and make:
#
#   make bench    measure what a reply costs on this machine
#   make test     run all tests
#
# `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The Python that makes the environment, as PYTHON=python3.12; the first fit one when empty.
PYTHON ?=
# Flags for `llamawatt bench`; empty for the full protocol.
BENCH ?= --quick
# Flags for `llamawatt serve`.
SERVE ?=
# Test processes side by side.
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL := $(PIP) install --constraint constraints.txt
CODE := src tests tools benchmarks
INPUTS := pyproject.toml constraints.txt

# Stamps: an install is redone only when what it was made from has changed.
CREATED := $(VENV)/.created
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.installed-dev

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: bench
bench: $(INSTALLED) ## Measure what a reply costs on this machine (BENCH="" for the full protocol)
	@$(BIN)/llamawatt bench $(BENCH)

.PHONY: serve
serve: $(VENV)/.installed-gateway ## Serve the default model, with the joules of every answer (SERVE="--port 8080 …")
	@$(BIN)/llamawatt serve $(SERVE)

.PHONY: test
test: $(READY) ## Run all tests: side by side, then those that need the machine to themselves
	@tools/run_tests.sh $(BIN)/python $(JOBS)

.PHONY: properties
properties: $(READY) ## Run the property tests once with 20,000 examples each (takes an hour)
	@LLAMAWATT_TEST_PROFILE=thorough $(BIN)/python -m pytest -q -n $(JOBS) -m "not serial" \
	  -o timeout=3600 tests/analysis tests/core tests/meters tests/testing tests/imports

.PHONY: fuzz
fuzz: $(READY) ## Try the readers of files, servers and plugs on 100,000 broken inputs each (takes hours)
	@LLAMAWATT_TEST_PROFILE=fuzz $(BIN)/python -m pytest -q -n $(JOBS) -o timeout=0 tests/fuzz

.PHONY: check
check: lint types layers docs test ## Everything that must hold before a commit

.PHONY: lint
lint: $(READY) ## Rules and format
	@$(BIN)/ruff check $(wildcard $(CODE))
	@$(BIN)/ruff format --check $(wildcard $(CODE))

.PHONY: format
format: $(READY) ## Bring the code into format, and mend what can be mended by rule
	@$(BIN)/ruff check --fix $(wildcard $(CODE))
	@$(BIN)/ruff format $(wildcard $(CODE))

.PHONY: types
types: $(READY) ## Types, strictly
	@$(BIN)/mypy
	@$(BIN)/mypy tools

.PHONY: layers
layers: $(READY) ## No lower layer imports an upper one
	@$(BIN)/lint-imports

.PHONY: docs
docs: $(READY) ## The generated pages match the program
	@$(BIN)/python -m tools.reference --check
	@$(BIN)/python -m tools.readme --check

.PHONY: reference
reference: $(READY) ## Write the generated pages again
	@$(BIN)/python -m tools.reference
	@$(BIN)/python -m tools.readme

.PHONY: examples
examples: $(INSTALLED) ## Tell the example runs again from their records
	@for run in examples/*/; do \
	  [ ! -f "$$run/study.yaml" ] || $(BIN)/llamawatt report "$$run" || exit; \
	done

.PHONY: constraints
constraints: $(CREATED) ## Pin the newest versions that satisfy pyproject.toml
	@tools/pin_constraints.sh $(BIN)/python

.PHONY: clean
clean: ## Remove the environment, caches and builds; runs stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@tools/create_venv.sh $(VENV) $(PYTHON)
	@touch $@

# hatchling and editables build the package itself: pinned like the rest, so no isolated build.
$(INSTALLED): $(CREATED) $(INPUTS)
	@echo "installing llamawatt into $(VENV) (only when its requirements changed)" >&2
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-gateway: $(INSTALLED)
	@$(INSTALL) --no-build-isolation --editable '.[gateway]'
	@touch $@

$(READY): $(INSTALLED)
	@echo "installing the development tools into $(VENV)" >&2
	@$(INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@
