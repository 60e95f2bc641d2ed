# make report: the sample's monthly report.  make test: everything that proves it works.
SHELL := /bin/sh
PYTHON ?= python3
CONFIG ?= config/cdnow.toml
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: report test lab bench install lock refresh

report: install
	@case "$(CONFIG)" in \
	config/cdnow.toml) $(BIN)/analysis sample cdnow && \
	  $(BIN)/analysis run --from 1998-05 --to 1998-06 --config $(CONFIG) ;; \
	config/shop.toml) $(BIN)/analysis sample shop && \
	  $(BIN)/analysis run --from 2024-05 --to 2024-06 --config $(CONFIG) ;; \
	*) $(BIN)/analysis run $(MONTH) --config $(CONFIG) ;; \
	esac

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q

lab: install
	JUPYTER_PREFER_ENV_PATH=1 $(BIN)/jupyter lab --notebook-dir=.

bench: install
	$(BIN)/python -m benchmarks

# Execute the notebooks on the sample month and keep only the outputs that nbval compares.
refresh: install
	$(BIN)/python -m analysis.run.refresh

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Use: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# Needs uv. Universal: one file for every platform and Python from 3.11.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --quiet -o requirements.lock
