# Every target sets up what it needs. `make run` and `make test` are all a newcomer has to know.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup

.PHONY: run test check fix bench soak scale fuzz audit screenshot wheel-test lowest clean

run: $(SETUP)  ## talk to the echo bot in the browser: http://127.0.0.1:8000
	@$(BIN)/poe-asgi dev examples/echo.py

test: $(SETUP)  ## the whole suite
	$(BIN)/python -m pytest

check: $(SETUP)  ## what has to hold before a commit: format, lint, types, tests with branch coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

fix: $(SETUP)  ## format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(SETUP)  ## speed beside the official SDK and a hand-written ASGI app, as ratios
	bash benchmarks/run

soak: $(SETUP)  ## stops under load, very many streams and answers, clients that leave: half an hour; `make soak ONLY="stops"`
	$(BIN)/python -m tests.soak $(ONLY)

FUZZ_RUNS ?= 625000

fuzz: $(SETUP)  ## ten million inputs, guided by coverage, for what takes in data from outside; FUZZ_RUNS is for each target
	$(BIN)/python -m pip install --quiet --group fuzz
	set -e; for target in $$($(BIN)/python -c "import fuzz; print(*fuzz.TARGETS)"); do \
		$(BIN)/python -m fuzz $$target --runs $(FUZZ_RUNS); done

audit: $(SETUP)  ## known faults of the packages that are used, where the service that knows them can be reached
	bash tests/audit $(BIN)

screenshot: $(SETUP)  ## the README's picture of the playground; needs a Chromium
	SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/playground/test_looks.py -k readme

scale: $(SETUP)  ## two processes behind nginx with a Redis, 500 streams, one process is killed
	POE_ASGI_SCALE=500 $(BIN)/python -m pytest -q -rs tests/scale

wheel-test: $(SETUP)  ## the suite against the built wheel, from a folder without the sources
	PYTHON=$(PYTHON) bash tests/wheel

lowest: $(SETUP)  ## the suite against the lowest allowed versions
	PYTHON=$(PYTHON) bash tests/lowest

clean:
	rm -rf $(VENV) .venv-* dist build .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(SETUP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --group dev --editable .
	@touch $@
