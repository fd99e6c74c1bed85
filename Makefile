# On a fresh machine with Python 3.11 or newer and make, every target sets itself up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: demo test check bench clean

demo: $(READY)  ## One whole call on this machine, with a recording and a picture.
	$(BIN)/mpc-bridge demo

test: check  ## Everything CI runs.
	$(BIN)/coverage erase
	$(BIN)/pytest --cov --cov-report=
	@# The packages without I/O are tested to the last branch, the rest to 90 %.
	$(BIN)/coverage report --fail-under=100 --include='bridge/stream/*,bridge/audio/*,bridge/multiparty/*,bridge/engine/room.py,bridge/engine/routing.py,bridge/engine/mixer.py,bridge/engine/far_buffer.py,bridge/engine/sounds.py,bridge/call/heard.py'
	$(BIN)/coverage report --fail-under=90

check: $(READY)  ## Format, lint, types, layers, spelling.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell bridge tests samples benchmarks docs README.md CHANGELOG.md CONTRIBUTING.md

bench: $(READY)  ## The figures of the README, measured here and now.
	$(BIN)/python benchmarks/filters.py
	$(BIN)/python benchmarks/stream_cost.py
	$(BIN)/python benchmarks/engine_rooms.py

clean:
	rm -rf $(VENV) demo-out .coverage* .pytest_cache .mypy_cache .ruff_cache

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[pictures,local,postgres]' --group dev
	touch $(READY)
