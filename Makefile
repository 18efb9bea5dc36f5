# One line a task; `make help` lists them. Needs GNU make, a POSIX shell and Python >= 3.11 with pip.
#
# python3-venv is not needed: the environment is made without pip, and the pip of PYTHON installs into it.
# Everything downloaded is pinned by hash in requirements*.lock; the project itself is built from this checkout by
# the hatchling of the same lock. Stamp files make a second run install nothing.

PYTHON ?= python3
ARGS ?=
DATA ?= ../shared/data
SEEDS ?= 101-120

BIN := .venv/bin
PIP := $(PYTHON) -m pip --disable-pip-version-check --python $(BIN)/python install --quiet
CODE := edge_agent gateway analytics demo_line deploy tests

.PHONY: help demo install install-dev test check format lock bench bench-analytics evaluate faults faults-long replay-proof clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:[^#]*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

demo: install ## run the showroom and open it in a browser (ARGS="--no-browser --port 18080")
	@$(BIN)/showroom up $(ARGS)

install: .venv/installed ## install into .venv what is needed to run

install-dev: .venv/installed-dev ## install into .venv what is needed to develop

test: install-dev ## run the tests (ARGS="tests/deploy -k broker")
	@$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile $(ARGS)

check: install-dev ## format, lint, types, import rules, lock files
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/architecture

format: install-dev ## format the code and sort its imports
	$(BIN)/ruff check --select I --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lock: ## pin the newest versions with their hashes, for every platform (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: $(PYTHON) -m pip install --user uv" >&2; exit 1; }
	uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --extra build \
		pyproject.toml -o requirements.lock
	uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --extra build --extra dev \
		-c requirements.lock pyproject.toml -o requirements-dev.lock

bench: install-dev ## measure throughput, latency and query times; writes build/bench.json
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-analytics: install ## score the analytics on recordings of real machines (DATA=folder); writes build/bench-analytics.json
	@$(BIN)/python -m analytics.benchmarks table --data $(DATA) $(ARGS)

evaluate: install ## assess simulated runs and score that against their truth; writes docs/evaluation.md (SEEDS=101-120)
	@$(BIN)/showroom evaluate --seeds $(SEEDS) --out docs/evaluation.md $(ARGS)

faults: install-dev ## 50 seeded faults at full length, the ledger checked after each
	@$(BIN)/python -m tests.faults --count 50 $(ARGS)

faults-long: install-dev ## 1,000 seeded faults at full length
	@$(BIN)/python -m tests.faults --count 1000 $(ARGS)

replay-proof: install-dev ## replay recordings of two real plants and compare every stored row
	@$(BIN)/python -m tests.replay_proof --data $(DATA) $(ARGS)

clean: ## remove the environment and everything built or cached
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python >= 3.11 is needed; '$(PYTHON)' is not. Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
		echo "pip is missing: sudo apt-get install python3-pip   (or: $(PYTHON) -m ensurepip --user)" >&2; exit 1; }
	@$(PYTHON) -m venv --without-pip .venv
	@touch $@

.venv/installed: .venv/created requirements.lock pyproject.toml
	@echo "Installing into .venv (once, one to three minutes) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Installing the tools for tests and checks into .venv ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
