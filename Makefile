# Everything runs in .venv, made on first use with the newest Python of this machine that is known
# to work, or with PYTHON where that is set.
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
TESTS := tests

.PHONY: train test quick exhaustive test-compiled test-browser torch accelerator lint notebooks docs clean

# Train the small network on handwritten digits: about a minute on two cores.
train: $(VENV)/installed
	$(BIN)/python experiments/train.py digits

# The tests, the slow ones too, but for the exhaustive ones. Most programs are compiled with little
# optimization of machine code; `.venv/bin/python -m pytest --optimized` takes
# all of them as users have them, in about twice the time.
test: $(VENV)/tested
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not exhaustive and not compiled and not browser" $(TESTS)

# The tests that are not marked slow.
quick: $(VENV)/tested
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not exhaustive and not compiled and not browser" $(TESTS)

# Those that take a minute or more each (the full size in float64, fifty steps on every topology,
# dying processes, full disks, long runs), and further variants of the tests, compiled as users do.
exhaustive: $(VENV)/tested
	$(BIN)/python -m pytest -m "exhaustive and not compiled and not browser" --optimized $(TESTS)

# The small network compiled for slices of TPUs that are not there, on every topology; MARK=exhaustive
# takes the full size. It needs Python 3.12 or newer. libtpu lies beside the other packages, for these
# tests alone: any program of JAX that finds it looks for a TPU.
MARK := not exhaustive
test-compiled: $(VENV)/tpu
	PYTHONPATH=$(VENV)/tpu $(BIN)/python -m pytest -n 2 -m "compiled and $(MARK)" tests/compiling

# The pages of `report` and `serve` in a browser: it needs Chromium, or Debian's chromium-headless-shell, which
# pip does not bring.
test-browser: $(VENV)/browser
	$(BIN)/python -m pytest -m browser tests/reporting tests/serving

# PyTorch, for the tests that compare with it; without it they are skipped. Where no build for the
# CPU alone is offered to pip, Linux takes one with CUDA, of gigabytes.
torch: $(VENV)/tested
	$(PIP) torch==2.13.0

# Check and measure this machine's GPUs or TPUs, in at most ten minutes. jax, flax, optax and numpy
# are enough: taken are those of PYTHON, or else of .venv, or else of python3. SMALL=1 tries it with a
# narrow network; OPTIONS are those of experiments/accelerator.py.
accelerator:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then python=$(BIN)/python; [ -x "$$python" ] || python=python3; fi; \
	PYTHONPATH=".$${PYTHONPATH:+:$$PYTHONPATH}" "$$python" experiments/accelerator.py \
		$(if $(SMALL),--small) $(OPTIONS)

lint: $(VENV)/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python

# Run every notebook from its first cell to its last.
notebooks: $(VENV)/notebooks
	$(BIN)/python .ci/notebooks.py notebooks

# The site, docs/_build/html/docs/index.html, which needs no network. Any warning, such as a link that
# leads nowhere, is an error. Then the examples in docstrings are run.
docs: $(VENV)/docs
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -c docs -d docs/_build/doctrees . docs/_build/html
	$(BIN)/python -m sphinx --quiet --fail-on-warning -b doctest -c docs -d docs/_build/doctrees . docs/_build/doctest
	@echo "docs/_build/html/docs/index.html"

$(VENV)/python: pyproject.toml
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then python=$$(sh .ci/newest_python.sh); fi; \
	if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "alexnet_jax needs Python 3.11 or newer; set PYTHON=..."; exit 1; fi; \
	echo "installing into $(VENV) with $$("$$python" --version): about a minute"; \
	"$$python" -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/python
	$(PIP) --editable '.[train,data,plots]'
	@touch $@

$(VENV)/tested: $(VENV)/python
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/tpu: $(VENV)/tested
	$(PIP) --no-deps --target $@ "$$($(BIN)/python -c "import importlib.metadata as m; \
		print(next(r.split(';')[0] for r in m.requires('jax') if r.startswith('libtpu')))")"

$(VENV)/browser: $(VENV)/tested
	$(PIP) --editable '.[browser]'
	@touch $@

$(VENV)/notebooks: $(VENV)/python
	$(PIP) --editable '.[notebooks]'
	@touch $@

$(VENV)/docs: $(VENV)/python
	$(PIP) --editable '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) build docs/_build *.egg-info
