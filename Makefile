PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types contracts tests format bench clean

demo: .venv/stamp  ## a lender with its loans, served on http://127.0.0.1:8400
	$(BIN)/cartera demo $(if $(NO_SERVE),--no-serve)

test: lint types contracts tests  ## everything CI runs

lint: .venv/stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/stamp
	$(BIN)/mypy

contracts: .venv/stamp
	$(BIN)/lint-imports

tests: .venv/stamp
	$(BIN)/pytest

format: .venv/stamp
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: .venv/stamp
	$(BIN)/python -m bench

clean:  ## stops the embedded servers, then removes their data
	if [ -x $(BIN)/python ]; then $(BIN)/python -m ledger.servers stop; fi
	rm -rf var

.venv/stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
