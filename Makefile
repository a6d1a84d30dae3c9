# With make and Python 3.11 or newer, two commands do everything: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# Only a default may be passed over for a newer Python; one that was asked for is used or refused.
PYTHONS = $(PYTHON) $(if $(filter file,$(origin PYTHON)),python3.13 python3.12 python3.11)
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11))
# Twice quiet: errors are told, an index that lacks a folder is not.
INSTALL = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input --constraint constraints.txt
PYTEST = $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

# The same examples on every run; `pytest` by hand searches for new ones.
export HYPOTHESIS_PROFILE ?= fixed

.PHONY: demo test check interpreted faults parquet browser pytest docs soak bench matrix clean

demo: $(VENV)/.installed
	$(BIN)/resilience demo --out demo

# All but what has a target of its own; the suite last: its closing line is the last line.
test: check interpreted
	$(PYTEST) -m "not faults and not pages and not browser"

# Runs that are killed, processes and clusters that die, directories in bad hands, hostile and broken inputs.
faults: $(VENV)/.installed-test
	$(PYTEST) -m faults

# GeoParquet in and out: most tests run without pyarrow, as most users do.
parquet: $(VENV)/.installed-test $(VENV)/.installed-parquet
	$(PYTEST) tests/export tests/test_readers_vector.py

# Reports opened in a browser without a network: needs Chromium and a Korean font (Debian: chromium, fonts-noto-cjk).
browser: $(VENV)/.installed-test $(VENV)/.installed-browser
	RESILIENCE_REQUIRE_BROWSER=1 $(BIN)/python -m pytest -m browser tests/browser

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Kernels as plain Python, every branch counted; 97 % are reached.
interpreted: $(VENV)/.installed-test
	NUMBA_DISABLE_JIT=1 $(PYTEST) tests/test_kernels_*.py tests/test_hazard_cells.py tests/test_exposure.py \
	  tests/test_cascade.py tests/test_levels_twin.py tests/test_levels_assess.py \
	  --cov=kernels --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=97

# Every test there is; those of the pages are skipped where no pages were built, those of the browser where there is none.
pytest: $(VENV)/.installed-test
	$(PYTEST)

# Pages into docs/_build/html: every cell of every tutorial runs, a warning is an error; then the pages are looked at.
docs: $(VENV)/.installed-docs $(VENV)/.installed-test
	rm -rf docs/_build
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -d docs/_build/doctrees docs docs/_build/html
	$(BIN)/python -m pytest -m pages tests/test_pages.py

# More kills of a run and many more broken inputs than `make faults` tries: `make soak SOAK=10000`.
SOAK ?= 10000
soak: $(VENV)/.installed-test
	RESILIENCE_KILLS=50 $(PYTEST) tests/test_kill.py
	RESILIENCE_FUZZ_CASES=$(SOAK) $(PYTEST) tests/fuzz

bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks

matrix:
	@for version in 3.11 3.12 3.13; do \
	  if python$$version -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	    $(MAKE) pytest PYTHON=python$$version VENV=.venv-$$version || exit 1; \
	  else \
	    echo "python$$version was not found: not tried"; \
	  fi; \
	done

clean:
	rm -rf .venv .venv-3.* build dist demo docs/_build *.egg-info .coverage .coverage.* htmlcov
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@for python in $(PYTHONS); do \
	  if $$python -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	    echo "making $(VENV) with $$python ($$($$python --version))"; \
	    $$python -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "$$python cannot make virtual environments; on Debian and Ubuntu, install python3-venv" >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "Python 3.11 or newer is needed; tried: $(PYTHONS); name one with: make PYTHON=/path/to/python" >&2; \
	exit 1

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing into $(VENV); the first time takes a minute or two"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test $(VENV)/.installed-docs $(VENV)/.installed-browser $(VENV)/.installed-parquet $(VENV)/.installed-bench: $(VENV)/.installed-%: $(VENV)/.installed
	@echo "installing what '$*' needs"
	@$(INSTALL) --editable '.[$*]'
	@touch $@
