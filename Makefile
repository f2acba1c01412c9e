# Everything runs in .venv, made on first use with $(PYTHON), 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: train test quick exhaustive torch lint notebooks clean

# Train the small network on handwritten digits: about a minute on two cores.
train: $(VENV)/installed
	$(BIN)/python experiments/train.py digits

TESTS := tests

# The tests, the slow ones too, but for the exhaustive ones. Most programs are compiled with little
# optimization of machine code; `.venv/bin/python -m pytest -m "not exhaustive" --optimized` takes
# all of them as users have them, in about twice the time.
test: $(VENV)/tested
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not exhaustive" $(TESTS)

# The tests that are not marked slow.
quick: $(VENV)/tested
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not exhaustive" $(TESTS)

# Those that take a minute or more each (the full size in float64, fifty steps on every topology,
# dying processes, full disks, long runs), and further variants of the tests, compiled as users do.
exhaustive: $(VENV)/tested
	$(BIN)/python -m pytest -m exhaustive --optimized $(TESTS)

# PyTorch, for the tests that compare with it; without it they are skipped. Where no build for the
# CPU alone is offered to pip, Linux takes one with CUDA, of gigabytes.
torch: $(VENV)/tested
	$(PIP) torch==2.13.0

lint: $(VENV)/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Run every notebook from its first cell to its last.
notebooks: $(VENV)/notebooks
	$(BIN)/python .ci/notebooks.py notebooks

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "alexnet_jax needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@echo "installing into $(VENV): about a minute"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/notebooks: $(VENV)/installed
	$(PIP) --editable '.[notebooks]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
