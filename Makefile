# Every target sets up what it needs: a virtual environment in .venv, then the packages of pyproject.toml.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

quickstart: $(VENV)/experiments  ## six activations on handwritten digits, three seeds, a table and a figure
	OMP_NUM_THREADS=1 $(BIN)/python train.py -m experiment=quickstart fresh=true
	@echo
	$(BIN)/python scripts/aggregate.py table=quickstart
	$(BIN)/python scripts/figures.py figure=quickstart

check: $(VENV)/dev  ## lint, types and the quick tests, in a minute and a half
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --quick

test: $(VENV)/dev  ## everything that runs in minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --durations=12

test-slow: $(VENV)/dev  ## the long tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow

test-slurm: $(VENV)/dev  ## sweeps on a real Slurm that preempts, cancels and kills (root; apt install slurm-wlm munge)
	OMP_NUM_THREADS=1 GEM_REQUIRE_SLURM=1 $(BIN)/python -m pytest -s tests/slurm -m slow

report: $(VENV)/experiments  ## tables, figures, results/report.html, the tables of README.md, from results/records
	$(BIN)/python scripts/report.py rebuild=true

screenshot: $(VENV)/dev  ## the report as docs/findings.md shows it (needs chromium and chromedriver)
	$(BIN)/python -m experiments.report.screenshot

docs: $(VENV)/docs  ## the documentation as pages: build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/experiments  ## speed, as ratios measured side by side (needs MNIST and CIFAR-10)
	$(BIN)/python benchmarks/bench.py train

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "error: $(PYTHON) is older than 3.10; give another one: make PYTHON=python3.12 …"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "error: $(PYTHON) cannot make a virtual environment (on Debian: apt install python3-venv)"; exit 2; }

$(VENV)/experiments: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q -e '.[experiments]'
	@touch $@

$(VENV)/dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q -e '.[experiments,scenes,diffusion,translation,slurm,dev]'
	@touch $@ $(VENV)/experiments

$(VENV)/docs: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q -e '.[docs]'
	@touch $@

.PHONY: help quickstart check test test-slow test-slurm report screenshot docs bench
