# What a person types here, and what CI runs: `make help` lists it.
# Needed beforehand: git, make, Python 3.11 or newer. Everything else is installed into $(VENV), as locked in requirements/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: venv
venv: ## install keywatch and all its tools into .venv (PYTHON=python3.12 picks another interpreter)
	@.ci/venv $(VENV) $(PYTHON)

.PHONY: install
install: ## install what a server needs, and no more, into .venv
	@.ci/venv $(VENV) $(PYTHON) runtime

.PHONY: native
native: ## compile keywatch/native/*.c anew, as make venv does when one of them has changed
	@$(BIN)/python -m keywatch.native.build

.PHONY: demo
demo: venv ## run the real daemon against a seeded world, no account needed (ARGS=--once stops after one cycle)
	@$(BIN)/keywatch demo $(ARGS)

.PHONY: test
test: venv ## run every test, on all cores (ARGS="-k name" runs some)
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

.PHONY: test-vault
test-vault: venv ## hold the Vault that VAULT_ADDR and VAULT_TOKEN name (bao server -dev) to what keywatch and its stand-in believe of it
	@test -n "$$VAULT_ADDR" && test -n "$$VAULT_TOKEN" || { echo "set VAULT_ADDR and VAULT_TOKEN; see README, Develop" >&2; exit 2; }
	$(BIN)/pytest $(ARGS) tests/demo

.PHONY: year
year: venv ## a year of 3,000 keys whose sources fail, every standing of every day against an oracle (ARGS="KEYS SEED")
	$(BIN)/python -m tests.year $(ARGS)

.PHONY: check
check: venv ## every static check: format, lint, types, the arrows between the rooms, the locks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python -m pip --disable-pip-version-check check

.PHONY: fix
fix: venv ## let ruff repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: coverage
coverage: venv ## run every test and say which lines and branches none of them reached
	$(BIN)/pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

.PHONY: scan-self
scan-self: venv ## keywatch looks for secrets in its own repository
	$(BIN)/keywatch scan --no-progress .

PEERS := kingfisher-bin detect-secrets
# Into an environment of their own, which several benchmarks share: what is there already is left as it is.
with = { test -d $(VENV)/peers || $(PYTHON) -m venv $(VENV)/peers; } && $(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check $(1)

.PHONY: bench
bench: venv ## how fast scans are, beside peers and the floor; writes benchmarks/RESULTS.md (ARGS="REPOSITORY --runs 3")
	@$(call with,$(PEERS))
	$(BIN)/python -m benchmarks.scan $(ARGS)

.PHONY: bench-detection
bench-detection: venv ## what keywatch finds and flags beside its peers, on a corpus made for it (ARGS=--misses lists misses)
	@$(call with,$(PEERS))
	$(BIN)/python -m benchmarks.detection $(ARGS)

.PHONY: bench-startup
bench-startup: venv ## how long a scan of a small input takes, beside Kingfisher
	@$(call with,$(PEERS))
	$(BIN)/python -m benchmarks.startup

.PHONY: bench-known
bench-known: venv ## what it costs to look for 10,000 known values, and whether each is found and nothing else (ARGS="VALUES TREE")
	$(BIN)/python -m benchmarks.known $(ARGS)

.PHONY: bench-guard
bench-guard: venv ## how long the guard looks at a body of 10 KB
	$(BIN)/python -m benchmarks.guard

.PHONY: bench-follow
bench-follow: venv ## CPU seconds a GB of log through follower and detection, and what an idle look costs (ARGS="MB FILES")
	$(BIN)/python -m benchmarks.follow $(ARGS)

.PHONY: bench-noise
bench-noise: venv ## findings by the MB on large clean source trees, beside Kingfisher (ARGS="DIRECTORY... --rules")
	@$(call with,$(PEERS))
	$(BIN)/python -m benchmarks.noise $(ARGS)

.PHONY: bench-cloudtrail
bench-cloudtrail: venv ## CloudTrail events a second of a core and the memory it takes, beside DuckDB, jq and json (ARGS="FILES EVENTS")
	@$(call with,duckdb)
	$(BIN)/python -m benchmarks.cloudtrail $(ARGS)

.PHONY: bench-audit
bench-audit: venv ## entries of a Vault audit log a second of a core, beside Python's json (ARGS=ENTRIES)
	$(BIN)/python -m benchmarks.audit $(ARGS)

.PHONY: bench-hostile
bench-hostile: venv ## MB/s on input made to take long, beside plain input (ARGS=--rules adds kinds for each rule)
	$(BIN)/python -m benchmarks.hostile $(ARGS)

.PHONY: native-check
native-check: venv ## the tests of keywatch/native under the sanitizers that the compiler here has (ARGS="tests/content -k name" for others)
	$(BIN)/python -m tests.native.sanitized $(ARGS)

.PHONY: fuzz
fuzz: venv ## let a coverage-guided fuzzer (atheris) look for input that breaks detection (ARGS=SECONDS, else 600)
	@test -d $(VENV)/fuzz || $(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/fuzz atheris
	PYTHONPATH=$(VENV)/fuzz $(BIN)/python -m benchmarks.fuzz $(ARGS)

# The locks hold for every supported Python (3.11 on) and name no index. A pin stays until UPGRADE=--upgrade moves it.
UV := $(VENV)/uv/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

.PHONY: lock
lock: venv ## write the locks in requirements/ anew from pyproject.toml (UPGRADE=--upgrade takes newer versions)
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/python -m pip install --quiet uv; }
	$(COMPILE) requirements/build.in --output-file requirements/build.txt
	$(COMPILE) pyproject.toml --extra dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --output-file requirements/runtime.txt --constraints requirements/dev.txt

.PHONY: clean
clean: ## remove everything that make made
	rm -rf $(VENV) build dist keywatch/native/_kernel* htmlcov .coverage *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find keywatch tests -name __pycache__ -type d -prune -exec rm -rf {} +
