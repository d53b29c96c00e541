# Short recipes; CI and the hooks call the same ones. Everything runs in .venv, made on first use.
SHELL := /bin/bash
BASE_PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PORT ?= 5000
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

INSTALLED := .venv/.installed
BENCH_INSTALLED := .venv/.bench-installed

.PHONY: install run test check serve ui tensorboard track verify bench audit format clean

install: $(INSTALLED)	## the environment alone, with the `bakeoff` command

run: $(INSTALLED)	## the whole competition, then the leaderboards; a part of it: make run ONLY=digits
	@exec bakeoff run $(ONLY)

test: $(INSTALLED)	## lint, types, all tests; the types beside the tests, which leave a core idle now and then
	@ruff format --check .
	@ruff check .
	@mkdir -p .mypy_cache; mypy > .mypy_cache/report.txt 2>&1 & types=$$!; \
	python -m pytest -n auto --dist loadfile --no-loadscope-reorder; tests=$$?; \
	wait $$types; types=$$?; cat .mypy_cache/report.txt; exit $$((tests + types))

check: $(INSTALLED)	## lint and types alone
	@ruff format --check .
	@ruff check .
	@mypy

serve: $(INSTALLED)	## TorchServe with every champion; Ctrl-C stops all of it
	@exec bakeoff serve

ui: $(INSTALLED)	## MLflow on what was run; another port: make ui PORT=5001
	@exec bakeoff ui --port $(PORT)

tensorboard: PORT := 6006
tensorboard: $(INSTALLED)	## TensorBoard on what was run; another port: make tensorboard PORT=6007
	@exec bakeoff tensorboard --port $(PORT)

track: $(INSTALLED)	## bring MLflow in line with the artifacts; rebuilds it if it was deleted
	@exec bakeoff track

verify: $(INSTALLED)	## train the champions again and compare every number; one of them: make verify ONLY=digits
	@exec bakeoff verify $(ONLY)

bench: $(BENCH_INSTALLED)	## the side-by-side measurements, as ratios
	@python -m benchmarks.training
	@python -m benchmarks.peers
	@python -m benchmarks.tuning
	@python -m benchmarks.forecasting
	@python -m benchmarks.metrics
	@python -m benchmarks.tables
	@python -m benchmarks.pictures
	@python -m benchmarks.memory
	@python -m benchmarks.sequences
	@python -m benchmarks.pipeline
	@python -m benchmarks.pipeline stages 400
	@python -m benchmarks.serving

audit: $(INSTALLED)	## simulations of what the verdict claims; takes long
	@python -m benchmarks.audit

format: $(INSTALLED)	## rewrite the code as `make check` wants it
	@ruff format .
	@ruff check --fix .

clean:	## delete everything that a run makes, and the environment
	rm -rf .venv data artifacts .state mlflow.db* mlruns .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt
	@$(BASE_PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "Bakeoff needs Python 3.11, 3.12 or 3.13; found %d.%d. Say which: make BASE_PYTHON=..." % sys.version_info[:2])'
	@test -x .venv/bin/python || $(BASE_PYTHON) -m venv .venv
	@echo "Installing the pinned packages into .venv (a few minutes, once) ..."
	@python -m pip install --quiet -e '.[dev]'
	@touch $@

$(BENCH_INSTALLED): $(INSTALLED)
	@python -m pip install --quiet -e '.[dev,bench]'
	@touch $@
