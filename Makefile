# Two commands matter: `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/ready
SAMPLE := inputs/sample/truth.json
# -qq: pip's warnings about places where it looks for packages are of no use here; its errors are shown.
PIP := $(BIN)/pip install -qq --disable-pip-version-check

help: ## list the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/ -/'

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "No Python 3.11 or later was found: install one, or say make PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python has no venv: install it (on Debian or Ubuntu: apt install python3-venv)."; exit 1; }
	@echo "Setting up .venv from requirements.lock: about a minute, once."
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(READY)

$(SAMPLE): $(READY) $(wildcard waitlist/inputs/sample*.py)
	@$(BIN)/waitlist sample --to $(@D)

run: $(SAMPLE) ## forecast the made-up three-trust sample: headline, then where the report is
	@$(BIN)/waitlist run models/sample.toml

test: $(READY) system ## lint, types, the one-way rule and the tests
	@echo "== lint" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== types" && $(BIN)/mypy
	@echo "== rooms" && PYTHONPATH=. $(BIN)/lint-imports
	@echo "== tests" && $(BIN)/pytest -q -n 2 --dist loadfile

# A recalculating spreadsheet and a database server: in CI they are installed; elsewhere tests that need them skip aloud.
system:
	@if [ -n "$$CI" ] && ! { command -v soffice && command -v pg_ctl; } >/dev/null 2>&1; then \
	  echo "== system" && (apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
	    libreoffice-calc-nogui postgresql) >/dev/null 2>&1 || echo "LibreOffice and PostgreSQL could not be installed."; fi

bench: $(READY) ## measure the kernel and whole runs, beside patient-by-patient simulation
	@$(BIN)/python -m benchmarks.bench_kernel
	@$(BIN)/python -m benchmarks.bench_run

lock: ## renew the hashed lock (needs uv)
	uv pip compile pyproject.toml --extra dev --extra bench --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements.lock

.PHONY: help run test system bench lock
