# Every target makes the virtual environment it needs by itself. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALLING = @echo "Installing $(1) into $(VENV); it takes a minute or two, once." >&2

# The links graph, nodes, policies and data at the top lead into the package: only real folders are checked.
CODE := $(wildcard hitl_orchestrator tests benchmarks docs examples notebooks tools)

.PHONY: help demo test lint structure docs notebooks check lock vulnerabilities format bench soak lowest clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.core ## run the example data end to end, in temporary stores
	$(BIN)/hitl demo

test: $(VENV)/.dev ## all tests but the long runs
	$(BIN)/pytest -n auto --dist worksteal -m "not soak"

lint: $(VENV)/.dev ## format, lint, types, layers, structure, word list
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases examples
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python tools/structure.py
	$(BIN)/python tools/wordlist.py

structure: $(VENV)/.dev ## print layers, modules, import cycles and deep inheritance
	$(BIN)/python tools/structure.py

docs: $(VENV)/.dev ## build the documentation as a site, in build/site
	$(BIN)/python docs/generate.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

notebooks: $(VENV)/.dev ## run the notebooks and refresh their outputs
	$(BIN)/python tools/notebooks.py

check: lint test docs ## all that CI runs

lock: | $(BIN)/python ## pin the newest allowed dependencies of tests and documentation, with their hashes
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-annotate --no-header \
	  --extra dev --extra docs --output-file requirements.lock pyproject.toml

vulnerabilities: $(VENV)/.dev ## look up known vulnerabilities of the locked dependencies
	$(BIN)/python tools/vulnerabilities.py requirements.lock

format: $(VENV)/.dev ## format the code and apply safe lint fixes
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: $(VENV)/.dev ## measure what oversight costs beside bare LangGraph (ARGS=--quick: in about a minute)
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.dev ## the long runs
	$(BIN)/pytest -m soak --timeout 0

lowest: $(VENV)/.dev ## the tests with the lowest allowed dependencies, in an environment of their own
	@echo "Installing hitl with its lowest dependencies into $(VENV)-lowest; it takes a minute or two." >&2
	$(BIN)/python -m venv $(VENV)-lowest
	$(BIN)/python tools/lowest.py > $(VENV)-lowest/pins.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[dev]' --constraint $(VENV)-lowest/pins.txt
	$(VENV)-lowest/bin/pytest -n auto --dist worksteal -m "not soak" --deselect tests/structure/test_wheel.py

clean: ## remove the virtual environment, caches and builds
	rm -rf $(VENV) $(VENV)-lowest build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@for candidate in $${PYTHON:-python3.13 python3.12 python3.11 python3}; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making the virtual environment $(VENV) with $$candidate." >&2; \
	    "$$candidate" -m venv $(VENV); exit 0; \
	  fi; \
	done; \
	echo "Python 3.11 or later is needed and was not found (tried: $${PYTHON:-python3.13 python3.12 python3.11 python3})." >&2; \
	echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 1

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(call INSTALLING,hitl)
	$(PIP) --editable '.[desk,report]'
	@touch $@

# Every archive is compared with its hash in the lock; the package itself is built with what the lock installed.
$(VENV)/.dev: pyproject.toml requirements.lock | $(BIN)/python
	$(call INSTALLING,hitl and its development tools)
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.core
