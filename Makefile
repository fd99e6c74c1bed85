# On a fresh machine with Python 3.11 or newer and make, every target sets itself up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: demo test check docs docs-links image-check bench bench-speech bench-peers soak fuzz clean

demo: $(READY)  ## A conversation on this machine, with a recording and a transcript.
	$(BIN)/mpc-bridge demo

test: check  ## Everything CI runs.
	$(BIN)/coverage erase
	rm -rf .adapters && mkdir .adapters
	@# What adapters adapt changes Python for the whole process: one of their own, whose
	@# coverage lies apart, so that nobody reads it while it is written. Four at a time
	@# for the rest: most of them wait. Then what measures time, and nothing beside it.
	COVERAGE_FILE=.adapters/coverage $(BIN)/pytest --cov --cov-report= tests/adapters > .adapters/log & \
		adapters=$$!; \
		$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not alone" --cov --cov-report=; \
		others=$$?; wait $$adapters; adapters=$$?; cat .adapters/log; \
		exit $$((adapters + others))
	$(BIN)/pytest -m alone --cov --cov-report= --cov-append tests/e2e/test_load_figures.py
	@# What is left of processes that were killed while they wrote it.
	rm -f .coverage.*
	$(BIN)/coverage combine --append --keep .adapters/coverage
	@# The packages without I/O are tested to the last branch, the rest to 90 %.
	$(BIN)/coverage report --fail-under=100 --include='bridge/stream/*,bridge/audio/*,bridge/multiparty/*,bridge/engine/room.py,bridge/engine/routing.py,bridge/engine/mixer.py,bridge/engine/far_buffer.py,bridge/engine/sounds.py,bridge/call/heard.py,bridge/speech/turns.py,bridge/speech/memory.py,bridge/speech/echo.py'
	$(BIN)/coverage report --fail-under=90

check: $(READY)  ## Format, lint, types, layers, spelling, secrets, advisories.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell bridge tests samples benchmarks docs README.md CHANGELOG.md CONTRIBUTING.md
	$(BIN)/python .ci/secrets.py
	$(BIN)/python .ci/audit.py

image-check: $(READY)  ## The image's steps, and its start, without a container engine; as root.
	$(BIN)/python -m tests.docker.image

docs: $(READY)  ## The documentation, as pages that need no network: docs/_build/html.
	$(BIN)/sphinx-build --builder html --fresh-env --fail-on-warning --keep-going --quiet docs docs/_build/html

docs-links: $(READY)  ## Whether links to elsewhere still lead somewhere; asks the network.
	$(BIN)/sphinx-build --builder linkcheck --quiet docs docs/_build/links

bench: $(READY)  ## The figures of the README, measured here and now.
	$(BIN)/python benchmarks/filters.py
	$(BIN)/python -m benchmarks.servers
	$(BIN)/python benchmarks/engine_rooms.py

bench-speech: $(READY)  ## The offline conversation with human speech; takes a quarter of an hour.
	@test -d /usr/share/asterisk/sounds/en_US_f_Allison -a -d /usr/share/pocketsphinx/test/data || \
		(echo "apt-get install asterisk-core-sounds-en-wav asterisk-core-sounds-en pocketsphinx-testdata"; exit 1)
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/speech.py
	$(BIN)/python -m benchmarks.conversation_cpu

bench-peers:  ## Other servers, each in a venv of its own; `make bench` then measures them, too.
	test -x .venv-peers/sdk/bin/python || $(PYTHON) -m venv .venv-peers/sdk
	test -x .venv-peers/pipecat/bin/python || $(PYTHON) -m venv .venv-peers/pipecat
	.venv-peers/sdk/bin/python -m pip install --quiet -r benchmarks/servers/peers/requirements-sdk.txt
	.venv-peers/pipecat/bin/python -m pip install --quiet -r benchmarks/servers/peers/requirements-pipecat.txt

soak: $(READY)  ## An hour of calls that come and go; SOAK="--seconds 600" for less.
	$(BIN)/python benchmarks/soak.py $(SOAK)

fuzz: $(READY)  ## Every parser of what strangers send, a minute each; FUZZ="codec --seconds 600" for other.
	$(BIN)/python -m pip install --quiet --group fuzz
	$(BIN)/python tests/fuzz/run.py $(FUZZ)

clean:
	rm -rf .adapters .venv-peers $(VENV) demo-out docs/_build .coverage* .pytest_cache .mypy_cache .ruff_cache

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[pictures,local,postgres,redis,fast,pipecat,livekit,load,ray,otel]' --group dev
	touch $(READY)
